/* SPDX-License-Identifier: Apache-2.0 */
/* Results of models: predictions, categories, targets. */

#include <math.h>

#include "eval/pmml/pmml_run.h"

const pmml_result *mlscore_pmml_result(const pmml_run *run, uint32_t model,
                                       uint32_t *final)
{
    while (run->result_epochs[model] == run->epoch &&
           run->results[model].redirect != PMML_NONE) {
        model = run->results[model].redirect;
    }
    *final = model;
    return &run->results[model];
}

/* --- numbers --------------------------------------------------------------*/

static double cast_integer(uint32_t cast, double number)
{
    switch (cast) {
    case PMML_CAST_ROUND:
        return floor(number + 0.5);
    case PMML_CAST_CEILING:
        return ceil(number);
    case PMML_CAST_FLOOR:
        return floor(number);
    default:
        return number;
    }
}

static double rescale(const pmml_model *model, const pmml_target *target,
                      double number)
{
    if ((target->flags & PMML_TARGET_MIN) && number < target->min) {
        number = target->min;
    }
    if ((target->flags & PMML_TARGET_MAX) && number > target->max) {
        number = target->max;
    }
    if (target->factor != 1.0) {
        number = pmml_round(model,
                            number * pmml_round(model, target->factor));
    }
    if (target->constant != 0.0) {
        number = pmml_round(model,
                            number + pmml_round(model, target->constant));
    }
    return cast_integer(target->cast, number);
}

int mlscore_pmml_set_number(pmml_run *run, uint32_t index, double number)
{
    const pmml_model *model = &run->plan->models[index];
    pmml_result *result = &run->results[index];

    if (model->target != PMML_NONE) {
        number = rescale(model, &run->plan->targets[model->target], number);
    }
    result->value = pmml_number_value(
        model->float_math ? PMML_FLOAT : PMML_DOUBLE, number);
    return mlscore_pmml_cast_value(run, &result->value, model->target_type);
}

/* --- categories -----------------------------------------------------------*/

uint32_t mlscore_pmml_find_category(const pmml_run *run, uint32_t index,
                                    uint32_t symbol)
{
    const uint32_t *keys = run->keys + run->plan->models[index].offset;

    for (uint32_t i = 0; i < run->results[index].count; i++) {
        if (keys[i] == symbol) {
            return i;
        }
    }
    return PMML_NONE;
}

void mlscore_pmml_add_category(pmml_run *run, uint32_t index, uint32_t symbol,
                               double number)
{
    const pmml_model *model = &run->plan->models[index];
    pmml_result *result = &run->results[index];
    double *values = run->values + model->offset;
    uint32_t at = mlscore_pmml_find_category(run, index, symbol);

    if (at == PMML_NONE) {
        if (result->count == model->capacity) {
            return; /* verified not to happen */
        }
        at = result->count++;
        run->keys[model->offset + at] = symbol;
        values[at] = 0.0;
    }
    values[at] = pmml_round(model, values[at] + number);
}

int mlscore_pmml_set_category(pmml_run *run, uint32_t index, uint32_t symbol)
{
    run->results[index].category = symbol;
    run->results[index].value =
        mlscore_pmml_symbol_value(run->plan, symbol);
    return mlscore_pmml_cast_value(run, &run->results[index].value,
                                   run->plan->models[index].target_type);
}

int mlscore_pmml_set_winner(pmml_run *run, uint32_t index)
{
    const pmml_model *model = &run->plan->models[index];
    const pmml_result *result = &run->results[index];
    const double *values = run->values + model->offset;
    const int sign = result->kind == PMML_RESULT_DISTANCE ? -1 : 1;
    uint32_t best = 0;

    if (result->count == 0) {
        return mlscore_pmml_refuse(run, "no category has been predicted");
    }
    for (uint32_t i = 1; i < result->count; i++) {
        if (sign * mlscore_pmml_order(values[i], values[best]) > 0) {
            best = i;
        }
    }
    return mlscore_pmml_set_category(run, index,
                                     run->keys[model->offset + best]);
}

