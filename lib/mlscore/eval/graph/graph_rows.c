/* SPDX-License-Identifier: Apache-2.0 */
/* Whether rows of a batch stay apart, so that any number of them can be
 * evaluated in blocks. Each operator says through its rule where the rows'
 * dimension goes; two plans for different numbers of rows check it: shapes
 * may differ in that dimension only. */

#include <string.h>

#include "base/alloc.h"
#include "eval/graph/graph_plan.h"
#include "eval/graph/op.h"

struct rows {
    const mlscore_graph *graph;
    const mlscore_plan *small, *large;
    int64_t small_rows, large_rows;
    int *axis;
    /* computed ahead and different in the two plans: only for shapes */
    uint8_t *varies;
    const mlscore_tensor **in;
    mlscore_tensor **out;
    mlscore_tensor *spare;
    int *in_axis, *out_axis;
};

/* The value's shapes in the two plans differ exactly in its rows' dimension. */
static int axis_holds(const struct rows *rows, uint32_t v)
{
    const mlscore_tensor *a = mlscore_plan_value(rows->small, v);
    const mlscore_tensor *b = mlscore_plan_value(rows->large, v);

    if (a->rank != b->rank || (a->rank < 0 && rows->axis[v] < 0)) {
        return a->rank == b->rank;
    }
    if (rows->axis[v] >= a->rank) {
        return 0;
    }
    for (int d = 0; d < a->rank; d++) {
        const int holds = d == rows->axis[v]
                              ? a->dims[d] * rows->large_rows ==
                                    b->dims[d] * rows->small_rows
                              : a->dims[d] == b->dims[d];

        if (!holds) {
            return 0;
        }
    }
    return 1;
}

/* All elements along the dimension are the same, so each row gets the same
 * whatever the number of rows. */
static int uniform_along(const mlscore_tensor *tensor, int axis)
{
    const size_t size = mlscore_dtype_size(tensor->type);
    const size_t dim = (size_t)tensor->dims[axis];
    const size_t inner =
        mlscore_tensor_span(tensor, axis + 1, tensor->rank) * size;
    const size_t outer = mlscore_tensor_span(tensor, 0, axis);

    for (size_t o = 0; o < outer; o++) {
        const char *first = (const char *)tensor->data + o * dim * inner;

        for (size_t i = 1; i < dim; i++) {
            if (memcmp(first, first + i * inner, inner)) {
                return 0;
            }
        }
    }
    return 1;
}

/* A value that both plans computed ahead: constant, the same for every row,
 * or something that varies with the number of rows. */
static int classify_ahead(struct rows *rows, uint32_t v)
{
    const mlscore_tensor *a = mlscore_plan_value(rows->small, v);
    const mlscore_tensor *b = mlscore_plan_value(rows->large, v);
    const size_t size = mlscore_dtype_size(a->type);
    int axis = MLSCORE_BATCH_NONE;

    if (!a->data || !b->data || a->rank != b->rank || a->type != b->type) {
        return 0;
    }
    rows->axis[v] = MLSCORE_BATCH_NONE;
    if (mlscore_tensor_same_shape(a, b)) {
        rows->varies[v] =
            a->type == MLSCORE_DT_STRING
                ? a->data != b->data
                : memcmp(a->data, b->data, mlscore_tensor_count(a) * size) != 0;
        return 1;
    }
    for (int d = 0; d < a->rank; d++) {
        if (a->dims[d] != b->dims[d]) {
            axis = axis == MLSCORE_BATCH_NONE ? d : a->rank;
        }
    }
    if (axis == a->rank || a->type == MLSCORE_DT_STRING ||
        !uniform_along(a, axis) || !uniform_along(b, axis)) {
        rows->varies[v] = 1; /* a range, say: for shapes and places only */
        return 1;
    }
    rows->axis[v] = axis;
    return axis_holds(rows, v);
}

