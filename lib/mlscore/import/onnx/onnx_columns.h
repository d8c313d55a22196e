/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_ONNX_ONNX_COLUMNS_H
#define MLSCORE_IMPORT_ONNX_ONNX_COLUMNS_H

/**
 * Which columns of a data frame a graph takes and gives, and their names.
 *
 * An input of one value a row is the column of its name; one of k values takes
 * k columns, named by the container's manifest or x0, x1 ... and then found by
 * position when a request has other names. An output of one value a row is the
 * column of its name; k values are name[0], name[1] ...; maps are name[key];
 * sequences of tensors name[j][k].
 */

#include "eval/graph/binding.h"
#include "import/importer.h"
#include "import/onnx/onnx_graph.h"

typedef struct mlscore_onnx_columns {
    mlscore_binding binding;
    mlscore_schema inputs, outputs;
} mlscore_onnx_columns;

/** Decide which dimension of each input holds the rows and how many columns
 *  each takes; sets the shapes of the graph's input values (dimension 0 is -1
 *  where it holds the rows). Lists are in the graph's arena. */
mlscore_status mlscore_onnx_input_columns(mlscore_onnx_columns *columns,
                                          const mlscore_onnx_loaded *loaded,
                                          const mlscore_import_hints *hints,
                                          mlscore_error *err);

/** Once the graph is finished: whether rows stay apart, and the outputs. */
mlscore_status mlscore_onnx_output_columns(mlscore_onnx_columns *columns,
                                           const mlscore_onnx_loaded *loaded,
                                           const mlscore_import_hints *hints,
                                           mlscore_error *err);

#endif
