/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_ONNX_ONNX_GRAPH_H
#define MLSCORE_IMPORT_ONNX_ONNX_GRAPH_H

/** The steps from an ONNX file to a graph that is ready for an image. */

#include "eval/graph/graph.h"
#include "import/onnx/onnx_lower.h"
#include "mlscore/import.h"

typedef struct mlscore_onnx_loaded {
    mlscore_graph *graph; /* free with mlscore_graph_free */
    mlscore_onnx_model model;
    const mlscore_onnx_value **inputs; /* one for each of graph->inputs */
    mlscore_onnx_output *outputs;
    size_t output_count;
} mlscore_onnx_loaded;

/** Parse, check versions, lower, find operators, evaluate constants. */
mlscore_status mlscore_onnx_load(mlscore_onnx_loaded *out,
                                 const unsigned char *bytes, size_t size,
                                 const mlscore_import_options *options,
                                 mlscore_error *err);

/** Given the inputs' types and shapes, find the types of all values, pack
 *  trees, fuse what can be fused. The graph is prepared afterwards. */
mlscore_status mlscore_onnx_finish(mlscore_graph *graph,
                                   const mlscore_tensor *inputs,
                                   mlscore_error *err);

#endif
