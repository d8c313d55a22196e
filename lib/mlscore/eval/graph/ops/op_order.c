/* SPDX-License-Identifier: Apache-2.0 */
/* Along one dimension: softmax, norms, running sums, the k largest. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/graph/ops/ops.h"
#include "kernel/reduce.h"

#define MAX MLSCORE_TENSOR_RANK

struct axis_state {
    int64_t axis;
    int64_t p;      /* LpNormalization */
    int flatten;    /* Softmax before 13: everything behind the axis is one */
    int exclusive, reverse; /* CumSum */
    int64_t k;              /* TopK before 10 */
    int largest, sorted;
};

static mlscore_status prepare_axis(mlscore_prepare *prepare)
{
    struct axis_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        const int old = prepare->node->version < 13;

        state->flatten = old;
        state->axis = mlscore_take_int(prepare, "axis", old ? 1 : -1);
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_status infer_along(mlscore_call *call)
{
    const struct axis_state *state = call->state;
    int axis;

    mlscore_out_shape(call, 0, call->in[0]->type, call->in[0]);
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_REAL);
    return status || call->in[0]->rank < 0
               ? status
               : mlscore_need_axis(call, state->axis,
                                   call->in[0]->rank + (state->flatten != 0),
                                   &axis);
}

/* The tensor as [outer, dim, inner] around the state's axis. */
static void around(const struct axis_state *state, const mlscore_tensor *in,
                   size_t *outer, size_t *dim, size_t *inner)
{
    const int axis =
        (int)(state->axis + (state->axis < 0 ? in->rank : 0));

    *outer = mlscore_tensor_span(in, 0, axis);
    *dim = state->flatten ? mlscore_tensor_span(in, axis, in->rank)
                          : (size_t)in->dims[axis];
    *inner = state->flatten ? 1 : mlscore_tensor_span(in, axis + 1, in->rank);
}

static mlscore_status run_softmax(const mlscore_call *call)
{
    size_t outer, dim, inner;

    around(call->state, call->in[0], &outer, &dim, &inner);
    mlscore_softmax_run((mlscore_softmax)call->node->kind->detail,
                        call->in[0]->type, call->out[0]->data,
                        call->in[0]->data, outer, dim, inner);
    return MLSCORE_OK;
}

static int batch_along(const mlscore_call *call, const int *in, int *out)
{
    const struct axis_state *state = call->state;
    const int axis =
        (int)(state->axis + (state->axis < 0 ? call->in[0]->rank : 0));

    for (uint32_t i = 0; i < call->out_count; i++) {
        out[i] = in[0];
    }
    return state->flatten ? in[0] < axis : in[0] != axis;
}

/* --- LpNormalization
 * -------------------------------------------------------------- */

static mlscore_status prepare_lp(mlscore_prepare *prepare)
{
    struct axis_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->axis = mlscore_take_int(prepare, "axis", -1);
        state->p = mlscore_take_int(prepare, "p", 2);
        prepare->node->state = state;
        if (state->p != 1 && state->p != 2) {
            return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                        "'p' is neither 1 nor 2");
        }
    }
    return prepare->status;
}

#define LP(T)                                                                  \
    for (size_t o = 0; o < outer; o++) {                                       \
        for (size_t i = 0; i < inner; i++) {                                   \
            const T *from =                                                    \
                (const T *)call->in[0]->data + o * dim * inner + i;            \
            T *to = (T *)call->out[0]->data + o * dim * inner + i;             \
            double norm = 0;                                                   \
            for (size_t k = 0; k < dim; k++) {                                 \
                const double x = (double)from[k * inner];                      \
                norm += state->p == 1 ? fabs(x) : x * x;                       \
            }                                                                  \
            norm = state->p == 1 ? norm : sqrt(norm);                          \
            for (size_t k = 0; k < dim; k++) {                                 \
                to[k * inner] =                                                \
                    norm == 0 ? 0 : (T)((double)from[k * inner] / norm);       \
            }                                                                  \
        }                                                                      \
    }

static mlscore_status run_lp(const mlscore_call *call)
{
    const struct axis_state *state = call->state;
    size_t outer, dim, inner;

    around(state, call->in[0], &outer, &dim, &inner);
    if (call->in[0]->type == MLSCORE_DT_FLOAT) {
        LP(float)
    }
    else {
        LP(double)
    }
    return MLSCORE_OK;
}

