/* SPDX-License-Identifier: Apache-2.0 */
/* Apply: built-in functions, and those that the document defines. */

#include <string.h>

#include "import/pmml/pmml_import.h"
#include "ir/pmml_function.h"

#define FUNCTION_DEPTH 64 /* DefineFunctions that apply one another */

enum {
    RESULT_COMMON = PMML_DYNAMIC + 1,
    RESULT_FIRST,
    RESULT_REAL,
    RESULT_BRANCH
};
#define RESULT_INTEGER PMML_INTEGER
#define RESULT_DOUBLE PMML_DOUBLE
#define RESULT_BOOLEAN PMML_BOOLEAN
#define RESULT_STRING PMML_STRING

typedef struct builtin {
    const char *name;
    uint32_t least, most;
    uint32_t result;
} builtin;

#define FUNCTION_ROW(id, name, least, most, result)                            \
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
        const uint32_t next = mlscore_pmml_expr_type(in, arguments->items[i]);

        type = rule != RESULT_BRANCH                  ? common_type(type, next)
               : type == PMML_MISSING                 ? next
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
    static const char *const invalid[] = {"returnInvalid", "asIs", "asMissing",
                                          NULL};
    const builtin *row = &builtins[function];
    pmml_expr expr = mlscore_pmml_blank_expr(PMML_OP_APPLY, PMML_DYNAMIC);

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
    expr.d = mlscore_pmml_replacement(in, element, "defaultValue", expr.type);
    if (in->version && strcmp(in->version, "4.1") == 0) {
        /* PMML 4.1 called defaultValue so */
        expr.d = expr.d == PMML_NONE
                     ? mlscore_pmml_replacement(in, element, "mapMissingTo",
                                                expr.type)
                     : expr.d;
    }
    else {
        expr.e =
            mlscore_pmml_replacement(in, element, "mapMissingTo", expr.type);
    }
    expr.f = mlscore_pmml_choice(in, element, "invalidValueTreatment", invalid,
                                 PMML_INVALID_RETURN);
    expr.type = mlscore_pmml_with_constant(in, expr.type, expr.d);
    expr.type = mlscore_pmml_with_constant(in, expr.type, expr.e);
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
        type == mlscore_pmml_slot_type(in, expr.a)) {
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
    pmml_expr expr = mlscore_pmml_blank_expr(PMML_OP_FIELD, type);

    expr.a = mlscore_pmml_derived_slot(
        in, body, type, mlscore_pmml_default_optype(type),
        mlscore_pmml_symbol_of(in, mlscore_pmml_attr(element, "function")));
    expr.b = mlscore_pmml_replacement(in, element, "defaultValue", type);
    expr.type = mlscore_pmml_with_constant(in, type, expr.b);
    return mlscore_pmml_add(in, PMML_TABLE_exprs, &expr);
}

/** mapMissingTo of a defined function: if any argument is missing, that; else
 *  the function's result. */
static uint32_t unless_missing(pmml_import *in, const pmml_element *element,
                               const pmml_list *arguments, uint32_t body)
{
    const uint32_t type = mlscore_pmml_expr_type(in, body);
    pmml_expr constant = mlscore_pmml_blank_expr(PMML_OP_CONSTANT, type);

    constant.a = mlscore_pmml_replacement(in, element, "mapMissingTo", type);
    constant.type =
        ((pmml_constant *)mlscore_pmml_at(in, PMML_TABLE_constants, constant.a))
            ->type;
    const uint32_t spare = mlscore_pmml_add(in, PMML_TABLE_exprs, &constant);

    for (uint32_t i = arguments->count; i-- > 0;) {
        pmml_expr missing =
            mlscore_pmml_blank_expr(PMML_OP_APPLY, PMML_BOOLEAN);
        pmml_expr choice = mlscore_pmml_blank_expr(
            PMML_OP_APPLY, mlscore_pmml_expr_type(in, body) == constant.type
                               ? constant.type
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

    PMML_EACH(parameter, function)
    {
        if (parameter->kind != PMML_E_PARAMETER_FIELD) {
            continue;
        }
        const uint32_t name = mlscore_pmml_symbol_of(
            in, mlscore_pmml_need(in, parameter, "name"));

        if (count < arguments->count) {
            mlscore_pmml_map_put(
                in, &parameters, name,
                parameter_slot(in, parameter, arguments->items[count], name));
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
    PMML_EACH(field, function)
    {
        if (field->kind != PMML_E_DERIVED_FIELD) {
            continue;
        }
        const uint32_t name =
            mlscore_pmml_symbol_of(in, mlscore_pmml_need(in, field, "name"));
        const uint32_t expr = mlscore_pmml_expr_in(in, scope, field);
        const uint32_t type = mlscore_pmml_type(
            in, field, "dataType", mlscore_pmml_expr_type(in, expr));

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
    const uint32_t type = mlscore_pmml_type(in, function, "dataType",
                                            mlscore_pmml_expr_type(in, body));

    body = mlscore_pmml_cast_expr(in, body, type);
    if (mlscore_pmml_attr(element, "defaultValue")) {
        body = with_default(in, element, body, type);
    }
    return mlscore_pmml_attr(element, "mapMissingTo")
               ? unless_missing(in, element, arguments, body)
               : body;
}

uint32_t mlscore_pmml_apply(pmml_import *in, pmml_scope *scope,
                            const pmml_element *element)
{
    const char *name = mlscore_pmml_need(in, element, "function");
    pmml_list arguments = {0};
    uint32_t index;

    PMML_EACH(argument, element)
    {
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
