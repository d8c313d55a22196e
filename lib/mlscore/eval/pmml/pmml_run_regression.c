/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluating a RegressionModel. */

#include <math.h>

#include "eval/pmml/pmml_run.h"

/** The link functions' inverses. */
static double normalize(const pmml_model *model, uint32_t method, double x)
{
    switch (method) {
    case PMML_NORM_SOFTMAX:
    case PMML_NORM_LOGIT:
        x = 1.0 / (1.0 + exp(-x));
        break;
    case PMML_NORM_EXP:
        x = exp(x);
        break;
    case PMML_NORM_PROBIT:
        x = mlscore_pmml_normal_cdf(x);
        break;
    case PMML_NORM_CLOGLOG:
        x = 1.0 - exp(-exp(x));
        break;
    case PMML_NORM_LOGLOG:
        x = exp(-exp(-x));
        break;
    case PMML_NORM_CAUCHIT:
        x = 0.5 + atan(x) / M_PI;
        break;
    default:
        break;
    }
    return pmml_round(model, x);
}

/** A probability: what has no link is kept between 0 and 1. */
static double probability(const pmml_model *model, uint32_t method, double x)
{
    return method == PMML_NORM_NONE ? fmin(fmax(x, 0.0), 1.0)
                                    : normalize(model, method, x);
}

/* --- terms ----------------------------------------------------------------*/

/** The number of a field: 1 when it is missing. */
static int numeric_field(pmml_run *run, uint32_t slot, double *x)
{
    const pmml_value *value;

    if (pmml_read_number(run, slot, x)) {
        return isnan(*x);
    }
    if (pmml_slot_value(run, slot, &value)) {
        return -1;
    }
    return value->type == PMML_MISSING
               ? 1
               : mlscore_pmml_as_number(run, value, x);
}

/** 1 when a value is missing: the table then has no result. */
static int add_numeric(pmml_run *run, const pmml_model *model,
                       const pmml_term *term, double *sum)
{
    double x;
    const int missing = numeric_field(run, term->slot, &x);

    if (missing != 0) {
        return missing;
    }
    if (term->exponent != 1.0) {
        x = pmml_round(model, pow(x, term->exponent));
    }
    *sum += pmml_round(model, pmml_round(model, term->coefficient) *
                                  pmml_round(model, x));
    *sum = pmml_round(model, *sum);
    return 0;
}

static int add_product(pmml_run *run, const pmml_model *model,
                       const pmml_term *term, double *sum)
{
    double product = pmml_round(model, term->coefficient);

    for (uint32_t i = 0; i < term->constant; i++) {
        pmml_value value;
        double x;

        if (mlscore_pmml_eval(run, run->plan->words[term->slot + i],
                              &value)) {
            return -1;
        }
        if (value.type == PMML_MISSING) {
            return 1;
        }
        if (mlscore_pmml_as_number(run, &value, &x)) {
            return -1;
        }
        product = pmml_round(model, product * pmml_round(model, x));
    }
    *sum = pmml_round(model, *sum + product);
    return 0;
}

/** Adds the coefficient when the field has the value; *matched then is the
 *  field, whose other values need no look. */
static int add_categorical(pmml_run *run, const pmml_model *model,
                           const pmml_term *term, uint32_t *matched,
                           double *sum)
{
    const pmml_value *value;
    int equal;

    if (term->slot == *matched) {
        return 0;
    }
    if (pmml_slot_value(run, term->slot, &value)) {
        return -1;
    }
    if (value->type == PMML_MISSING) {
        *matched = term->slot;
        return 0;
    }
    const pmml_value wanted =
        mlscore_pmml_constant_value(run->plan, term->constant);

    if (mlscore_pmml_equal(run, value, &wanted, &equal)) {
        return -1;
    }
    if (equal) {
        *matched = term->slot;
        *sum = pmml_round(model,
                          *sum + pmml_round(model, term->coefficient));
    }
    return 0;
}

