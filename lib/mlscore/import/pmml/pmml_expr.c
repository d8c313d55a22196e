/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions: constants, field references, normalizations, functions. */

#include <limits.h>
#include <math.h>
#include <string.h>

#include "import/pmml/pmml_import.h"
#include "ir/pmml_function.h"

#define EXPR_DEPTH 1000   /* expressions and fields inside one another */
#define FUNCTION_DEPTH 64 /* DefineFunctions that apply one another */

uint32_t mlscore_pmml_expr_type(pmml_import *in, uint32_t expr)
{
    const pmml_expr *record = mlscore_pmml_at(in, PMML_TABLE_exprs, expr);

    return record->type;
}

static pmml_expr blank_expr(uint32_t op, uint32_t type)
{
    return (pmml_expr){.op = op,
                       .type = type,
                       .a = PMML_NONE,
                       .b = PMML_NONE,
                       .c = PMML_NONE,
                       .d = PMML_NONE,
                       .e = PMML_NONE};
}

static uint32_t slot_type(pmml_import *in, uint32_t slot)
{
    return mlscore_pmml_slot(in, slot)->type;
}

uint32_t mlscore_pmml_field_expr(pmml_import *in, uint32_t slot)
{
    pmml_expr expr = blank_expr(PMML_OP_FIELD, slot_type(in, slot));

    expr.a = slot;
    return mlscore_pmml_add(in, PMML_TABLE_exprs, &expr);
}

uint32_t mlscore_pmml_cast_expr(pmml_import *in, uint32_t expr, uint32_t type)
{
    pmml_expr cast = blank_expr(PMML_OP_CAST, type);

    if (mlscore_pmml_expr_type(in, expr) == type) {
        return expr;
    }
    cast.a = expr;
    return mlscore_pmml_add(in, PMML_TABLE_exprs, &cast);
}

/** A replacement value: of the type when it can be, else text. */
static uint32_t replacement(pmml_import *in, const pmml_element *element,
                            const char *name, uint32_t type)
{
    const char *text = mlscore_pmml_attr(element, name);

    if (!text) {
        return PMML_NONE;
    }
    const uint32_t constant =
        mlscore_pmml_try_constant(in, type, text, strlen(text));

    return constant != PMML_NONE ? constant
                                 : mlscore_pmml_constant(in, element,
                                                         PMML_STRING, text,
                                                         strlen(text));
}

/** The type of a result that may also be one of the replacements. */
static uint32_t with_constant(pmml_import *in, uint32_t type,
                              uint32_t constant)
{
    if (constant == PMML_NONE || type == PMML_DYNAMIC) {
        return type;
    }
    const pmml_constant *record =
        mlscore_pmml_at(in, PMML_TABLE_constants, constant);

    return record->type == type ? type : PMML_DYNAMIC;
}

/* --- simple ones ----------------------------------------------------------*/

static uint32_t constant_type(const char *text)
{
    double number;
    const size_t length = strlen(text);

    if (mlscore_pmml_parse_number(text, length, &number)) {
        return PMML_STRING;
    }
    return strspn(text, "+-0123456789") == length && fabs(number) <= INT_MAX
               ? PMML_INTEGER
               : PMML_DOUBLE;
}

static uint32_t lower_constant(pmml_import *in, const pmml_element *element)
{
    pmml_expr expr = blank_expr(PMML_OP_CONSTANT, PMML_MISSING);

    if (!mlscore_pmml_boolean(in, element, "missing", 0)) {
        expr.type = mlscore_pmml_type(in, element, "dataType",
                                      constant_type(element->text));
        expr.a = mlscore_pmml_constant(in, element, expr.type, element->text,
                                       strlen(element->text));
    }
    return mlscore_pmml_add(in, PMML_TABLE_exprs, &expr);
}

static uint32_t lower_field_ref(pmml_import *in, pmml_scope *scope,
                                const pmml_element *element)
{
    const uint32_t slot = mlscore_pmml_field(in, scope, element, "field");
    pmml_expr expr = blank_expr(PMML_OP_FIELD, slot_type(in, slot));

    expr.a = slot;
    expr.b = replacement(in, element, "mapMissingTo", expr.type);
    expr.type = with_constant(in, expr.type, expr.b);
    return mlscore_pmml_add(in, PMML_TABLE_exprs, &expr);
}

