/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluating expressions. */

#include <math.h>

#include "eval/pmml/pmml_run.h"
#include "ir/pmml_function.h"

double mlscore_pmml_norm_continuous(const double *pairs, uint32_t count,
                                    double value, uint32_t outliers,
                                    int *missing)
{
    uint32_t from = 0, to = count - 1;

    *missing = 0;
    if (value >= pairs[0] && value <= pairs[2 * to]) {
        for (uint32_t i = 1; i < count - 1 && value >= pairs[2 * i]; i++) {
            from = i;
        }
        to = from + 1;
    }
    else if (outliers == PMML_OUTLIER_AS_MISSING) {
        *missing = 1;
        return NAN;
    }
    else if (outliers == PMML_OUTLIER_AS_EXTREME) {
        return value < pairs[0] ? pairs[1] : pairs[2 * to + 1];
    }
    else if (value < pairs[0]) {
        to = 1;
    }
    else {
        from = to - 1;
    }
    const double orig = pairs[2 * to] - pairs[2 * from];
    const double norm = pairs[2 * to + 1] - pairs[2 * from + 1];

    return pairs[2 * from + 1] + (value - pairs[2 * from]) / orig * norm;
}

double mlscore_pmml_denormalize(const double *pairs, uint32_t count,
                                double value)
{
    uint32_t from = 0;

    for (uint32_t i = 1; i < count - 1 && value >= pairs[2 * i + 1]; i++) {
        from = i;
    }
    const double orig = pairs[2 * from + 2] - pairs[2 * from];
    const double norm = pairs[2 * from + 3] - pairs[2 * from + 1];

    return (value - pairs[2 * from + 1]) / norm * orig + pairs[2 * from];
}

static pmml_value number_or_missing(const pmml_run *run, uint32_t number)
{
    return number == PMML_NONE
               ? pmml_missing()
               : pmml_number_value(PMML_DOUBLE, run->plan->numbers[number]);
}

static int eval_field(pmml_run *run, const pmml_expr *expr, pmml_value *value)
{
    const pmml_value *source;

    if (pmml_slot_value(run, expr->a, &source)) {
        return -1;
    }
    *value = source->type == PMML_MISSING && expr->b != PMML_NONE
                 ? mlscore_pmml_constant_value(run->plan, expr->b)
                 : *source;
    return 0;
}

static int eval_norm_continuous(pmml_run *run, const pmml_expr *expr,
                                pmml_value *value)
{
    const pmml_value *source;
    double number;
    int missing;

    if (pmml_slot_value(run, expr->a, &source)) {
        return -1;
    }
    if (source->type == PMML_MISSING) {
        *value = number_or_missing(run, expr->e);
        return 0;
    }
    if (mlscore_pmml_as_number(run, source, &number)) {
        return -1;
    }
    number = mlscore_pmml_norm_continuous(run->plan->numbers + expr->b,
                                          expr->c, number, expr->d, &missing);
    *value = missing ? number_or_missing(run, expr->e)
                     : pmml_number_value(PMML_DOUBLE, number);
    return 0;
}

static int eval_norm_discrete(pmml_run *run, const pmml_expr *expr,
                              pmml_value *value)
{
    const pmml_value *source;
    int equal;

    if (pmml_slot_value(run, expr->a, &source)) {
        return -1;
    }
    if (source->type == PMML_MISSING) {
        *value = number_or_missing(run, expr->e);
        return 0;
    }
    const pmml_value wanted =
        mlscore_pmml_constant_value(run->plan, expr->b);

    if (mlscore_pmml_equal(run, source, &wanted, &equal)) {
        return -1;
    }
    *value = pmml_number_value(PMML_DOUBLE, equal);
    return 0;
}

static int inside(const pmml_interval *interval, double value)
{
    const uint32_t flags = interval->flags;
    const int left = !(flags & PMML_LEFT) ||
                     (flags & PMML_LEFT_CLOSED ? value >= interval->left
                                               : value > interval->left);
    const int right = !(flags & PMML_RIGHT) ||
                      (flags & PMML_RIGHT_CLOSED ? value <= interval->right
                                                 : value < interval->right);

    return left && right;
}

static int eval_discretize(pmml_run *run, const pmml_expr *expr,
                           pmml_value *value)
{
    const pmml_value *source;
    double number;

    if (pmml_slot_value(run, expr->a, &source)) {
        return -1;
    }
    if (source->type == PMML_MISSING) {
        *value = mlscore_pmml_constant_value(run->plan, expr->e);
        return 0;
    }
    if (mlscore_pmml_as_number(run, source, &number)) {
        return -1;
    }
    for (uint32_t i = 0; i < expr->c; i++) {
        const pmml_interval *bin = &run->plan->intervals[expr->b + i];

        if (inside(bin, number)) {
            *value = mlscore_pmml_constant_value(run->plan, bin->value);
            return 0;
        }
    }
    *value = mlscore_pmml_constant_value(run->plan, expr->d);
    return 0;
}

/** Whether a row of a table has the values of the fields: 1, 0 or -1. */
static int row_matches(pmml_run *run, const pmml_expr *expr,
                       const uint32_t *row)
{
    const uint32_t *slots = run->plan->words + expr->a;

    for (uint32_t i = 0; i < expr->b; i++) {
        const pmml_value *value = &run->slots[slots[i]];
        int equal;

        if (row[i] == PMML_NONE) {
            return 0;
        }
        const pmml_value cell =
            mlscore_pmml_constant_value(run->plan, row[i]);

        if (mlscore_pmml_equal(run, value, &cell, &equal)) {
            return -1;
        }
        if (!equal) {
            return 0;
        }
    }
    return 1;
}

