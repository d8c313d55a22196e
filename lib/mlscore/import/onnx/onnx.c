/* SPDX-License-Identifier: Apache-2.0 */
/* The ONNX importer: a table entry, and writing the image. */

#include <stdio.h>
#include <string.h>

#include "import/importer.h"
#include "import/onnx/onnx_columns.h"
#include "mlscore/body.h"

static int sniff(const unsigned char *bytes, size_t size)
{
    return mlscore_onnx_sniff(bytes, size);
}

/* "TreeEnsemble, 500 trees" or "graph, 12 nodes". */
static void describe(const mlscore_onnx_loaded *loaded, char *out, size_t size)
{
    const mlscore_graph *graph = loaded->graph;

    if (loaded->model.graph.node_count == 1) {
        snprintf(out, size, "%.100s", loaded->model.graph.nodes[0].op);
        return;
    }
    snprintf(out, size, "graph, %u nodes", graph->node_count);
}

static mlscore_status add_sections(mlscore_image_builder *builder,
                                   const mlscore_graph *graph,
                                   const mlscore_onnx_columns *columns,
                                   mlscore_error *err)
{
    mlscore_buffer records = {0}, data = {0}, binding = {0};
    mlscore_status status = mlscore_graph_write(graph, &records, &data, err);

    status = status ? status
                    : mlscore_binding_write(&columns->binding, &binding, err);
    status = status ? status
                    : mlscore_image_builder_add(builder, MLSCORE_GRAPH_RECORDS,
                                                records.bytes, records.length,
                                                err);
    status = status ? status
                    : mlscore_image_builder_add(builder, MLSCORE_GRAPH_DATA,
                                                data.bytes, data.length, err);
    status = status ? status
                    : mlscore_image_builder_add(builder, MLSCORE_GRAPH_BINDING,
                                                binding.bytes, binding.length,
                                                err);
    mlscore_buffer_free(&records);
    mlscore_buffer_free(&data);
    mlscore_buffer_free(&binding);
    return status;
}

static mlscore_status add_all(mlscore_image_builder *builder,
                              const mlscore_onnx_loaded *loaded,
                              const mlscore_onnx_columns *columns,
                              mlscore_error *err)
{
    char kind[128], producer[256];
    const mlscore_onnx_model *model = &loaded->model;

    describe(loaded, kind, sizeof(kind));
    snprintf(producer, sizeof(producer), "%.120s%s%.100s", model->producer,
             *model->producer && *model->producer_version ? " " : "",
             model->producer_version);
    mlscore_status status = mlscore_image_builder_texts(builder, "ONNX", kind,
                                                        producer, err);
    status = status ? status
                    : mlscore_image_builder_schema(builder, &columns->inputs,
                                                   &columns->outputs, err);
    return status ? status
                  : add_sections(builder, loaded->graph, columns, err);
}

/* Types of all values for any number of rows: one row, or what is declared. */
static mlscore_status finish(const mlscore_onnx_loaded *loaded,
                             const mlscore_onnx_columns *columns,
                             mlscore_error *err)
{
    const mlscore_graph *graph = loaded->graph;
    mlscore_tensor *shapes = mlscore_arena_calloc(
        graph->arena, graph->input_count + 1, sizeof(*shapes));

    if (!shapes) {
        return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < graph->input_count; i++) {
        shapes[i] =
            mlscore_binding_shape(graph, &columns->binding.inputs[i], 1);
    }
    return mlscore_onnx_finish(loaded->graph, shapes, err);
}

static mlscore_status import(mlscore_image_builder **out,
                             const unsigned char *bytes, size_t size,
                             const mlscore_import_options *options,
                             const mlscore_import_hints *hints,
                             mlscore_error *err)
{
    mlscore_onnx_loaded loaded;
    mlscore_onnx_columns columns;

    *out = NULL;
    mlscore_status status = mlscore_onnx_load(&loaded, bytes, size, options,
                                              err);
    if (status) {
        return status;
    }
    status = mlscore_onnx_input_columns(&columns, &loaded, hints, err);
    status = status ? status : finish(&loaded, &columns, err);
    status = status ? status
                    : mlscore_onnx_output_columns(&columns, &loaded, hints,
                                                  err);
    status = status ? status
                    : mlscore_image_builder_create(out, MLSCORE_ENGINE_GRAPH,
                                                   err);
    status = status ? status : add_all(*out, &loaded, &columns, err);
    if (status) {
        mlscore_image_builder_free(*out);
        *out = NULL;
    }
    mlscore_graph_free(loaded.graph);
    return status;
}

const mlscore_importer mlscore_importer_onnx = {
    .name = "ONNX",
    .sniff = sniff,
    .read = import,
};