/** mapMissingTo of the normalizations, a number. */
static uint32_t missing_number(pmml_import *in, const pmml_element *element)
{
    return mlscore_pmml_attr(element, "mapMissingTo")
               ? mlscore_pmml_add_number(
                     in, mlscore_pmml_need_number(in, element,
                                                  "mapMissingTo"))
               : PMML_NONE;
}

uint32_t mlscore_pmml_linear_norms(pmml_import *in,
                                   const pmml_element *element,
                                   uint32_t *count)
{
    const uint32_t first = mlscore_pmml_rows(in, PMML_TABLE_numbers);
    double before = -INFINITY;

    *count = 0;
    PMML_EACH(norm, element) {
        const double orig = mlscore_pmml_need_number(in, norm, "orig");

        if (!(orig > before)) {
            mlscore_pmml_fail(in, MLSCORE_EFORMAT, norm,
                              "LinearNorms are not in ascending order");
        }
        before = orig;
        mlscore_pmml_add_number(in, orig);
        mlscore_pmml_add_number(in,
                                mlscore_pmml_need_number(in, norm, "norm"));
        ++*count;
    }
    if (*count < 2) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                          "NormContinuous has fewer than two LinearNorms");
    }
    return first;
}

static uint32_t lower_norm_continuous(pmml_import *in, pmml_scope *scope,
                                      const pmml_element *element)
{
    static const char *const outliers[] = {"asIs", "asMissingValues",
                                           "asExtremeValues", NULL};
    pmml_expr expr = blank_expr(PMML_OP_NORM_CONTINUOUS, PMML_DOUBLE);

    expr.a = mlscore_pmml_field(in, scope, element, "field");
    expr.b = mlscore_pmml_linear_norms(in, element, &expr.c);
    expr.d = mlscore_pmml_choice(in, element, "outliers", outliers, 0);
    expr.e = missing_number(in, element);
    return mlscore_pmml_add(in, PMML_TABLE_exprs, &expr);
}

static uint32_t lower_norm_discrete(pmml_import *in, pmml_scope *scope,
                                    const pmml_element *element)
{
    static const char *const methods[] = {"indicator", NULL};
    const char *text = mlscore_pmml_need(in, element, "value");
    pmml_expr expr = blank_expr(PMML_OP_NORM_DISCRETE, PMML_DOUBLE);

    mlscore_pmml_choice(in, element, "method", methods, 0);
    expr.a = mlscore_pmml_field(in, scope, element, "field");
    expr.b = mlscore_pmml_constant(in, element, slot_type(in, expr.a), text,
                                   strlen(text));
    expr.e = missing_number(in, element);
    return mlscore_pmml_add(in, PMML_TABLE_exprs, &expr);
}

static uint32_t lower_discretize(pmml_import *in, pmml_scope *scope,
                                 const pmml_element *element)
{
    const uint32_t type =
        mlscore_pmml_type(in, element, "dataType", PMML_STRING);
    pmml_expr expr = blank_expr(PMML_OP_DISCRETIZE, type);

    expr.a = mlscore_pmml_field(in, scope, element, "field");
    expr.d = mlscore_pmml_attr_constant(in, element, "defaultValue", type);
    expr.e = mlscore_pmml_attr_constant(in, element, "mapMissingTo", type);
    expr.b = mlscore_pmml_rows(in, PMML_TABLE_intervals);
    expr.c = 0;
    PMML_EACH(bin, element) {
        const char *text = mlscore_pmml_need(in, bin, "binValue");
        pmml_interval interval = mlscore_pmml_interval(
            in, mlscore_pmml_need_child(in, bin, PMML_E_INTERVAL));

        interval.value =
            mlscore_pmml_constant(in, bin, type, text, strlen(text));
        mlscore_pmml_add(in, PMML_TABLE_intervals, &interval);
        expr.c++;
    }
    return mlscore_pmml_add(in, PMML_TABLE_exprs, &expr);
}

/* --- MapValues ------------------------------------------------------------*/