static int follow_node(struct rows *rows, uint32_t i)
{
    const mlscore_node *node = &rows->graph->nodes[i];
    const int skips = mlscore_plan_skips(rows->small, i);

    if (skips != mlscore_plan_skips(rows->large, i)) {
        return 0;
    }
    for (uint32_t j = 0; j < node->output_count && skips; j++) {
        if (node->outputs[j] != MLSCORE_NO_VALUE &&
            !classify_ahead(rows, node->outputs[j])) {
            return 0;
        }
    }
    if (skips) {
        return 1;
    }
    int any = 0;
    for (uint32_t j = 0; j < node->input_count; j++) {
        const uint32_t v = node->inputs[j];

        rows->in[j] =
            v == MLSCORE_NO_VALUE ? NULL : mlscore_plan_value(rows->small, v);
        rows->in_axis[j] = v == MLSCORE_NO_VALUE ? MLSCORE_BATCH_NONE
                                                 : rows->axis[v];
        any |= rows->in_axis[j] >= 0;
        if (v != MLSCORE_NO_VALUE && rows->varies[v] &&
            !(j < 16 && node->kind->shape_inputs >> j & 1)) {
            return 0;
        }
    }
    for (uint32_t j = 0; j < node->output_count; j++) {
        const uint32_t v = node->outputs[j];

        rows->spare[j] = v == MLSCORE_NO_VALUE
                             ? (mlscore_tensor){.rank = 0}
                             : *mlscore_plan_value(rows->small, v);
        rows->out[j] = &rows->spare[j];
        rows->out_axis[j] = MLSCORE_BATCH_NONE;
    }
    const mlscore_call call = {
        .node = node, .state = node->state, .in = rows->in, .out = rows->out,
        .in_count = node->input_count, .out_count = node->output_count,
    };
    if (any && (!node->kind->batch ||
                !node->kind->batch(&call, rows->in_axis, rows->out_axis))) {
        return 0;
    }
    for (uint32_t j = 0; j < node->output_count; j++) {
        const uint32_t v = node->outputs[j];

        if (v != MLSCORE_NO_VALUE) {
            rows->axis[v] = rows->out_axis[j];
            if (!axis_holds(rows, v)) {
                return 0;
            }
        }
    }
    return 1;
}

static int follow_all(struct rows *rows, const uint8_t *has_rows)
{
    const mlscore_graph *graph = rows->graph;

    for (uint32_t v = 0; v < graph->value_count; v++) {
        rows->axis[v] = MLSCORE_BATCH_NONE;
    }
    for (uint32_t i = 0; i < graph->input_count; i++) {
        rows->axis[graph->inputs[i]] = has_rows[i] ? 0 : MLSCORE_BATCH_NONE;
    }
    for (uint32_t i = 0; i < graph->node_count; i++) {
        if (!follow_node(rows, i)) {
            return 0;
        }
    }
    for (uint32_t i = 0; i < graph->output_count; i++) {
        if (rows->varies[graph->outputs[i]]) {
            return 0;
        }
    }
    return 1;
}

int mlscore_graph_rows_apart(const mlscore_graph *graph,
                             const mlscore_plan *small, int64_t small_rows,
                             const mlscore_plan *large, int64_t large_rows,
                             const uint8_t *has_rows, int *axis)
{
    const size_t ports = graph->most_ports + 1;
    struct rows rows = {
        .graph = graph, .small = small, .large = large,
        .small_rows = small_rows, .large_rows = large_rows, .axis = axis,
        .varies = mlscore_calloc(graph->value_count + 1, 1),
        .in = mlscore_calloc(ports, sizeof(*rows.in)),
        .out = mlscore_calloc(ports, sizeof(*rows.out)),
        .spare = mlscore_calloc(ports, sizeof(*rows.spare)),
        .in_axis = mlscore_calloc(ports, sizeof(*rows.in_axis)),
        .out_axis = mlscore_calloc(ports, sizeof(*rows.out_axis)),
    };
    const int apart = rows.varies && rows.in && rows.out && rows.spare &&
                              rows.in_axis && rows.out_axis
                          ? follow_all(&rows, has_rows) : -1;

    mlscore_free(rows.varies);
    mlscore_free(rows.in);
    mlscore_free(rows.out);
    mlscore_free(rows.spare);
    mlscore_free(rows.in_axis);
    mlscore_free(rows.out_axis);
    return apart;
}
