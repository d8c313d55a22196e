/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_GRAPH_GRAPH_RUN_H
#define MLSCORE_EVAL_GRAPH_GRAPH_RUN_H

/**
 * Evaluating a prepared graph on tensors whose shapes are seen as they come:
 * every result gets memory of its own, given back after its last use. Used
 * for constants, for subgraphs, and where shapes depend on data. A plan
 * (graph_plan.h) evaluates without looking at shapes or allocating.
 */

#include "eval/graph/graph.h"

/** Evaluate. `inputs` are the graph's, in order; `outputs` are filled with
 *  shapes and with data from mlscore_malloc_aligned that the caller frees
 *  (mlscore_tensors_free). Bytes of new texts go to `texts`. */
mlscore_status mlscore_graph_eval(const mlscore_graph *graph,
                                  const mlscore_tensor *inputs,
                                  mlscore_tensor *outputs,
                                  mlscore_arena *texts, mlscore_error *err);

void mlscore_tensors_free(mlscore_tensor *tensors, uint32_t count);

struct mlscore_call;

/** Infer, give memory, run one node. owned[i] (zero before) says that output
 *  i has memory of its own, also on failure: the caller frees it. */
mlscore_status mlscore_node_eval(struct mlscore_call *call, uint8_t *owned);

/** Run a node whose shapes, memory and scratch are set up; half-precision
 *  tensors are widened to float for operators that do not take them. */
mlscore_status mlscore_node_run(struct mlscore_call *call);

#endif