/** The cell of a row in a column, by full or by local name. */
static const pmml_element *cell(const pmml_element *row, const char *column)
{
    const char *local = strchr(column, ':');

    PMML_EACH(child, row) {
        const char *name = strchr(child->name, ':');

        if (strcmp(child->name, column) == 0 ||
            strcmp(name ? name + 1 : child->name,
                   local ? local + 1 : column) == 0) {
            return child;
        }
    }
    return NULL;
}

static uint32_t cell_constant(pmml_import *in, const pmml_element *row,
                              const char *column, uint32_t type)
{
    const pmml_element *found = cell(row, column);

    if (!found) {
        return PMML_NONE;
    }
    const uint32_t constant = mlscore_pmml_try_constant(
        in, type, found->text, strlen(found->text));

    /* A text that is no value of the field's type matches nothing. */
    return constant;
}

static void map_rows(pmml_import *in, const pmml_element *element,
                     const char *const *columns, pmml_list *words,
                     pmml_expr *expr)
{
    const pmml_element *table =
        mlscore_pmml_need_child(in, element, PMML_E_INLINE_TABLE);
    const char *out = mlscore_pmml_need(in, element, "outputColumn");

    expr->c = 0;
    PMML_EACH(row, table) {
        for (uint32_t i = 0; i < expr->b; i++) {
            mlscore_pmml_list_add(
                in, words,
                cell_constant(in, row, columns[i],
                              slot_type(in, words->items[i])));
        }
        const pmml_element *result = cell(row, out);

        if (!result) {
            mlscore_pmml_fail(in, MLSCORE_EFORMAT, row,
                              "a row has no column \"%.60s\"", out);
        }
        mlscore_pmml_list_add(in, words,
                              mlscore_pmml_constant(in, result, expr->type,
                                                    result->text,
                                                    strlen(result->text)));
        expr->c++;
    }
}

static uint32_t lower_map_values(pmml_import *in, pmml_scope *scope,
                                 const pmml_element *element)
{
    const uint32_t type =
        mlscore_pmml_type(in, element, "dataType", PMML_STRING);
    const size_t pairs =
        mlscore_pmml_count(element, PMML_E_FIELD_COLUMN_PAIR);
    const char **columns = mlscore_pmml_alloc(in, pairs, sizeof(*columns));
    pmml_expr expr = blank_expr(PMML_OP_MAP_VALUES, type);
    pmml_list words = {0};

    PMML_EACH(pair, element) {
        if (pair->kind == PMML_E_FIELD_COLUMN_PAIR) {
            columns[words.count] = mlscore_pmml_need(in, pair, "column");
            mlscore_pmml_list_add(
                in, &words, mlscore_pmml_field(in, scope, pair, "field"));
        }
    }
    if (words.count == 0) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                          "MapValues has no FieldColumnPair");
    }
    expr.b = words.count;
    expr.d = mlscore_pmml_attr_constant(in, element, "defaultValue", type);
    expr.e = mlscore_pmml_attr_constant(in, element, "mapMissingTo", type);
    map_rows(in, element, columns, &words, &expr);
    expr.a = mlscore_pmml_list_words(in, &words);
    return mlscore_pmml_add(in, PMML_TABLE_exprs, &expr);
}

/* --- Apply ----------------------------------------------------------------*/

enum { RESULT_COMMON = PMML_DYNAMIC + 1, RESULT_FIRST, RESULT_REAL,
       RESULT_BRANCH };
#define RESULT_INTEGER PMML_INTEGER
#define RESULT_DOUBLE PMML_DOUBLE
#define RESULT_BOOLEAN PMML_BOOLEAN
#define RESULT_STRING PMML_STRING

typedef struct builtin {
    const char *name;
    uint32_t least, most;
    uint32_t result;
} builtin;

