/* SPDX-License-Identifier: Apache-2.0 */
/* From an ONNX file to a graph, step by step. */

#include "import/onnx/onnx_maps.h"
#include "import/onnx/onnx_graph.h"

#include <string.h>

#include "base/alloc.h"
#include "eval/graph/graph_plan.h"
#include "eval/graph/op.h"
#include "import/onnx/onnx_trees.h"

/* Results of constants up to this size go into the image in any case. */
enum { FOLD_LIMIT = 1 << 20 };

static mlscore_status check_versions(const mlscore_onnx_model *model,
                                     mlscore_error *err)
{
    if (model->ir_version < 3) {
        return mlscore_error_set(err, MLSCORE_EUNSUPPORTED,
                                 "ONNX: IR version %lld is too old; 3 and "
                                 "newer are supported",
                                 (long long)model->ir_version);
    }
    for (size_t i = 0; i < model->opset_count; i++) {
        const mlscore_onnx_opset *opset = &model->opsets[i];
        const int newest = mlscore_opset_newest(opset->domain);

        if (newest && opset->version > newest) {
            return mlscore_error_set(
                err, MLSCORE_EUNSUPPORTED, "ONNX: operator set %lld of domain "
                "'%.60s' is newer than %d, the newest that is supported",
                (long long)opset->version,
                *opset->domain ? opset->domain : "ai.onnx", newest);
        }
    }
    return MLSCORE_OK;
}

static mlscore_status load(mlscore_onnx_loaded *out,
                           const unsigned char *bytes, size_t size,
                           const mlscore_import_options *options,
                           mlscore_error *err)
{
    mlscore_graph *graph = out->graph;
    mlscore_status status =
        mlscore_onnx_parse(&out->model, bytes, size, options->max_nodes,
                           options->max_depth < 64 ? options->max_depth : 64,
                           graph->arena, err);

    status = status ? status : check_versions(&out->model, err);
    status = status ? status
                    : mlscore_onnx_maps_to_columns(&out->model, graph->arena,
                                                   err);
    status = status ? status
                    : mlscore_onnx_lower(graph, &out->model, &out->inputs,
                                         &out->outputs, &out->output_count,
                                         err);
    status = status ? status : mlscore_graph_prune(graph, err);
    status = status ? status : mlscore_graph_prepare(graph, err);
    status = status ? status : mlscore_graph_fold(graph, FOLD_LIMIT, err);
    status = status ? status : mlscore_graph_prune(graph, err);
    return status ? status : mlscore_graph_prepare(graph, err);
}

mlscore_status mlscore_onnx_load(mlscore_onnx_loaded *out,
                                 const unsigned char *bytes, size_t size,
                                 const mlscore_import_options *options,
                                 mlscore_error *err)
{
    memset(out, 0, sizeof(*out));
    mlscore_status status = mlscore_graph_create(&out->graph, NULL, err);
    status = status ? status : load(out, bytes, size, options, err);
    if (status) {
        mlscore_graph_free(out->graph);
        out->graph = NULL;
    }
    return status;
}

/* Copy what a plan found of values that are made by nodes, or forget it. */
static void set_shapes(mlscore_graph *graph, const mlscore_plan *plan)
{
    for (uint32_t i = 0; i < graph->node_count; i++) {
        const mlscore_node *node = &graph->nodes[i];

        for (uint32_t j = 0; j < node->output_count; j++) {
            const uint32_t v = node->outputs[j];

            if (v == MLSCORE_NO_VALUE) {
                continue;
            }
            graph->values[v].tensor = (mlscore_tensor){.rank = -1};
            if (plan) {
                graph->values[v].tensor = *mlscore_plan_value(plan, v);
                graph->values[v].tensor.data = NULL;
            }
        }
    }
}

mlscore_status mlscore_onnx_finish(mlscore_graph *graph,
                                   const mlscore_tensor *inputs,
                                   mlscore_error *err)
{
    mlscore_plan *plan;
    mlscore_status status = mlscore_plan_create(&plan, graph, inputs, err);

    if (status) {
        return status;
    }
    set_shapes(graph, plan);
    status = mlscore_onnx_pack_trees(graph, err);
    set_shapes(graph, NULL);
    mlscore_plan_free(plan);
    return status ? status : mlscore_graph_prepare(graph, err);
}
