/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_GRAPH_OPS_ML_LINEAR_H
#define MLSCORE_EVAL_GRAPH_OPS_ML_LINEAR_H

/** What a prepared linear regressor computes, for graphs that are nothing but
 *  one. */

#include <stddef.h>

#include "eval/graph/graph.h"

typedef struct mlscore_linear {
    const float *coefficients; /* one a feature */
    size_t features;
    float intercept;
} mlscore_linear;

/** Returns 1 when the node is a LinearRegressor of one target whose scores are
 *  left as they are. */
int mlscore_linear_of(mlscore_linear *out, const mlscore_node *node);

#endif