#define FUNCTION_ROW(id, name, least, most, result) \
    {name, least, most, RESULT_##result},
static const builtin builtins[PMML_F_COUNT] = {PMML_FUNCTIONS(FUNCTION_ROW)};
#undef FUNCTION_ROW

/** Functions before they were standard carry "x-". */
static uint32_t find_builtin(const char *name)
{
    if (strncmp(name, "x-", 2) == 0) {
        name += 2;
    }
    for (uint32_t i = 0; i < PMML_F_COUNT; i++) {
        if (strcmp(builtins[i].name, name) == 0) {
            return i;
        }
    }
    return PMML_NONE;
}

static uint32_t common_type(uint32_t left, uint32_t right)
{
    if (left == right) {
        return left;
    }
    if (pmml_is_number(left) && pmml_is_number(right)) {
        return left > right ? left : right; /* integer < float < double */
    }
    return PMML_DYNAMIC;
}

static uint32_t result_type(pmml_import *in, uint32_t function,
                            const pmml_list *arguments)
{
    const uint32_t rule = builtins[function].result;

    if (rule <= PMML_DYNAMIC) {
        return rule;
    }
    const uint32_t start = rule == RESULT_BRANCH ? 1 : 0;
    uint32_t type = mlscore_pmml_expr_type(in, arguments->items[start]);

    if (rule == RESULT_FIRST) {
        return type;
    }
    for (uint32_t i = start + 1; i < arguments->count; i++) {
        const uint32_t next =
            mlscore_pmml_expr_type(in, arguments->items[i]);

        type = rule != RESULT_BRANCH  ? common_type(type, next)
               : type == PMML_MISSING ? next
               : next == type || next == PMML_MISSING ? type
                                                      : PMML_DYNAMIC;
    }
    return rule == RESULT_REAL && type == PMML_INTEGER ? PMML_DOUBLE : type;
}

/** The pattern of a function must be known when a plan is opened. */
static void check_pattern(pmml_import *in, const pmml_element *element,
                          uint32_t index)
{
    const pmml_expr *expr = mlscore_pmml_at(in, PMML_TABLE_exprs, index);
    const pmml_constant *constant =
        expr->op == PMML_OP_CONSTANT && expr->a != PMML_NONE
            ? mlscore_pmml_at(in, PMML_TABLE_constants, expr->a)
            : NULL;

    if (!constant || constant->type != PMML_STRING) {
        mlscore_pmml_fail(in, MLSCORE_EUNSUPPORTED, element,
                          "Apply: the pattern is not a constant text");
    }
    mlscore_pmml_pattern(in, element,
                         mlscore_pmml_symbol_text(in, constant->symbol));
}

static uint32_t apply_builtin(pmml_import *in, const pmml_element *element,
                              uint32_t function, const pmml_list *arguments)
{
    static const char *const invalid[] = {"returnInvalid", "asIs",
                                          "asMissing", NULL};
    const builtin *row = &builtins[function];
    pmml_expr expr = blank_expr(PMML_OP_APPLY, PMML_DYNAMIC);

    if (arguments->count < row->least || arguments->count > row->most) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                          "the function \"%s\" has %u arguments, which is too "
                          "%s",
                          row->name, arguments->count,
                          arguments->count < row->least ? "few" : "many");
    }
    if (function == PMML_F_REPLACE || function == PMML_F_MATCHES) {
        check_pattern(in, element, arguments->items[1]);
    }
    expr.type = result_type(in, function, arguments);
    expr.a = mlscore_pmml_list_words(in, arguments);
    expr.b = arguments->count;
    expr.c = function;
    expr.d = replacement(in, element, "defaultValue", expr.type);
    if (in->version && strcmp(in->version, "4.1") == 0) {
        /* PMML 4.1 called defaultValue so */
        expr.d = expr.d == PMML_NONE
                     ? replacement(in, element, "mapMissingTo", expr.type)
                     : expr.d;
    }
    else {
        expr.e = replacement(in, element, "mapMissingTo", expr.type);
    }
    expr.f = mlscore_pmml_choice(in, element, "invalidValueTreatment",
                                 invalid, PMML_INVALID_RETURN);
    expr.type = with_constant(in, expr.type, expr.d);
    expr.type = with_constant(in, expr.type, expr.e);
    return mlscore_pmml_add(in, PMML_TABLE_exprs, &expr);
}

/** A parameter is a field of its own, so that an argument is computed once
 *  however often the function uses it. */
static uint32_t parameter_slot(pmml_import *in, const pmml_element *parameter,
                               uint32_t argument, uint32_t name)
{
    const pmml_expr expr =
        *(pmml_expr *)mlscore_pmml_at(in, PMML_TABLE_exprs, argument);
    const uint32_t type =
        mlscore_pmml_type(in, parameter, "dataType", expr.type);

    if (expr.op == PMML_OP_FIELD && expr.b == PMML_NONE &&
        type == slot_type(in, expr.a)) {
        return expr.a;
    }
    return mlscore_pmml_derived_slot(
        in, argument, type,
        mlscore_pmml_optype(in, parameter, mlscore_pmml_default_optype(type)),
        name);
}

