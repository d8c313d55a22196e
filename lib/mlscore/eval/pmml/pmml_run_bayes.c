/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluating a NaiveBayesModel, in logarithms. */

#include <math.h>

#include "eval/pmml/pmml_run.h"

static double density(const double *distribution, double x)
{
    const double a = distribution[1], b = distribution[2];

    switch ((int)distribution[0]) {
    case PMML_DISTRIBUTION_GAUSSIAN:
        return exp(-(x - a) * (x - a) / (2.0 * b)) / sqrt(2.0 * M_PI * b);
    case PMML_DISTRIBUTION_POISSON:
        return exp(x * log(a) - a - lgamma(x + 1.0));
    default:
        return x >= a && x <= b ? 1.0 / (b - a) : 0.0;
    }
}

/** A distribution without mean and spread says nothing. */
static int is_idle(const double *distribution)
{
    return isnan(distribution[0]) ||
           (distribution[0] == PMML_DISTRIBUTION_GAUSSIAN &&
            distribution[1] == 0.0 && distribution[2] == 0.0);
}

static int add_stats(pmml_run *run, const pmml_model *model,
                     const pmml_bayes *body, const pmml_bayes_input *input,
                     const pmml_value *value)
{
    double *values = run->values + model->offset;
    double x;

    if (mlscore_pmml_as_number(run, value, &x)) {
        return -1;
    }
    for (uint32_t i = 0; i < body->category_count; i++) {
        const double *distribution =
            run->plan->numbers + input->number_first + 3 * i;

        if (!is_idle(distribution)) {
            values[i] += log(fmax(density(distribution, x), body->threshold));
            values[i] = pmml_round(model, values[i]);
        }
    }
    return 0;
}

static int add_counts(pmml_run *run, const pmml_model *model,
                      const pmml_bayes *body, const pmml_bayes_input *input,
                      const pmml_value *value)
{
    const uint32_t n = body->category_count;
    const double *counts = run->plan->numbers + input->number_first;
    const double *sums = counts + (size_t)input->value_count * n;
    double *values = run->values + model->offset;

    for (uint32_t k = 0; k < input->value_count; k++, counts += n) {
        const pmml_value pair = mlscore_pmml_constant_value(
            run->plan, run->plan->words[input->value_first + k]);
        int equal;

        if (mlscore_pmml_equal(run, value, &pair, &equal)) {
            return -1;
        }
        if (!equal) {
            continue;
        }
        for (uint32_t i = 0; i < n; i++) {
            if (!isnan(counts[i])) {
                values[i] += log(counts[i] == 0.0 ? body->threshold
                                                  : counts[i] / sums[i]);
                values[i] = pmml_round(model, values[i]);
            }
        }
        return 0;
    }
    return 0;
}

int mlscore_pmml_run_bayes(pmml_run *run, uint32_t index)
{
    const pmml_plan *plan = run->plan;
    const pmml_model *model = &plan->models[index];
    const pmml_bayes *body = &plan->bayeses[model->body];
    pmml_result *result = &run->results[index];

    result->kind = PMML_RESULT_PROBABILITY;
    for (uint32_t i = 0; i < body->category_count; i++) {
        mlscore_pmml_add_category(
            run, index, plan->words[body->category_first + i],
            pmml_round(model, log(plan->numbers[body->count_first + i])));
    }
    for (uint32_t i = 0; i < body->input_count; i++) {
        const pmml_bayes_input *input =
            &plan->bayes_inputs[body->input_first + i];
        const pmml_value *value;

        if (pmml_slot_value(run, input->slot, &value)) {
            return -1;
        }
        if (value->type == PMML_MISSING) {
            continue;
        }
        if (input->kind == PMML_BAYES_STATS
                ? add_stats(run, model, body, input, value)
                : add_counts(run, model, body, input, value)) {
            return -1;
        }
    }
    mlscore_pmml_softmax(model, run->values + model->offset, result->count);
    return mlscore_pmml_set_winner(run, index);
}