void mlscore_pmml_simplemax(const pmml_model *model, double *values,
                            uint32_t count)
{
    double sum = 0.0;

    for (uint32_t i = 0; i < count; i++) {
        sum = pmml_round(model, sum + values[i]);
    }
    for (uint32_t i = 0; i < count && sum != 1.0; i++) {
        values[i] = pmml_round(model, values[i] / sum);
    }
}

void mlscore_pmml_softmax(const pmml_model *model, double *values,
                          uint32_t count)
{
    double largest = -INFINITY;

    for (uint32_t i = 0; i < count; i++) {
        if (mlscore_pmml_order(values[i], largest) > 0) {
            largest = values[i];
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        values[i] =
            pmml_round(model, exp(pmml_round(model, values[i] - largest)));
    }
    mlscore_pmml_simplemax(model, values, count);
}

/* --- defaults -------------------------------------------------------------*/

int mlscore_pmml_set_default(pmml_run *run, uint32_t index)
{
    const pmml_model *model = &run->plan->models[index];
    pmml_result *result = &run->results[index];

    result->count = 0;
    result->value = pmml_missing();
    if (model->target == PMML_NONE) {
        return 0;
    }
    const pmml_target *target = &run->plan->targets[model->target];

    if (model->function == PMML_FUNCTION_REGRESSION) {
        return target->flags & PMML_TARGET_DEFAULT
                   ? mlscore_pmml_set_number(run, index,
                                             target->default_value)
                   : 0;
    }
    if (!(target->flags & PMML_TARGET_PRIORS)) {
        return 0;
    }
    result->kind = PMML_RESULT_PROBABILITY;
    for (uint32_t i = 0; i < target->prior_count; i++) {
        mlscore_pmml_add_category(
            run, index, run->plan->words[target->prior_first + i],
            run->plan->numbers[target->prior_number + i]);
    }
    mlscore_pmml_simplemax(model, run->values + model->offset, result->count);
    return mlscore_pmml_set_winner(run, index);
}

/* --- models ---------------------------------------------------------------*/

static int run_body(pmml_run *run, uint32_t index)
{
    switch (run->plan->models[index].kind) {
    case PMML_TREE:
        return mlscore_pmml_run_tree(run, index);
    case PMML_REGRESSION:
        return mlscore_pmml_run_regression(run, index);
    case PMML_MINING:
        return mlscore_pmml_run_mining(run, index);
    case PMML_GENERAL_REGRESSION:
        return mlscore_pmml_run_general(run, index);
    case PMML_NETWORK:
        return mlscore_pmml_run_network(run, index);
    case PMML_VECTOR_MACHINE:
        return mlscore_pmml_run_vectors(run, index);
    case PMML_CLUSTERING:
        return mlscore_pmml_run_clustering(run, index);
    case PMML_BAYES:
        return mlscore_pmml_run_bayes(run, index);
    case PMML_NEIGHBOR:
        return mlscore_pmml_run_neighbor(run, index);
    case PMML_RULE_SET:
        return mlscore_pmml_run_rules(run, index);
    default:
        return mlscore_pmml_run_scorecard(run, index);
    }
}

void mlscore_pmml_clear_result(pmml_run *run, uint32_t index)
{
    run->results[index] = (pmml_result){.value = pmml_missing(),
                                        .category = PMML_NONE,
                                        .entity = PMML_NONE,
                                        .redirect = PMML_NONE};
}

int mlscore_pmml_run_model(pmml_run *run, uint32_t index)
{
    mlscore_pmml_clear_result(run, index);
    if (run_body(run, index)) {
        return -1;
    }
    run->result_epochs[index] = run->epoch;
    return run->plan->models[index].output_count > 0
               ? mlscore_pmml_run_outputs(run, index)
               : 0;
}
