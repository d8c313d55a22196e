/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_GRAPH_LIMITS_H
#define MLSCORE_EVAL_GRAPH_LIMITS_H

/** What a graph may ask for at most, so that no model can take all memory. */

#define MLSCORE_TENSOR_MAX_BYTES ((size_t)1 << 30)
#define MLSCORE_PLAN_MAX_BYTES ((size_t)2 << 30)
/** Subgraphs within subgraphs. */
#define MLSCORE_GRAPH_MAX_DEPTH 16
/** Rounds of one Scan, which its data bounds too. */
#define MLSCORE_SCAN_MAX ((int64_t)1 << 24)
/** Rounds of one Loop, which nothing else bounds: a model that asks for more
 *  would hold the process that scores. */
#define MLSCORE_LOOP_MAX ((int64_t)1 << 16)

#endif
