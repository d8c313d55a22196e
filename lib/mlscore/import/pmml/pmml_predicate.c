/* SPDX-License-Identifier: Apache-2.0 */
/* Predicates: comparisons of a field, sets, and their combinations. */

#include <string.h>

#include "import/pmml/pmml_import.h"

static uint32_t lower(pmml_import *in, pmml_scope *scope,
                      const pmml_element *element);

static uint32_t add_simple(pmml_import *in, uint32_t op)
{
    const pmml_predicate predicate = {
        .op = op, .slot = PMML_NONE, .a = PMML_NONE};

    return mlscore_pmml_add(in, PMML_TABLE_predicates, &predicate);
}

/** A value to compare a field with. Whole numbers and truth values are also
 *  compared with numbers between them. */
static uint32_t operand(pmml_import *in, const pmml_element *element,
                        uint32_t slot, const char *text, size_t length)
{
    const uint32_t type = mlscore_pmml_slot(in, slot)->type;

    if (type == PMML_INTEGER || type == PMML_BOOLEAN) {
        const uint32_t constant =
            mlscore_pmml_try_constant(in, type, text, length);

        if (constant != PMML_NONE) {
            return constant;
        }
        return mlscore_pmml_constant(in, element, PMML_DOUBLE, text, length);
    }
    return mlscore_pmml_constant(in, element, type, text, length);
}

/** Position of a text among the valid values of a data field, or -1. */
static int value_position(const pmml_element *data, const char *text)
{
    int position = 0;

    PMML_EACH(value, data) {
        const char *known = mlscore_pmml_attr(value, "value");

        if (value->kind == PMML_E_VALUE && known) {
            if (strcmp(known, text) == 0) {
                return position;
            }
            position++;
        }
    }
    return -1;
}

static int in_order(uint32_t op, int left, int right)
{
    switch (op) {
    case PMML_TEST_LT:
        return left < right;
    case PMML_TEST_LE:
        return left <= right;
    case PMML_TEST_GT:
        return left > right;
    default:
        return left >= right;
    }
}

/** Comparing an ordinal text field means comparing positions in the list of
 *  its values: the same as a set of values. None when it is no such field. */
static uint32_t lower_ordinal(pmml_import *in, uint32_t slot, uint32_t op,
                              const char *text)
{
    const pmml_slot *record = mlscore_pmml_slot(in, slot);
    const pmml_element *data = mlscore_pmml_slot_data(in, slot);

    if (record->optype != PMML_ORDINAL || record->type != PMML_STRING ||
        !data || op < PMML_TEST_LT || op > PMML_TEST_GE) {
        return PMML_NONE;
    }
    const int wanted = value_position(data, text);
    pmml_list words = {0};

    if (wanted < 0) {
        return PMML_NONE;
    }
    PMML_EACH(value, data) {
        const char *known = mlscore_pmml_attr(value, "value");

        if (value->kind == PMML_E_VALUE && known &&
            in_order(op, value_position(data, known), wanted)) {
            mlscore_pmml_list_add(in, &words,
                                  mlscore_pmml_constant(in, value, PMML_STRING,
                                                        known, strlen(known)));
        }
    }
    const pmml_predicate predicate = {
        .op = PMML_TEST_IN,
        .slot = slot,
        .a = mlscore_pmml_list_words(in, &words),
        .b = words.count};

    return mlscore_pmml_add(in, PMML_TABLE_predicates, &predicate);
}

