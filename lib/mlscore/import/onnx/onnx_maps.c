/* SPDX-License-Identifier: Apache-2.0 */
/* Dictionaries as inputs; see onnx_maps.h. */

#include "import/onnx/onnx_maps.h"

#include <math.h>
#include <string.h>

#include "eval/graph/graph.h"

enum { MOST_KEYS = 65536 };

static const mlscore_onnx_attr *find_attr(const mlscore_onnx_node *node,
                                          const char *name, int kind)
{
    for (size_t i = 0; i < node->attr_count; i++) {
        if (!strcmp(node->attrs[i].name, name) &&
            node->attrs[i].kind == kind) {
            return &node->attrs[i];
        }
    }
    return NULL;
}

/* The node that reads `name`; NULL when there is none or not only one. */
static mlscore_onnx_node *only_reader(mlscore_onnx_graph *graph,
                                      const char *name)
{
    mlscore_onnx_node *found = NULL;
    size_t count = 0;

    for (size_t i = 0; i < graph->node_count; i++) {
        for (size_t j = 0; j < graph->nodes[i].input_count; j++) {
            if (!strcmp(graph->nodes[i].inputs[j], name)) {
                found = &graph->nodes[i];
                count++;
            }
        }
    }
    return count == 1 ? found : NULL;
}

/* The keys of a SPARSE CastMap: 0, 1 ... */
static mlscore_status count_keys(const mlscore_onnx_node *node,
                                 mlscore_onnx_value *input,
                                 mlscore_arena *arena, mlscore_error *err)
{
    const mlscore_onnx_attr *most =
        find_attr(node, "max_map", MLSCORE_ATTR_INT);
    const mlscore_onnx_attr *form =
        find_attr(node, "map_form", MLSCORE_ATTR_STRING);
    const mlscore_onnx_attr *to =
        find_attr(node, "cast_to", MLSCORE_ATTR_STRING);
    const int sparse = form && form->of.strings->length == 6 &&
                       !memcmp(form->of.strings->bytes, "SPARSE", 6);
    const int real = !to || (to->of.strings->length == 8 &&
                             !memcmp(to->of.strings->bytes, "TO_FLOAT", 8));

    if (!sparse || !real || !most || most->of.ints[0] < 1 ||
        most->of.ints[0] > MOST_KEYS) {
        return mlscore_error_set(
            err, MLSCORE_EUNSUPPORTED, "ONNX: CastMap '%.80s' is supported "
            "with map_form SPARSE, max_map and TO_FLOAT only", node->name);
    }
    input->key_count = (size_t)most->of.ints[0];
    int64_t *numbers = mlscore_arena_calloc(arena, input->key_count,
                                            sizeof(*numbers));
    for (size_t i = 0; numbers && i < input->key_count; i++) {
        numbers[i] = (int64_t)i;
    }
    input->key_numbers = numbers;
    return numbers ? MLSCORE_OK
                   : mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
}

static mlscore_status take_keys(const mlscore_onnx_node *node,
                                mlscore_onnx_value *input,
                                mlscore_arena *arena, mlscore_error *err)
{
    const mlscore_onnx_attr *texts =
        find_attr(node, "string_vocabulary", MLSCORE_ATTR_STRINGS);
    const mlscore_onnx_attr *numbers =
        find_attr(node, "int64_vocabulary", MLSCORE_ATTR_INTS);

    if (!strcmp(node->op, "CastMap")) {
        return count_keys(node, input, arena, err);
    }
    if (!texts == !numbers) {
        return mlscore_error_set(err, MLSCORE_EFORMAT,
                                 "ONNX: DictVectorizer '%.80s' needs one "
                                 "vocabulary", node->name);
    }
    input->keys = texts ? texts->of.strings : NULL;
    input->key_numbers = numbers ? numbers->of.ints : NULL;
    input->key_count = texts ? texts->count : numbers->count;
    if (input->key_count < 1 || input->key_count > MOST_KEYS) {
        return mlscore_error_set(err, MLSCORE_ELIMIT,
                                 "ONNX: DictVectorizer '%.80s' has %zu keys",
                                 node->name, input->key_count);
    }
    return MLSCORE_OK;
}

/* The node becomes an Imputer: 0 for what is missing. */
static mlscore_status make_imputer(mlscore_onnx_node *node,
                                   mlscore_arena *arena, mlscore_error *err)
{
    mlscore_onnx_attr *attrs = mlscore_arena_calloc(arena, 2, sizeof(*attrs));
    float *values = mlscore_arena_calloc(arena, 2, sizeof(*values));

    if (!attrs || !values) {
        return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
    }
    values[1] = NAN;
    attrs[0] = (mlscore_onnx_attr){.name = "imputed_value_floats",
                                   .kind = MLSCORE_ATTR_FLOATS, .count = 1,
                                   .of.floats = &values[0]};
    attrs[1] = (mlscore_onnx_attr){.name = "replaced_value_float",
                                   .kind = MLSCORE_ATTR_FLOAT, .count = 1,
                                   .of.floats = &values[1]};
    node->op = "Imputer";
    node->attrs = attrs;
    node->attr_count = 2;
    return MLSCORE_OK;
}

mlscore_status mlscore_onnx_maps_to_columns(mlscore_onnx_model *model,
                                            mlscore_arena *arena,
                                            mlscore_error *err)
{
    mlscore_onnx_graph *graph = &model->graph;
    mlscore_status status = MLSCORE_OK;

    for (size_t i = 0; !status && i < graph->input_count; i++) {
        mlscore_onnx_value *input = &graph->inputs[i];

        if (input->kind != MLSCORE_ONNX_MAP &&
            input->kind != MLSCORE_ONNX_SEQUENCE) {
            continue;
        }
        mlscore_onnx_node *node = only_reader(graph, input->name);
        if (!node || strcmp(node->domain, "ai.onnx.ml") ||
            (strcmp(node->op, "DictVectorizer") &&
             strcmp(node->op, "CastMap"))) {
            continue; /* refused when it is lowered */
        }
        status = take_keys(node, input, arena, err);
        status = status ? status : make_imputer(node, arena, err);
        input->kind = MLSCORE_ONNX_TENSOR;
        input->shape = (mlscore_tensor){
            .type = MLSCORE_DT_FLOAT, .rank = 2,
            .dims = {-1, (int64_t)input->key_count}};
    }
    return status;
}
