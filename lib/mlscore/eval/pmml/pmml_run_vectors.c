/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluating a SupportVectorMachineModel. */

#include <math.h>

#include "eval/pmml/pmml_run.h"

/** The features of the row; one that is missing refuses it. */
static int read_features(pmml_run *run, const pmml_vector_machine_model *body,
                         double *features)
{
    for (uint32_t i = 0; i < body->feature_count; i++) {
        pmml_value value;

        if (mlscore_pmml_eval(run, run->plan->words[body->feature_first + i],
                              &value)) {
            return -1;
        }
        if (value.type == PMML_MISSING) {
            return mlscore_pmml_refuse(run, "feature %u of the support vector "
                                            "machine is missing",
                                       i + 1);
        }
        if (mlscore_pmml_as_number(run, &value, &features[i])) {
            return -1;
        }
    }
    return 0;
}

static double dot(const double *a, const double *b, uint32_t count)
{
    double sum = 0.0;

    for (uint32_t i = 0; i < count; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

static double squared_distance(const double *a, const double *b,
                               uint32_t count)
{
    double sum = 0.0;

    for (uint32_t i = 0; i < count; i++) {
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    }
    return sum;
}

static double kernel(const pmml_vector_machine_model *body, const double *x,
                     const double *vector)
{
    const uint32_t n = body->feature_count;

    switch (body->kernel) {
    case PMML_KERNEL_LINEAR:
        return dot(x, vector, n);
    case PMML_KERNEL_POLYNOMIAL:
        return pow(body->gamma * dot(x, vector, n) + body->coef0,
                   body->degree);
    case PMML_KERNEL_RADIAL:
        return exp(-body->gamma * squared_distance(x, vector, n));
    default:
        return tanh(body->gamma * dot(x, vector, n) + body->coef0);
    }
}

static double machine_value(const pmml_run *run, const pmml_model *model,
                            const pmml_vector_machine_model *body,
                            const pmml_machine *machine, const double *x)
{
    const double *coefficients = run->plan->numbers + machine->number_first;
    const double *kernels = x + body->feature_count;
    double sum = 0.0;

    if (body->coefficients) {
        sum = dot(coefficients, x, machine->count);
    }
    else {
        const uint32_t *vectors = run->plan->words + machine->vector_first;

        for (uint32_t i = 0; i < machine->count; i++) {
            sum = pmml_round(
                model, sum + pmml_round(model, coefficients[i] *
                                                   kernels[vectors[i]]));
        }
    }
    return pmml_round(model, sum + machine->bias);
}

/** Which of a pair of categories a machine votes for. */
static int vote(pmml_run *run, const pmml_vector_machine_model *body,
                const pmml_machine *machine, double value, uint32_t *category)
{
    if (machine->alternate != PMML_NONE) {
        *category = value < machine->threshold ? machine->target
                                               : machine->alternate;
        return 0;
    }
    const double whole = floor(value + 0.5);

    if (whole != 0.0 && whole != 1.0) {
        return mlscore_pmml_refuse(
            run, "a support vector machine gives %g, not 0 or 1", value);
    }
    *category = whole == 0.0 ? body->alternate : machine->target;
    return 0;
}

static int run_classification(pmml_run *run, uint32_t index,
                              const pmml_vector_machine_model *body,
                              const double *x)
{
    const pmml_model *model = &run->plan->models[index];
    pmml_result *result = &run->results[index];

    result->kind = !body->against_all ? PMML_RESULT_PROBABILITY
                   : body->max_wins   ? PMML_RESULT_SIMILARITY
                                      : PMML_RESULT_DISTANCE;
    for (uint32_t i = 0; i < body->machine_count; i++) {
        const pmml_machine *machine =
            &run->plan->machines[body->machine_first + i];
        const double value = machine_value(run, model, body, machine, x);
        uint32_t category = 0;

        if (body->against_all) {
            mlscore_pmml_add_category(run, index, machine->target, value);
            continue;
        }
        if (vote(run, body, machine, value, &category)) {
            return -1;
        }
        mlscore_pmml_add_category(run, index, category, 1.0);
    }
    if (!body->against_all) {
        mlscore_pmml_simplemax(model, run->values + model->offset,
                               result->count);
    }
    return mlscore_pmml_set_winner(run, index);
}

int mlscore_pmml_run_vectors(pmml_run *run, uint32_t index)
{
    const pmml_model *model = &run->plan->models[index];
    const pmml_vector_machine_model *body =
        &run->plan->vector_machines[model->body];
    double *x = run->numbers + body->offset;
    double *kernels = x + body->feature_count;

    if (read_features(run, body, x)) {
        return -1;
    }
    /* Machines share vectors: each kernel is computed once. */
    for (uint32_t i = 0; i < body->vector_count; i++) {
        kernels[i] = pmml_round(
            model, kernel(body, x,
                          run->plan->numbers + body->vector_number +
                              (size_t)i * body->feature_count));
    }
    if (model->function == PMML_FUNCTION_CLASSIFICATION) {
        return run_classification(run, index, body, x);
    }
    return mlscore_pmml_set_number(
        run, index,
        machine_value(run, model, body,
                      &run->plan->machines[body->machine_first], x));
}
