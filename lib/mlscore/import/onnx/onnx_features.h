/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_ONNX_ONNX_FEATURES_H
#define MLSCORE_IMPORT_ONNX_ONNX_FEATURES_H

/** How wide an input is that does not say so. */

#include "eval/graph/graph.h"

/** Number of columns that the operators reading `value` ask for, or -1. */
int64_t mlscore_onnx_width(const mlscore_graph *graph, uint32_t value);

#endif