static uint32_t lower_simple(pmml_import *in, pmml_scope *scope,
                             const pmml_element *element)
{
    static const char *const operators[] = {
        "equal",       "notEqual",       "lessThan",  "lessOrEqual",
        "greaterThan", "greaterOrEqual", "isMissing", "isNotMissing", NULL};
    static const uint32_t ops[] = {
        PMML_TEST_EQ, PMML_TEST_NE, PMML_TEST_LT,      PMML_TEST_LE,
        PMML_TEST_GT, PMML_TEST_GE, PMML_TEST_MISSING, PMML_TEST_NOT_MISSING};

    mlscore_pmml_need(in, element, "operator");
    pmml_predicate predicate = {
        .op = ops[mlscore_pmml_choice(in, element, "operator", operators, 0)],
        .slot = mlscore_pmml_field(in, scope, element, "field"),
        .a = PMML_NONE};

    if (predicate.op >= PMML_TEST_EQ) {
        const char *text = mlscore_pmml_need(in, element, "value");
        const uint32_t set =
            lower_ordinal(in, predicate.slot, predicate.op, text);

        if (set != PMML_NONE) {
            return set;
        }
        predicate.a =
            operand(in, element, predicate.slot, text, strlen(text));
        const pmml_constant *constant =
            mlscore_pmml_at(in, PMML_TABLE_constants, predicate.a);

        predicate.number = constant->number;
    }
    return mlscore_pmml_add(in, PMML_TABLE_predicates, &predicate);
}

static uint32_t lower_set(pmml_import *in, pmml_scope *scope,
                          const pmml_element *element)
{
    static const char *const operators[] = {"isIn", "isNotIn", NULL};
    const pmml_element *array =
        mlscore_pmml_need_child(in, element, PMML_E_ARRAY);

    mlscore_pmml_need(in, element, "booleanOperator");
    pmml_predicate predicate = {
        .op = PMML_TEST_IN + mlscore_pmml_choice(in, element,
                                                 "booleanOperator", operators,
                                                 0),
        .slot = mlscore_pmml_field(in, scope, element, "field")};
    const char *at = array->text, *item;
    size_t length;
    pmml_list words = {0};

    while (mlscore_pmml_next_item(in, array, &at, &item, &length)) {
        mlscore_pmml_list_add(
            in, &words,
            operand(in, array, predicate.slot, item, length));
    }
    predicate.a = mlscore_pmml_list_words(in, &words);
    predicate.b = words.count;
    return mlscore_pmml_add(in, PMML_TABLE_predicates, &predicate);
}

static uint32_t lower_compound(pmml_import *in, pmml_scope *scope,
                               const pmml_element *element)
{
    static const char *const operators[] = {"and", "or", "xor", "surrogate",
                                            NULL};
    pmml_list words = {0};

    mlscore_pmml_need(in, element, "booleanOperator");
    const uint32_t op =
        PMML_TEST_AND + mlscore_pmml_choice(in, element, "booleanOperator",
                                            operators, 0);

    PMML_EACH(child, element) {
        mlscore_pmml_list_add(in, &words, lower(in, scope, child));
    }
    if (words.count < 2) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                          "CompoundPredicate has fewer than two predicates");
    }
    const pmml_predicate predicate = {
        .op = op,
        .slot = PMML_NONE,
        .a = mlscore_pmml_list_words(in, &words),
        .b = words.count};

    return mlscore_pmml_add(in, PMML_TABLE_predicates, &predicate);
}

uint32_t mlscore_pmml_predicate_true(pmml_import *in)
{
    return add_simple(in, PMML_TEST_TRUE);
}

static uint32_t lower(pmml_import *in, pmml_scope *scope,
                      const pmml_element *element)
{
    switch (element->kind) {
    case PMML_E_TRUE:
        return mlscore_pmml_predicate_true(in);
    case PMML_E_FALSE:
        return add_simple(in, PMML_TEST_FALSE);
    case PMML_E_SIMPLE_PREDICATE:
        return lower_simple(in, scope, element);
    case PMML_E_SET_PREDICATE:
        return lower_set(in, scope, element);
    default:
        return lower_compound(in, scope, element);
    }
}

uint32_t mlscore_pmml_predicate_in(pmml_import *in, pmml_scope *scope,
                                   const pmml_element *element)
{
    const pmml_element *child = mlscore_pmml_child_in(element, 'P');

    if (!child) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                          "%s has no predicate",
                          mlscore_pmml_element_name(element->kind));
    }
    return lower(in, scope, child);
}
