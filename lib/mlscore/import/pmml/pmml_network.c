/* SPDX-License-Identifier: Apache-2.0 */
/* NeuralNetwork. */

#include <math.h>
#include <string.h>

#include "import/pmml/pmml_import.h"

typedef struct network_builder {
    pmml_import *in;
    pmml_scope *scope;
    const pmml_element *element;
    pmml_map neurons; /* id -> number, inputs first */
    uint32_t count;
} network_builder;

static void name_neuron(network_builder *net, const pmml_element *element)
{
    const char *id = mlscore_pmml_attr(element, "id");
    char number[PMML_FORMAT_SIZE];

    mlscore_pmml_format(PMML_INTEGER, net->count + 1, number);
    mlscore_pmml_map_put(net->in, &net->neurons,
                         mlscore_pmml_symbol_of(net->in, id ? id : number),
                         net->count);
    net->count++;
}

static uint32_t find_neuron(network_builder *net,
                            const pmml_element *element, const char *name)
{
    const char *id = mlscore_pmml_need(net->in, element, name);
    uint32_t number;

    if (!mlscore_pmml_map_get(&net->neurons,
                              mlscore_pmml_symbol_of(net->in, id), &number)) {
        mlscore_pmml_fail(net->in, MLSCORE_EFORMAT, element,
                          "%s: there is no neuron \"%.60s\" before it",
                          mlscore_pmml_element_name(element->kind), id);
    }
    return number;
}

static void add_inputs(network_builder *net, pmml_network *body)
{
    const pmml_element *inputs = mlscore_pmml_need_child(
        net->in, net->element, PMML_E_NEURAL_INPUTS);
    pmml_list words = {0};

    PMML_EACH(input, inputs) {
        const pmml_element *field = mlscore_pmml_need_child(
            net->in, input, PMML_E_DERIVED_FIELD);
        const uint32_t expr =
            mlscore_pmml_expr_in(net->in, net->scope, field);

        mlscore_pmml_list_add(
            net->in, &words,
            mlscore_pmml_cast_expr(
                net->in, expr,
                mlscore_pmml_type(net->in, field, "dataType",
                                  mlscore_pmml_expr_type(net->in, expr))));
        name_neuron(net, input);
    }
    body->input_first = mlscore_pmml_list_words(net->in, &words);
    body->input_count = words.count;
}

/* --- layers ---------------------------------------------------------------*/

/** An attribute of a layer, or of the network when the layer has none. */
static const pmml_element *holder(const network_builder *net,
                                  const pmml_element *layer,
                                  const char *name)
{
    return mlscore_pmml_attr(layer, name) ? layer : net->element;
}

static double layer_number(network_builder *net, const pmml_element *layer,
                           const char *name, double otherwise)
{
    return mlscore_pmml_number(net->in, holder(net, layer, name), name,
                               otherwise);
}

static pmml_neuron lower_neuron(network_builder *net,
                                const pmml_element *element,
                                const pmml_layer *layer, double width,
                                double altitude)
{
    pmml_import *in = net->in;
    pmml_list froms = {0};
    pmml_neuron neuron = {
        .con_number = mlscore_pmml_rows(in, PMML_TABLE_numbers),
        .bias = mlscore_pmml_number(in, element, "bias", 0.0),
        .width = mlscore_pmml_number(in, element, "width", width),
        .altitude = mlscore_pmml_number(in, element, "altitude", altitude)};

    PMML_EACH(con, element) {
        mlscore_pmml_list_add(in, &froms, find_neuron(net, con, "from"));
        mlscore_pmml_add_number(
            in, mlscore_pmml_need_number(in, con, "weight"));
    }
    if (layer->activation == PMML_ACT_RADIAL && isnan(neuron.width)) {
        mlscore_pmml_need(in, net->element, "width");
    }
    neuron.con_first = mlscore_pmml_list_words(in, &froms);
    neuron.con_count = froms.count;
    return neuron;
}

static void add_layer(network_builder *net, const pmml_element *element,
                      uint32_t index)
{
    static const char *const activations[] = {
        "threshold",   "logistic",   "tanh",   "identity",
        "exponential", "reciprocal", "square", "Gauss",
        "sine",        "cosine",     "Elliott", "arctan",
        "rectifier",   "radialBasis", NULL};
    static const char *const norms[] = {"none", "simplemax", "softmax", NULL};
    pmml_import *in = net->in;
    const pmml_element *named = holder(net, element, "activationFunction");
    const size_t count = mlscore_pmml_count(element, PMML_E_NEURON);

    mlscore_pmml_need(in, named, "activationFunction");
    pmml_layer layer = {
        .activation = mlscore_pmml_choice(in, named, "activationFunction",
                                          activations, 0),
        .normalization = mlscore_pmml_choice(
            in, holder(net, element, "normalizationMethod"),
            "normalizationMethod", norms, 0),
        .threshold = layer_number(net, element, "threshold", 0.0),
        .neuron_first = mlscore_pmml_reserve(in, PMML_TABLE_neurons, count),
        .neuron_count = (uint32_t)count};
    const double width = layer_number(net, element, "width", NAN);
    const double altitude = layer_number(net, element, "altitude", 1.0);
    uint32_t at = layer.neuron_first;

    PMML_EACH(child, element) {
        const pmml_neuron neuron =
            lower_neuron(net, child, &layer, width, altitude);

        memcpy(mlscore_pmml_at(in, PMML_TABLE_neurons, at++), &neuron,
               sizeof(neuron));
    }
    /* Neurons are known to the layers after theirs. */
    PMML_EACH(child, element) {
        name_neuron(net, child);
    }
    memcpy(mlscore_pmml_at(in, PMML_TABLE_layers, index), &layer,
           sizeof(layer));
}

