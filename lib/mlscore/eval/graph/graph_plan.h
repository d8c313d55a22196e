/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_GRAPH_GRAPH_PLAN_H
#define MLSCORE_EVAL_GRAPH_GRAPH_PLAN_H

/**
 * A plan evaluates a graph on inputs of one given shape: all shapes are found
 * ahead, what depends on shapes only is computed ahead, and every result has
 * its place in a block of scratch that is reused as results die. Results whose
 * shape depends on data get memory while running.
 *
 *     mlscore_plan_begin(plan, scratch);
 *     fill mlscore_plan_input(plan, scratch, 0) ...
 *     status = mlscore_plan_run(plan, scratch, texts, err);
 *     use mlscore_plan_output(plan, scratch, 0) ...
 *     mlscore_plan_end(plan, scratch);
 */

#include "eval/graph/graph.h"

typedef struct mlscore_plan mlscore_plan;

/** Plan for inputs of these types and shapes (data does not count). The graph
 *  must stay. Fails when an operator refuses a shape. */
mlscore_status mlscore_plan_create(mlscore_plan **out,
                                   const mlscore_graph *graph,
                                   const mlscore_tensor *inputs,
                                   mlscore_error *err);
/** Types and shapes of the outputs for inputs whose shapes may be unknown in
 *  part; what cannot be told is unknown. For bodies of control operators. */
mlscore_status mlscore_graph_shapes(const mlscore_graph *graph,
                                    const mlscore_tensor *inputs,
                                    mlscore_tensor *outputs,
                                    mlscore_error *err);

/** Accepts NULL. */
void mlscore_plan_free(mlscore_plan *plan);

/** Bytes of scratch, aligned to 64. */
size_t mlscore_plan_bytes(const mlscore_plan *plan);

/** What is known of a value before running: type and shape, and the data of
 *  what was computed ahead. */
const mlscore_tensor *mlscore_plan_value(const mlscore_plan *plan,
                                         uint32_t value);
/** The node was computed ahead. */
int mlscore_plan_skips(const mlscore_plan *plan, uint32_t node);

void mlscore_plan_begin(const mlscore_plan *plan, void *scratch);
void *mlscore_plan_input(const mlscore_plan *plan, void *scratch, uint32_t i);
mlscore_status mlscore_plan_run(const mlscore_plan *plan, void *scratch,
                                mlscore_arena *texts, mlscore_error *err);
const mlscore_tensor *mlscore_plan_output(const mlscore_plan *plan,
                                          const void *scratch, uint32_t i);
/** Give back what running allocated; also after a failure. */
void mlscore_plan_end(const mlscore_plan *plan, void *scratch);

/** Do rows stay apart? `small` and `large` are plans of the same graph that
 *  differ in the number of rows only, which lie in dimension 0 of the inputs
 *  that have has_rows[i]. On 1, axis[v] is the dimension of each value that
 *  holds the rows (-1 none). Returns -1 when memory runs out. */
int mlscore_graph_rows_apart(const mlscore_graph *graph,
                             const mlscore_plan *small, int64_t small_rows,
                             const mlscore_plan *large, int64_t large_rows,
                             const uint8_t *has_rows, int *axis);

#endif
