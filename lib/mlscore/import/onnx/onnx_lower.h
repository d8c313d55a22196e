/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_ONNX_ONNX_LOWER_H
#define MLSCORE_IMPORT_ONNX_ONNX_LOWER_H

/**
 * From an ONNX model to a graph: names become numbers, functions are inlined,
 * constants become values, what a subgraph uses of its surroundings becomes
 * inputs, and maps and sequences become the tensors they are made of.
 */

#include "eval/graph/graph.h"
#include "import/onnx/onnx_model.h"

typedef enum mlscore_onnx_form {
    MLSCORE_ONNX_AS_TENSOR = 0,
    MLSCORE_ONNX_AS_MAPS,    /* a tensor [rows, keys] behind a ZipMap */
    MLSCORE_ONNX_AS_SEQUENCE /* several tensors */
} mlscore_onnx_form;

/** An output of the model and which of the graph's outputs make it. */
typedef struct mlscore_onnx_output {
    const char *name;
    mlscore_onnx_form form;
    uint32_t first, count;    /* a range of graph->outputs */
    const mlscore_text *keys; /* of AS_MAPS: texts, or */
    const int64_t *numbers;   /* whole numbers */
    size_t key_count;
} mlscore_onnx_output;

/** Lower `model`, whose arena is graph->arena. `inputs` gets one entry for each
 *  of graph->inputs, `outputs` one for each of the model's outputs. */
mlscore_status mlscore_onnx_lower(mlscore_graph *graph,
                                  const mlscore_onnx_model *model,
                                  const mlscore_onnx_value ***inputs,
                                  mlscore_onnx_output **outputs,
                                  size_t *output_count, mlscore_error *err);

#endif
