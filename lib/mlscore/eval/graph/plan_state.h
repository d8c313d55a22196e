/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_GRAPH_PLAN_STATE_H
#define MLSCORE_EVAL_GRAPH_PLAN_STATE_H

/** What a plan holds; for the files that make and run plans. */

#include "eval/graph/graph_plan.h"

#define MLSCORE_PLAN_NOWHERE SIZE_MAX

enum mlscore_plan_mode {
    MLSCORE_PLAN_STATIC = 0, /* shapes and places are known */
    MLSCORE_PLAN_DYNAMIC,    /* shapes are found while running */
    MLSCORE_PLAN_SKIP        /* was computed ahead */
};

struct mlscore_plan_node {
    enum mlscore_plan_mode mode;
    size_t work_size, work_offset;
};

struct mlscore_plan {
    const mlscore_graph *graph;
    mlscore_tensor *tensors; /* one a value */
    size_t *offsets;         /* place of each value, or NOWHERE */
    struct mlscore_plan_node *nodes;
    size_t value_bytes;
    int has_dynamic;
    void **blocks; /* what was computed ahead */
    size_t block_count, block_capacity;
    mlscore_arena *texts;
};

#endif