/* --- outputs --------------------------------------------------------------*/

/** The expression of an output: a reference to a derived field stands for
 *  that field's expression. */
static const pmml_element *output_expression(network_builder *net,
                                             const pmml_element *output)
{
    const pmml_element *field = mlscore_pmml_need_child(
        net->in, output, PMML_E_DERIVED_FIELD);
    const pmml_element *expr = mlscore_pmml_child_in(field, 'X');
    uint32_t index;

    if (expr && expr->kind == PMML_E_FIELD_REF) {
        const uint32_t name = mlscore_pmml_symbol_of(
            net->in, mlscore_pmml_need(net->in, expr, "field"));

        if (mlscore_pmml_map_get(&net->scope->derived, name, &index)) {
            expr = mlscore_pmml_child_in(net->scope->derived_fields[index],
                                         'X');
        }
        else if (mlscore_pmml_map_get(&net->in->derived, name, &index)) {
            expr = mlscore_pmml_child_in(net->in->derived_fields[index], 'X');
        }
    }
    if (!expr) {
        mlscore_pmml_fail(net->in, MLSCORE_EFORMAT, output,
                          "NeuralOutput has no expression");
    }
    return expr;
}

/** Outputs of other targets are not asked for. */
static int is_for_target(network_builder *net, const pmml_element *expr)
{
    const char *field = mlscore_pmml_attr(expr, "field");

    return net->scope->target_name == PMML_NONE || !field ||
           mlscore_pmml_symbol_of(net->in, field) == net->scope->target_name;
}

static void add_output(network_builder *net, const pmml_element *output,
                       const pmml_element *expr, pmml_list *categories)
{
    pmml_import *in = net->in;
    pmml_neural_output record = {
        .neuron = find_neuron(net, output, "outputNeuron"),
        .id = mlscore_pmml_attr_symbol(in, output, "outputNeuron"),
        .value = PMML_NONE};
    const int classes = net->scope->function == PMML_FUNCTION_CLASSIFICATION;

    if (classes && expr->kind == PMML_E_NORM_DISCRETE) {
        record.kind = PMML_OP_NORM_DISCRETE;
        record.value =
            mlscore_pmml_category(in, net->scope->target_type,
                                  mlscore_pmml_need(in, expr, "value"));
        mlscore_pmml_list_add(in, categories, record.value);
    }
    else if (!classes && expr->kind == PMML_E_NORM_CONTINUOUS) {
        record.kind = PMML_OP_NORM_CONTINUOUS;
        record.value = mlscore_pmml_linear_norms(in, expr, &record.count);
    }
    else if (!classes && expr->kind == PMML_E_FIELD_REF) {
        record.kind = PMML_OP_FIELD;
    }
    else {
        mlscore_pmml_fail(in, MLSCORE_EUNSUPPORTED, expr,
                          "%s is not supported in a NeuralOutput of a %s",
                          mlscore_pmml_element_name(expr->kind),
                          classes ? "classification" : "regression");
    }
    mlscore_pmml_add(in, PMML_TABLE_neural_outputs, &record);
}

static void add_outputs(network_builder *net, pmml_network *body,
                        pmml_list *categories)
{
    const pmml_element *outputs = mlscore_pmml_need_child(
        net->in, net->element, PMML_E_NEURAL_OUTPUTS);

    body->output_first = mlscore_pmml_rows(net->in, PMML_TABLE_neural_outputs);
    PMML_EACH(output, outputs) {
        const pmml_element *expr = output_expression(net, output);

        if (is_for_target(net, expr)) {
            add_output(net, output, expr, categories);
            body->output_count++;
        }
    }
    if (body->output_count == 0 ||
        (net->scope->function == PMML_FUNCTION_REGRESSION &&
         body->output_count != 1)) {
        mlscore_pmml_fail(net->in, MLSCORE_EFORMAT, outputs,
                          "NeuralOutputs has %u outputs for the target",
                          body->output_count);
    }
}

void mlscore_pmml_network(pmml_import *in, pmml_scope *scope,
                          const pmml_element *element, pmml_model *record,
                          pmml_list *categories)
{
    network_builder net = {.in = in, .scope = scope, .element = element};
    const size_t layers =
        mlscore_pmml_count(element, PMML_E_NEURAL_LAYER);
    pmml_network body = {
        .layer_first = mlscore_pmml_reserve(in, PMML_TABLE_layers, layers),
        .layer_count = (uint32_t)layers};
    uint32_t at = body.layer_first;

    if (scope->function > PMML_FUNCTION_CLASSIFICATION) {
        mlscore_pmml_unsupported(in, element, "functionName");
    }
    add_inputs(&net, &body);
    PMML_EACH(child, element) {
        if (child->kind == PMML_E_NEURAL_LAYER) {
            add_layer(&net, child, at++);
        }
    }
    add_outputs(&net, &body, categories);
    body.neuron_count = net.count;
    body.offset = mlscore_pmml_scratch(in, element, net.count);
    record->kind = PMML_NETWORK;
    record->body = mlscore_pmml_add(in, PMML_TABLE_networks, &body);
}