/* --- CumSum: the axis is an input
 * ---------------------------------------------------- */

static mlscore_status prepare_cum_sum(mlscore_prepare *prepare)
{
    struct axis_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->exclusive = mlscore_take_int(prepare, "exclusive", 0) != 0;
        state->reverse = mlscore_take_int(prepare, "reverse", 0) != 0;
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_status infer_cum_sum(mlscore_call *call)
{
    mlscore_out_shape(call, 0, call->in[0]->type, call->in[0]);
    return mlscore_need_types(call, 0,
                              MLSCORE_DTS_REAL |
                                  MLSCORE_DT_BIT(MLSCORE_DT_INT32) |
                                  MLSCORE_DT_BIT(MLSCORE_DT_INT64) |
                                  MLSCORE_DT_BIT(MLSCORE_DT_UINT32) |
                                  MLSCORE_DT_BIT(MLSCORE_DT_UINT64));
}

#define CUM_SUM(T) \
    for (size_t o = 0; o < outer; o++) { \
        for (size_t i = 0; i < inner; i++) { \
            const size_t base = o * dim * inner + i; \
            T sum = product; \
            for (size_t k = 0; k < dim; k++) { \
                const size_t at = \
                    base + (state->reverse ? dim - 1 - k : k) * inner; \
                const T x = ((const T *)call->in[0]->data)[at]; \
                ((T *)call->out[0]->data)[at] = \
                    state->exclusive ? sum : product ? sum * x : sum + x; \
                sum = (T)(product ? sum * x : sum + x); \
            } \
        } \
    } \
    break;

static mlscore_status run_cum_sum(const mlscore_call *call)
{
    struct axis_state copy = *(const struct axis_state *)call->state;
    const struct axis_state *state = &copy;
    const int product = call->node->kind->detail; /* CumProd */
    size_t outer, dim, inner, count;
    int known, axis;
    mlscore_status status =
        mlscore_int_input(call, 1, &copy.axis, 1, &count, &known);

    status = status ? status : mlscore_need_axis(call, copy.axis,
                                                 call->in[0]->rank, &axis);
    if (status) {
        return status;
    }
    around(state, call->in[0], &outer, &dim, &inner);
    switch (call->in[0]->type) {
    case MLSCORE_DT_FLOAT: CUM_SUM(float)
    case MLSCORE_DT_DOUBLE: CUM_SUM(double)
    case MLSCORE_DT_INT32:
    case MLSCORE_DT_UINT32: CUM_SUM(uint32_t)
    default: CUM_SUM(uint64_t)
    }
    return MLSCORE_OK;
}

static int batch_cum_sum(const mlscore_call *call, const int *in, int *out)
{
    int64_t axis;
    size_t count;
    int known;

    out[0] = in[0];
    if (mlscore_int_input(call, 1, &axis, 1, &count, &known) || !known) {
        return 0;
    }
    return in[0] != axis + (axis < 0 ? call->in[0]->rank : 0);
}

/* --- TopK
 * ---------------------------------------------------------------------------
 */

static mlscore_status prepare_top_k(mlscore_prepare *prepare)
{
    struct axis_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->axis = mlscore_take_int(prepare, "axis", -1);
        state->largest = mlscore_take_int(prepare, "largest", 1) != 0;
        state->sorted = mlscore_take_int(prepare, "sorted", 1) != 0;
        state->k = prepare->node->version < 10
                       ? mlscore_take_int(prepare, "k", -1) : -1;
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_status infer_top_k(mlscore_call *call)
{
    const struct axis_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    int64_t k = state->k;
    size_t count;
    int axis, known = k >= 0;
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_NUMBER);

    if (!status && mlscore_has_input(call, 1)) {
        status = mlscore_int_input(call, 1, &k, 1, &count, &known);
    }
    for (uint32_t i = 0; i < call->out_count; i++) {
        mlscore_out_unknown(call, i, i ? MLSCORE_DT_INT64 : in->type);
    }
    if (status || in->rank < 0) {
        return status;
    }
    status = mlscore_need_axis(call, state->axis, in->rank, &axis);
    if (!status && known && (k < 0 || (in->dims[axis] >= 0 &&
                                       k > in->dims[axis]))) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "k is larger than the dimension");
    }
    for (uint32_t i = 0; !status && i < call->out_count; i++) {
        mlscore_out_shape(call, i, i ? MLSCORE_DT_INT64 : in->type, in);
        call->out[i]->dims[axis] = known ? k : -1;
    }
    if (!status && in->dims[axis] >= 0) { /* pairs: value as number, place */
        call->work_size = (size_t)in->dims[axis] * 24;
    }
    return status;
}

