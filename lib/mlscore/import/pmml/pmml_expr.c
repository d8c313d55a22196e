/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions: constants, field references, normalizations, functions. */

#include <limits.h>
#include <math.h>
#include <string.h>

#include "import/pmml/pmml_import.h"

#define EXPR_DEPTH 1000 /* expressions and fields inside one another */

uint32_t mlscore_pmml_expr_type(pmml_import *in, uint32_t expr)
{
    const pmml_expr *record = mlscore_pmml_at(in, PMML_TABLE_exprs, expr);

    return record->type;
}

pmml_expr mlscore_pmml_blank_expr(uint32_t op, uint32_t type)
{
    return (pmml_expr){.op = op,
                       .type = type,
                       .a = PMML_NONE,
                       .b = PMML_NONE,
                       .c = PMML_NONE,
                       .d = PMML_NONE,
                       .e = PMML_NONE};
}

uint32_t mlscore_pmml_slot_type(pmml_import *in, uint32_t slot)
{
    return mlscore_pmml_slot(in, slot)->type;
}

uint32_t mlscore_pmml_field_expr(pmml_import *in, uint32_t slot)
{
    pmml_expr expr = mlscore_pmml_blank_expr(PMML_OP_FIELD,
                                             mlscore_pmml_slot_type(in, slot));

    expr.a = slot;
    return mlscore_pmml_add(in, PMML_TABLE_exprs, &expr);
}

uint32_t mlscore_pmml_cast_expr(pmml_import *in, uint32_t expr, uint32_t type)
{
    pmml_expr cast = mlscore_pmml_blank_expr(PMML_OP_CAST, type);

    if (mlscore_pmml_expr_type(in, expr) == type) {
        return expr;
    }
    cast.a = expr;
    return mlscore_pmml_add(in, PMML_TABLE_exprs, &cast);
}

uint32_t mlscore_pmml_replacement(pmml_import *in, const pmml_element *element,
                                  const char *name, uint32_t type)
{
    const char *text = mlscore_pmml_attr(element, name);

    if (!text) {
        return PMML_NONE;
    }
    const uint32_t constant =
        mlscore_pmml_try_constant(in, type, text, strlen(text));

    return constant != PMML_NONE
               ? constant
               : mlscore_pmml_constant(in, element, PMML_STRING, text,
                                       strlen(text));
}

uint32_t mlscore_pmml_with_constant(pmml_import *in, uint32_t type,
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
    pmml_expr expr = mlscore_pmml_blank_expr(PMML_OP_CONSTANT, PMML_MISSING);

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
    pmml_expr expr = mlscore_pmml_blank_expr(PMML_OP_FIELD,
                                             mlscore_pmml_slot_type(in, slot));

    expr.a = slot;
    expr.b = mlscore_pmml_replacement(in, element, "mapMissingTo", expr.type);
    expr.type = mlscore_pmml_with_constant(in, expr.type, expr.b);
    return mlscore_pmml_add(in, PMML_TABLE_exprs, &expr);
}

/** mapMissingTo of the normalizations, a number. */
static uint32_t missing_number(pmml_import *in, const pmml_element *element)
{
    return mlscore_pmml_attr(element, "mapMissingTo")
               ? mlscore_pmml_add_number(
                     in, mlscore_pmml_need_number(in, element, "mapMissingTo"))
               : PMML_NONE;
}

uint32_t mlscore_pmml_linear_norms(pmml_import *in, const pmml_element *element,
                                   uint32_t *count)
{
    const uint32_t first = mlscore_pmml_rows(in, PMML_TABLE_numbers);
    double before = -INFINITY;

    *count = 0;
    PMML_EACH(norm, element)
    {
        const double orig = mlscore_pmml_need_number(in, norm, "orig");

        if (!(orig > before)) {
            mlscore_pmml_fail(in, MLSCORE_EFORMAT, norm,
                              "LinearNorms are not in ascending order");
        }
        before = orig;
        mlscore_pmml_add_number(in, orig);
        mlscore_pmml_add_number(in, mlscore_pmml_need_number(in, norm, "norm"));
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
    pmml_expr expr =
        mlscore_pmml_blank_expr(PMML_OP_NORM_CONTINUOUS, PMML_DOUBLE);

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
    pmml_expr expr =
        mlscore_pmml_blank_expr(PMML_OP_NORM_DISCRETE, PMML_DOUBLE);

    mlscore_pmml_choice(in, element, "method", methods, 0);
    expr.a = mlscore_pmml_field(in, scope, element, "field");
    expr.b = mlscore_pmml_constant(
        in, element, mlscore_pmml_slot_type(in, expr.a), text, strlen(text));
    expr.e = missing_number(in, element);
    return mlscore_pmml_add(in, PMML_TABLE_exprs, &expr);
}

static uint32_t lower_discretize(pmml_import *in, pmml_scope *scope,
                                 const pmml_element *element)
{
    const uint32_t type =
        mlscore_pmml_type(in, element, "dataType", PMML_STRING);
    pmml_expr expr = mlscore_pmml_blank_expr(PMML_OP_DISCRETIZE, type);

    expr.a = mlscore_pmml_field(in, scope, element, "field");
    expr.d = mlscore_pmml_attr_constant(in, element, "defaultValue", type);
    expr.e = mlscore_pmml_attr_constant(in, element, "mapMissingTo", type);
    expr.b = mlscore_pmml_rows(in, PMML_TABLE_intervals);
    expr.c = 0;
    PMML_EACH(bin, element)
    {
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

    PMML_EACH(child, row)
    {
        const char *name = strchr(child->name, ':');

        if (strcmp(child->name, column) == 0 ||
            strcmp(name ? name + 1 : child->name, local ? local + 1 : column) ==
                0) {
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
    const uint32_t constant =
        mlscore_pmml_try_constant(in, type, found->text, strlen(found->text));

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
    PMML_EACH(row, table)
    {
        for (uint32_t i = 0; i < expr->b; i++) {
            mlscore_pmml_list_add(
                in, words,
                cell_constant(in, row, columns[i],
                              mlscore_pmml_slot_type(in, words->items[i])));
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
    const size_t pairs = mlscore_pmml_count(element, PMML_E_FIELD_COLUMN_PAIR);
    const char **columns = mlscore_pmml_alloc(in, pairs, sizeof(*columns));
    pmml_expr expr = mlscore_pmml_blank_expr(PMML_OP_MAP_VALUES, type);
    pmml_list words = {0};

    PMML_EACH(pair, element)
    {
        if (pair->kind == PMML_E_FIELD_COLUMN_PAIR) {
            columns[words.count] = mlscore_pmml_need(in, pair, "column");
            mlscore_pmml_list_add(in, &words,
                                  mlscore_pmml_field(in, scope, pair, "field"));
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
        return mlscore_pmml_apply(in, scope, element);
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
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, element, "%s has no expression",
                          mlscore_pmml_element_name(element->kind));
    }
    return mlscore_pmml_expr(in, scope, child);
}
