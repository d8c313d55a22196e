/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluating a NeuralNetwork. */

#include <math.h>

#include "eval/pmml/pmml_run.h"

static double activate(const pmml_layer *layer, double z)
{
    switch (layer->activation) {
    case PMML_ACT_THRESHOLD:
        return z > layer->threshold;
    case PMML_ACT_LOGISTIC:
        return 1.0 / (1.0 + exp(-z));
    case PMML_ACT_TANH:
        return tanh(z);
    case PMML_ACT_EXPONENTIAL:
        return exp(z);
    case PMML_ACT_RECIPROCAL:
        return 1.0 / z;
    case PMML_ACT_SQUARE:
        return z * z;
    case PMML_ACT_GAUSS:
        return exp(-z * z);
    case PMML_ACT_SINE:
        return sin(z);
    case PMML_ACT_COSINE:
        return cos(z);
    case PMML_ACT_ELLIOTT:
        return z / (1.0 + fabs(z));
    case PMML_ACT_ARCTAN:
        return 2.0 * atan(z) / M_PI;
    case PMML_ACT_RECTIFIER:
        return z > 0.0 ? z : 0.0;
    default:
        return z;
    }
}

static double weighted_sum(const pmml_run *run, const pmml_model *model,
                           const pmml_neuron *neuron, const double *outputs)
{
    const uint32_t *from = run->plan->words + neuron->con_first;
    const double *weights = run->plan->numbers + neuron->con_number;
    double z = 0.0;

    for (uint32_t i = 0; i < neuron->con_count; i++) {
        z = pmml_round(model, z + pmml_round(model,
                                             pmml_round(model, weights[i]) *
                                                 outputs[from[i]]));
    }
    return pmml_round(model, z + pmml_round(model, neuron->bias));
}

/** A radial basis: how far the inputs are from the center. */
static double radial(const pmml_run *run, const pmml_model *model,
                     const pmml_neuron *neuron, const double *outputs)
{
    const uint32_t *from = run->plan->words + neuron->con_first;
    const double *center = run->plan->numbers + neuron->con_number;
    double z = 0.0;

    for (uint32_t i = 0; i < neuron->con_count; i++) {
        const double difference = outputs[from[i]] - center[i];

        z += difference * difference;
    }
    z = -z / (2.0 * neuron->width * neuron->width);
    if (neuron->altitude != 1.0) {
        z += neuron->con_count * log(neuron->altitude);
    }
    return pmml_round(model, exp(z));
}

/** 1 when an input is missing. */
static int run_inputs(pmml_run *run, const pmml_model *model,
                      const pmml_network *body, double *outputs)
{
    for (uint32_t i = 0; i < body->input_count; i++) {
        pmml_value value;

        if (mlscore_pmml_eval(run, run->plan->words[body->input_first + i],
                              &value)) {
            return -1;
        }
        if (value.type == PMML_MISSING) {
            return 1;
        }
        if (mlscore_pmml_as_number(run, &value, &outputs[i])) {
            return -1;
        }
        outputs[i] = pmml_round(model, outputs[i]);
    }
    return 0;
}

static void run_layers(pmml_run *run, const pmml_model *model,
                       const pmml_network *body, double *outputs)
{
    double *next = outputs + body->input_count;

    for (uint32_t i = 0; i < body->layer_count; i++) {
        const pmml_layer *layer = &run->plan->layers[body->layer_first + i];

        for (uint32_t k = 0; k < layer->neuron_count; k++) {
            const pmml_neuron *neuron =
                &run->plan->neurons[layer->neuron_first + k];

            next[k] =
                layer->activation == PMML_ACT_RADIAL
                    ? radial(run, model, neuron, outputs)
                    : pmml_round(model,
                                 activate(layer, weighted_sum(run, model,
                                                              neuron,
                                                              outputs)));
        }
        if (layer->normalization == PMML_NORM_SOFTMAX) {
            mlscore_pmml_softmax(model, next, layer->neuron_count);
        }
        else if (layer->normalization == PMML_NORM_SIMPLEMAX) {
            mlscore_pmml_simplemax(model, next, layer->neuron_count);
        }
        next += layer->neuron_count;
    }
}

/** The category of the largest output; its neuron is the winning entity. */
static int set_winner(pmml_run *run, uint32_t index,
                      const pmml_neural_output *outputs, uint32_t count)
{
    pmml_result *result = &run->results[index];

    if (mlscore_pmml_set_winner(run, index)) {
        return -1;
    }
    for (uint32_t i = count; i > 0; i--) {
        if (outputs[i - 1].value == result->category) {
            result->entity = outputs[i - 1].id;
        }
    }
    return 0;
}

int mlscore_pmml_run_network(pmml_run *run, uint32_t index)
{
    const pmml_model *model = &run->plan->models[index];
    const pmml_network *body = &run->plan->networks[model->body];
    const pmml_neural_output *outputs =
        &run->plan->neural_outputs[body->output_first];
    double *neurons = run->numbers + body->offset;
    const int missing = run_inputs(run, model, body, neurons);

    if (missing != 0) {
        return missing < 0 ? -1 : mlscore_pmml_set_default(run, index);
    }
    run_layers(run, model, body, neurons);
    if (model->function == PMML_FUNCTION_CLASSIFICATION) {
        run->results[index].kind = PMML_RESULT_PROBABILITY;
        for (uint32_t i = 0; i < body->output_count; i++) {
            mlscore_pmml_add_category(run, index, outputs[i].value,
                                      neurons[outputs[i].neuron]);
        }
        return set_winner(run, index, outputs, body->output_count);
    }
    double x = neurons[outputs->neuron];

    if (outputs->kind == PMML_OP_NORM_CONTINUOUS) {
        x = pmml_round(model, mlscore_pmml_denormalize(
                                  run->plan->numbers + outputs->value,
                                  outputs->count, x));
    }
    return mlscore_pmml_set_number(run, index, x);
}