/** The result of a defined function, or defaultValue when it is missing. */
static uint32_t with_default(pmml_import *in, const pmml_element *element,
                             uint32_t body, uint32_t type)
{
    pmml_expr expr = blank_expr(PMML_OP_FIELD, type);

    expr.a = mlscore_pmml_derived_slot(
        in, body, type, mlscore_pmml_default_optype(type),
        mlscore_pmml_symbol_of(in, mlscore_pmml_attr(element, "function")));
    expr.b = replacement(in, element, "defaultValue", type);
    expr.type = with_constant(in, type, expr.b);
    return mlscore_pmml_add(in, PMML_TABLE_exprs, &expr);
}

/** mapMissingTo of a defined function: if any argument is missing, that; else
 *  the function's result. */
static uint32_t unless_missing(pmml_import *in, const pmml_element *element,
                               const pmml_list *arguments, uint32_t body)
{
    const uint32_t type = mlscore_pmml_expr_type(in, body);
    pmml_expr constant = blank_expr(PMML_OP_CONSTANT, type);

    constant.a = replacement(in, element, "mapMissingTo", type);
    constant.type = ((pmml_constant *)mlscore_pmml_at(
                         in, PMML_TABLE_constants, constant.a))
                        ->type;
    const uint32_t spare =
        mlscore_pmml_add(in, PMML_TABLE_exprs, &constant);

    for (uint32_t i = arguments->count; i-- > 0;) {
        pmml_expr missing = blank_expr(PMML_OP_APPLY, PMML_BOOLEAN);
        pmml_expr choice = blank_expr(
            PMML_OP_APPLY,
            mlscore_pmml_expr_type(in, body) == constant.type ? constant.type
                                                              : PMML_DYNAMIC);

        missing.a = mlscore_pmml_add_words(in, &arguments->items[i], 1);
        missing.b = 1;
        missing.c = PMML_F_IS_MISSING;
        missing.f = PMML_INVALID_RETURN;
        const uint32_t words[3] = {
            mlscore_pmml_add(in, PMML_TABLE_exprs, &missing), spare, body};

        choice.a = mlscore_pmml_add_words(in, words, 3);
        choice.b = 3;
        choice.c = PMML_F_IF;
        choice.f = PMML_INVALID_RETURN;
        body = mlscore_pmml_add(in, PMML_TABLE_exprs, &choice);
    }
    return body;
}

/** The arguments, by the parameters' names. */
static pmml_map bind_parameters(pmml_import *in, const pmml_element *element,
                                const pmml_element *function,
                                const pmml_list *arguments)
{
    pmml_map parameters = {0};
    uint32_t count = 0;

    PMML_EACH(parameter, function) {
        if (parameter->kind != PMML_E_PARAMETER_FIELD) {
            continue;
        }
        const uint32_t name = mlscore_pmml_symbol_of(
            in, mlscore_pmml_need(in, parameter, "name"));

        if (count < arguments->count) {
            mlscore_pmml_map_put(in, &parameters, name,
                                 parameter_slot(in, parameter,
                                                arguments->items[count],
                                                name));
        }
        count++;
    }
    if (count != arguments->count) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                          "the function \"%.60s\" takes %u arguments, not %u",
                          mlscore_pmml_attr(element, "function"), count,
                          arguments->count);
    }
    return parameters;
}

/** Fields that a function derives from its parameters, each from those before
 *  it. */
static void add_function_fields(pmml_import *in, pmml_scope *scope,
                                const pmml_element *function)
{
    PMML_EACH(field, function) {
        if (field->kind != PMML_E_DERIVED_FIELD) {
            continue;
        }
        const uint32_t name = mlscore_pmml_symbol_of(
            in, mlscore_pmml_need(in, field, "name"));
        const uint32_t expr = mlscore_pmml_expr_in(in, scope, field);
        const uint32_t type =
            mlscore_pmml_type(in, field, "dataType",
                              mlscore_pmml_expr_type(in, expr));

        mlscore_pmml_map_put(
            in, &scope->parameters, name,
            mlscore_pmml_derived_slot(
                in, expr, type,
                mlscore_pmml_optype(in, field,
                                    mlscore_pmml_default_optype(type)),
                name));
    }
}

