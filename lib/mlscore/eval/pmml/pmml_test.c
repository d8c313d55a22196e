/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluating predicates, in three values: true, false, unknown. */

#include "eval/pmml/pmml_run.h"

static int decide(uint32_t op, int order)
{
    switch (op) {
    case PMML_TEST_EQ:
        return order == 0;
    case PMML_TEST_NE:
        return order != 0;
    case PMML_TEST_LT:
        return order < 0;
    case PMML_TEST_LE:
        return order <= 0;
    case PMML_TEST_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

static int test_simple(pmml_run *run, const pmml_predicate *predicate)
{
    const pmml_value *value;
    int result;

    if (pmml_slot_value(run, predicate->slot, &value)) {
        return -1;
    }
    if (value->type == PMML_MISSING) {
        return PMML_UNKNOWN;
    }
    const pmml_constant *constant =
        &run->plan->constants[predicate->a];

    if (value->type == constant->type ? value->type != PMML_STRING
                                      : constant->type == PMML_DOUBLE &&
                                            (value->type == PMML_INTEGER ||
                                             value->type == PMML_BOOLEAN)) {
        return decide(predicate->op, mlscore_pmml_order(value->number,
                                                        predicate->number));
    }
    const pmml_value wanted =
        mlscore_pmml_constant_value(run->plan, predicate->a);

    if (predicate->op <= PMML_TEST_NE) {
        return mlscore_pmml_equal(run, value, &wanted, &result)
                   ? -1
                   : result == (predicate->op == PMML_TEST_EQ);
    }
    return mlscore_pmml_compare(run, value, &wanted, &result)
               ? -1
               : decide(predicate->op, result);
}

static int test_set(pmml_run *run, const pmml_predicate *predicate)
{
    const uint32_t *words = run->plan->words + predicate->a;
    const pmml_value *value;
    int found = 0;

    if (pmml_slot_value(run, predicate->slot, &value)) {
        return -1;
    }
    if (value->type == PMML_MISSING) {
        return PMML_UNKNOWN;
    }
    for (uint32_t i = 0; i < predicate->b && !found; i++) {
        const pmml_constant *constant = &run->plan->constants[words[i]];

        if (value->type == PMML_STRING && constant->type == PMML_STRING) {
            found = value->symbol == constant->symbol;
        }
        else {
            const pmml_value item =
                mlscore_pmml_constant_value(run->plan, words[i]);

            if (mlscore_pmml_equal(run, value, &item, &found)) {
                return -1;
            }
        }
    }
    return found == (predicate->op == PMML_TEST_IN);
}

static int combine(uint32_t op, int left, int right)
{
    switch (op) {
    case PMML_TEST_AND:
        return left == PMML_FALSE || right == PMML_FALSE ? PMML_FALSE
               : left == PMML_TRUE && right == PMML_TRUE ? PMML_TRUE
                                                         : PMML_UNKNOWN;
    case PMML_TEST_OR:
        return left == PMML_TRUE || right == PMML_TRUE ? PMML_TRUE
               : left == PMML_FALSE && right == PMML_FALSE ? PMML_FALSE
                                                           : PMML_UNKNOWN;
    default: /* xor */
        return left == PMML_UNKNOWN || right == PMML_UNKNOWN ? PMML_UNKNOWN
                                                             : left != right;
    }
}

static int test_compound(pmml_run *run, const pmml_predicate *predicate,
                         int *alternate)
{
    const uint32_t *words = run->plan->words + predicate->a;
    int result = mlscore_pmml_test(run, words[0]);

    for (uint32_t i = 1; i < predicate->b; i++) {
        if (result < 0) {
            return -1;
        }
        if (predicate->op == PMML_TEST_SURROGATE) {
            if (result != PMML_UNKNOWN) {
                return result;
            }
            result = mlscore_pmml_test(run, words[i]);
            *alternate = result == PMML_TRUE || result == PMML_FALSE;
            continue;
        }
        const int next = mlscore_pmml_test(run, words[i]);

        result = next < 0 ? -1 : combine(predicate->op, result, next);
    }
    return result;
}

int mlscore_pmml_test_node(pmml_run *run, uint32_t index, int *alternate)
{
    const pmml_predicate *predicate = &run->plan->predicates[index];
    const pmml_value *value;

    switch (predicate->op) {
    case PMML_TEST_TRUE:
        return PMML_TRUE;
    case PMML_TEST_FALSE:
        return PMML_FALSE;
    case PMML_TEST_MISSING:
    case PMML_TEST_NOT_MISSING:
        if (pmml_slot_value(run, predicate->slot, &value)) {
            return -1;
        }
        return (value->type == PMML_MISSING) ==
               (predicate->op == PMML_TEST_MISSING);
    case PMML_TEST_IN:
    case PMML_TEST_NOT_IN:
        return test_set(run, predicate);
    case PMML_TEST_AND:
    case PMML_TEST_OR:
    case PMML_TEST_XOR:
    case PMML_TEST_SURROGATE:
        return test_compound(run, predicate, alternate);
    default:
        return test_simple(run, predicate);
    }
}

int mlscore_pmml_test(pmml_run *run, uint32_t predicate)
{
    int alternate = 0;

    return mlscore_pmml_test_node(run, predicate, &alternate);
}