static int eval_table(pmml_run *run, const pmml_model *model,
                      const pmml_regression_table *table, double *sum)
{
    const pmml_term *terms = &run->plan->terms[table->term_first];
    uint32_t matched = PMML_NONE;

    *sum = 0.0;
    for (uint32_t i = 0; i < table->term_count; i++) {
        int missing;

        switch (terms[i].kind) {
        case PMML_TERM_NUMERIC:
            missing = add_numeric(run, model, &terms[i], sum);
            break;
        case PMML_TERM_CATEGORICAL:
            missing = add_categorical(run, model, &terms[i], &matched, sum);
            break;
        default:
            missing = add_product(run, model, &terms[i], sum);
            break;
        }
        if (missing != 0) {
            return missing;
        }
    }
    *sum = pmml_round(model, *sum + pmml_round(model, table->intercept));
    return 0;
}

/* --- classification -------------------------------------------------------*/

/** The last category has what the others leave. */
static void give_rest(const pmml_model *model, double *values, uint32_t count)
{
    double sum = 0.0;

    for (uint32_t i = 0; i + 1 < count; i++) {
        sum = pmml_round(model, sum + values[i]);
    }
    values[count - 1] = pmml_round(model, 1.0 - sum);
}

static void ordinal(const pmml_model *model, uint32_t method, double *values,
                    uint32_t count)
{
    double sum = 0.0;

    for (uint32_t i = 0; i + 1 < count; i++) {
        values[i] = pmml_round(
            model, probability(model, method, values[i]) - sum);
        sum = pmml_round(model, sum + values[i]);
    }
    values[count - 1] = pmml_round(model, 1.0 - sum);
}

static int is_empty(const pmml_regression_table *table)
{
    return table->term_count == 0 && table->intercept == 0.0;
}

static void to_probabilities(const pmml_run *run, const pmml_model *model,
                             const pmml_regression *body, double *values,
                             uint32_t count)
{
    const pmml_regression_table *tables =
        &run->plan->regression_tables[body->table_first];
    uint32_t method = body->normalization;

    if (model->target_optype == PMML_ORDINAL) {
        ordinal(model, method, values, count);
        return;
    }
    if (method == PMML_NORM_SOFTMAX && count == 2 && is_empty(&tables[1])) {
        method = PMML_NORM_LOGIT; /* the same, without a detour */
    }
    if (method == PMML_NORM_SOFTMAX) {
        mlscore_pmml_softmax(model, values, count);
    }
    else if (method == PMML_NORM_SIMPLEMAX) {
        mlscore_pmml_simplemax(model, values, count);
    }
    else if (count == 2) {
        values[0] = probability(model, method, values[0]);
        values[1] = pmml_round(model, 1.0 - values[0]);
    }
    else if (method == PMML_NORM_LOGIT) {
        for (uint32_t i = 0; i < count; i++) {
            values[i] = normalize(model, method, values[i]);
        }
        mlscore_pmml_simplemax(model, values, count);
    }
    else {
        give_rest(model, values, count);
    }
}

static int run_classification(pmml_run *run, uint32_t index,
                              const pmml_regression *body)
{
    const pmml_model *model = &run->plan->models[index];
    pmml_result *result = &run->results[index];

    result->kind = PMML_RESULT_PROBABILITY;
    for (uint32_t i = 0; i < body->table_count; i++) {
        const pmml_regression_table *table =
            &run->plan->regression_tables[body->table_first + i];
        double sum;
        const int missing = eval_table(run, model, table, &sum);

        if (missing != 0) {
            return missing < 0 ? -1 : mlscore_pmml_set_default(run, index);
        }
        mlscore_pmml_add_category(run, index, table->category, sum);
    }
    to_probabilities(run, model, body, run->values + model->offset,
                     result->count);
    return mlscore_pmml_set_winner(run, index);
}

int mlscore_pmml_run_regression(pmml_run *run, uint32_t index)
{
    const pmml_model *model = &run->plan->models[index];
    const pmml_regression *body = &run->plan->regressions[model->body];
    double sum;

    if (model->function == PMML_FUNCTION_CLASSIFICATION) {
        return run_classification(run, index, body);
    }
    const int missing = eval_table(
        run, model, &run->plan->regression_tables[body->table_first], &sum);

    if (missing != 0) {
        return missing < 0 ? -1 : mlscore_pmml_set_default(run, index);
    }
    return mlscore_pmml_set_number(
        run, index, normalize(model, body->normalization, sum));
}