static uint32_t apply_defined(pmml_import *in, pmml_scope *scope,
                              const pmml_element *element,
                              const pmml_element *function,
                              const pmml_list *arguments)
{
    const pmml_map before = scope->parameters;

    if (++in->function_depth > FUNCTION_DEPTH) {
        mlscore_pmml_fail(in, MLSCORE_ELIMIT, element,
                          "functions apply one another too deeply");
    }
    scope->parameters = bind_parameters(in, element, function, arguments);
    add_function_fields(in, scope, function);
    uint32_t body = mlscore_pmml_expr_in(in, scope, function);

    scope->parameters = before;
    in->function_depth--;
    const uint32_t type = mlscore_pmml_type(
        in, function, "dataType", mlscore_pmml_expr_type(in, body));

    body = mlscore_pmml_cast_expr(in, body, type);
    if (mlscore_pmml_attr(element, "defaultValue")) {
        body = with_default(in, element, body, type);
    }
    return mlscore_pmml_attr(element, "mapMissingTo")
               ? unless_missing(in, element, arguments, body)
               : body;
}

static uint32_t lower_apply(pmml_import *in, pmml_scope *scope,
                            const pmml_element *element)
{
    const char *name = mlscore_pmml_need(in, element, "function");
    pmml_list arguments = {0};
    uint32_t index;

    PMML_EACH(argument, element) {
        mlscore_pmml_list_add(in, &arguments,
                              mlscore_pmml_expr(in, scope, argument));
    }
    const uint32_t function = find_builtin(name);

    if (function != PMML_NONE) {
        return apply_builtin(in, element, function, &arguments);
    }
    if (mlscore_pmml_map_get(&in->functions, mlscore_pmml_symbol_of(in, name),
                             &index)) {
        return apply_defined(in, scope, element, in->function_elements[index],
                             &arguments);
    }
    mlscore_pmml_fail(in, MLSCORE_EUNSUPPORTED, element,
                      "Apply: the function \"%.80s\" is not known", name);
}

/* --- all of them ----------------------------------------------------------*/

static uint32_t lower(pmml_import *in, pmml_scope *scope,
                      const pmml_element *element)
{
    switch (element->kind) {
    case PMML_E_CONSTANT:
        return lower_constant(in, element);
    case PMML_E_FIELD_REF:
        return lower_field_ref(in, scope, element);
    case PMML_E_NORM_CONTINUOUS:
        return lower_norm_continuous(in, scope, element);
    case PMML_E_NORM_DISCRETE:
        return lower_norm_discrete(in, scope, element);
    case PMML_E_DISCRETIZE:
        return lower_discretize(in, scope, element);
    case PMML_E_MAP_VALUES:
        return lower_map_values(in, scope, element);
    case PMML_E_TEXT_INDEX:
        return mlscore_pmml_text_index(in, scope, element);
    case PMML_E_APPLY:
        return lower_apply(in, scope, element);
    default:
        mlscore_pmml_fail(in, MLSCORE_EUNSUPPORTED, element,
                          "%s is not supported as an expression",
                          mlscore_pmml_element_name(element->kind));
    }
}

uint32_t mlscore_pmml_expr(pmml_import *in, pmml_scope *scope,
                           const pmml_element *element)
{
    if (++in->nodes > in->max_nodes) {
        mlscore_pmml_fail(in, MLSCORE_ELIMIT, element,
                          "more expressions than the limit");
    }
    if (++in->expr_depth > EXPR_DEPTH) {
        mlscore_pmml_fail(in, MLSCORE_ELIMIT, element,
                          "expressions and fields depend on one another too "
                          "deeply");
    }
    const uint32_t expr = lower(in, scope, element);

    in->expr_depth--;
    return expr;
}

uint32_t mlscore_pmml_expr_in(pmml_import *in, pmml_scope *scope,
                              const pmml_element *element)
{
    const pmml_element *child = mlscore_pmml_child_in(element, 'X');

    if (!child) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                          "%s has no expression",
                          mlscore_pmml_element_name(element->kind));
    }
    return mlscore_pmml_expr(in, scope, child);
}
