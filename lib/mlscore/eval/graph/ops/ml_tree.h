/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_GRAPH_OPS_ML_TREE_H
#define MLSCORE_EVAL_GRAPH_OPS_ML_TREE_H

/** State of a tree ensemble that is not packed yet. */

#include "eval/graph/ops/ml_scores.h"

typedef struct mlscore_tree_shape {
    mlscore_labels labels; /* of a classifier */
    int64_t outputs;       /* classes or targets */
} mlscore_tree_shape;

#endif