static int eval_map_values(pmml_run *run, const pmml_expr *expr,
                           pmml_value *value)
{
    const uint32_t *slots = run->plan->words + expr->a;
    const uint32_t *row = slots + expr->b;

    for (uint32_t i = 0; i < expr->b; i++) {
        const pmml_value *source;

        if (pmml_slot_value(run, slots[i], &source)) {
            return -1;
        }
        if (source->type == PMML_MISSING) {
            *value = mlscore_pmml_constant_value(run->plan, expr->e);
            return 0;
        }
    }
    for (uint32_t i = 0; i < expr->c; i++, row += expr->b + 1) {
        const int matches = row_matches(run, expr, row);

        if (matches < 0) {
            return -1;
        }
        if (matches) {
            *value = mlscore_pmml_constant_value(run->plan, row[expr->b]);
            return 0;
        }
    }
    *value = mlscore_pmml_constant_value(run->plan, expr->d);
    return 0;
}

/* --- functions ------------------------------------------------------------*/

/** Evaluates only the branch that is taken. */
static int eval_if(pmml_run *run, const pmml_expr *expr, pmml_value *value)
{
    const uint32_t *arguments = run->plan->words + expr->a;
    pmml_value flag;

    if (mlscore_pmml_eval(run, arguments[0], &flag)) {
        return -1;
    }
    if (flag.type == PMML_MISSING) {
        if (expr->e != PMML_NONE) {
            *value = mlscore_pmml_constant_value(run->plan, expr->e);
            return 0;
        }
        return mlscore_pmml_refuse(run,
                                   "the condition of an \"if\" is missing");
    }
    if (mlscore_pmml_cast_value(run, &flag, PMML_BOOLEAN)) {
        return -1;
    }
    const uint32_t branch = flag.number != 0.0 ? 1 : 2;

    *value = pmml_missing();
    if (branch < expr->b) {
        if (mlscore_pmml_eval(run, arguments[branch], value)) {
            return -1;
        }
        if (value->type == PMML_MISSING && expr->e != PMML_NONE) {
            *value = mlscore_pmml_constant_value(run->plan, expr->e);
            return 0;
        }
    }
    if (value->type == PMML_MISSING && expr->d != PMML_NONE) {
        *value = mlscore_pmml_constant_value(run->plan, expr->d);
    }
    return 0;
}

/** What an undefined result becomes. */
static int treat_undefined(pmml_run *run, const pmml_expr *expr,
                           pmml_value *value)
{
    if (expr->f == PMML_INVALID_AS_MISSING) {
        *value = mlscore_pmml_constant_value(run->plan, expr->d);
        return 0;
    }
    return mlscore_pmml_refuse(run, "a function has no defined result");
}

static int call_function(pmml_run *run, const pmml_expr *expr,
                         pmml_value *arguments, pmml_value *value)
{
    const uint32_t *words = run->plan->words + expr->a;

    for (uint32_t i = 0; i < expr->b; i++) {
        if (mlscore_pmml_eval(run, words[i], &arguments[i])) {
            return -1;
        }
        if (arguments[i].type == PMML_MISSING && expr->e != PMML_NONE) {
            *value = mlscore_pmml_constant_value(run->plan, expr->e);
            return 0;
        }
    }
    const int failed =
        expr->c >= PMML_F_UPPERCASE
            ? mlscore_pmml_call_text(run, expr, arguments, expr->b, value)
            : mlscore_pmml_call(run, expr, arguments, expr->b, value);

    if (failed != 0) {
        return failed > 0 ? treat_undefined(run, expr, value) : -1;
    }
    if (value->type == PMML_MISSING && expr->d != PMML_NONE) {
        *value = mlscore_pmml_constant_value(run->plan, expr->d);
    }
    return 0;
}

static int eval_apply(pmml_run *run, const pmml_expr *expr, pmml_value *value)
{
    if (expr->c == PMML_F_IF) {
        return eval_if(run, expr, value);
    }
    pmml_value *arguments = run->stack + run->stack_used;

    run->stack_used += expr->b;
    const int failed = call_function(run, expr, arguments, value);

    run->stack_used -= expr->b;
    return failed;
}

int mlscore_pmml_eval(pmml_run *run, uint32_t index, pmml_value *value)
{
    const pmml_expr *expr = &run->plan->exprs[index];

    switch (expr->op) {
    case PMML_OP_CONSTANT:
        *value = mlscore_pmml_constant_value(run->plan, expr->a);
        return 0;
    case PMML_OP_FIELD:
        return eval_field(run, expr, value);
    case PMML_OP_NORM_CONTINUOUS:
        return eval_norm_continuous(run, expr, value);
    case PMML_OP_NORM_DISCRETE:
        return eval_norm_discrete(run, expr, value);
    case PMML_OP_DISCRETIZE:
        return eval_discretize(run, expr, value);
    case PMML_OP_MAP_VALUES:
        return eval_map_values(run, expr, value);
    case PMML_OP_APPLY:
        return eval_apply(run, expr, value);
    case PMML_OP_TEXT_INDEX:
        return mlscore_pmml_text_frequency(
            run, &run->plan->text_indexes[expr->a], value);
    default: /* PMML_OP_CAST */
        return mlscore_pmml_eval(run, expr->a, value) ||
                       mlscore_pmml_cast_value(run, value, expr->type)
                   ? -1
                   : 0;
    }
}