struct ranked {
    double value;
    int64_t whole; /* decides where double cannot tell 64-bit numbers apart */
    int64_t place;
};

/* Larger first; equal ones in the order of their places. */
static int by_rank(const void *a_, const void *b_)
{
    const struct ranked *a = a_, *b = b_;

    if (a->value != b->value && !isnan(a->value) && !isnan(b->value)) {
        return a->value > b->value ? -1 : 1;
    }
    if (isnan(a->value) != isnan(b->value)) {
        return isnan(a->value) ? -1 : 1;
    }
    if (a->whole != b->whole) {
        return a->whole > b->whole ? -1 : 1;
    }
    return a->place < b->place ? -1 : 1;
}

/* One line, ranked. Smallest ones are the largest of the negatives. */
static void rank_line(const mlscore_tensor *in, size_t at, size_t dim,
                      size_t inner, int largest, struct ranked *line)
{
    const size_t size = mlscore_dtype_size(in->type);
    const int real = in->type == MLSCORE_DT_FLOAT ||
                     in->type == MLSCORE_DT_DOUBLE;

    for (size_t k = 0; k < dim; k++) {
        const char *from = (const char *)in->data + (at + k * inner) * size;

        line[k] = (struct ranked){.place = (int64_t)k};
        mlscore_elements_to_double(&line[k].value, from, in->type, 1);
        if (!real) {
            mlscore_elements_to_int64(&line[k].whole, from, in->type, 1);
        }
        if (!largest) {
            line[k].value = -line[k].value;
            line[k].whole = ~line[k].whole;
        }
    }
    qsort(line, dim, sizeof(*line), by_rank);
}

static mlscore_status run_top_k(const mlscore_call *call)
{
    const struct axis_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const size_t size = mlscore_dtype_size(in->type);
    struct ranked *line = call->work;
    size_t outer, dim, inner;

    around(state, in, &outer, &dim, &inner);
    const size_t k =
        outer && inner ? mlscore_tensor_count(call->out[0]) / (outer * inner)
                       : 0;
    for (size_t o = 0; o < outer; o++) {
        for (size_t i = 0; i < inner; i++) {
            const size_t base = o * dim * inner + i;

            rank_line(in, base, dim, inner, state->largest, line);
            for (size_t j = 0; j < k; j++) {
                const size_t to = (o * k + j) * inner + i;
                const size_t from = base + (size_t)line[j].place * inner;

                memcpy((char *)call->out[0]->data + to * size,
                       (const char *)in->data + from * size, size);
                if (call->out_count > 1) {
                    ((int64_t *)call->out[1]->data)[to] = line[j].place;
                }
            }
        }
    }
    return MLSCORE_OK;
}

#define SOFT(NAME, FUNCTION) \
    {"", NAME, 1, 0, 1, 1, 1, 1, MLSCORE_OP_IN_PLACE, 0, 0, prepare_axis, \
     infer_along, run_softmax, batch_along, NULL, FUNCTION}

static const mlscore_op rows[] = {
    SOFT("Softmax", MLSCORE_SOFTMAX),
    SOFT("LogSoftmax", MLSCORE_LOG_SOFTMAX),
    SOFT("Hardmax", MLSCORE_HARDMAX),
    {"", "LpNormalization", 1, 0, 1, 1, 1, 1, 0, 0, 0, prepare_lp,
     infer_along, run_lp, batch_along, NULL, 0},
    {"", "CumSum", 11, 0, 2, 2, 1, 1, 0, 2, 0, prepare_cum_sum, infer_cum_sum,
     run_cum_sum, batch_cum_sum, NULL, 0},
    {"", "CumProd", 26, 0, 2, 2, 1, 1, 0, 2, 0, prepare_cum_sum,
     infer_cum_sum, run_cum_sum, batch_cum_sum, NULL, 1},
    {"", "TopK", 1, 0, 1, 2, 1, 2, 0, 2, 0, prepare_top_k, infer_top_k,
     run_top_k, batch_along, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_order, rows);
