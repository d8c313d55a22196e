/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions: sums, extremes and the like over dimensions; ArgMax, ArgMin. */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "eval/graph/ops/ops.h"
#include "kernel/layout.h"
#include "kernel/reduce.h"

#define MAX MLSCORE_TENSOR_RANK

struct reduce_state {
    const int64_t *axes;
    size_t axis_count;
    int keep, none_is_all;
};

/* Axes became an input at 18; of ReduceSum already at 13. */
static mlscore_status prepare_reduce(mlscore_prepare *prepare)
{
    struct reduce_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));
    const int from =
        prepare->node->kind->detail == MLSCORE_REDUCE_SUM ? 13 : 18;

    if (!state) {
        return prepare->status;
    }
    state->keep = mlscore_take_int(prepare, "keepdims", 1) != 0;
    state->none_is_all =
        !mlscore_take_int(prepare, "noop_with_empty_axes", 0);
    if (prepare->node->version < from) {
        state->axes = mlscore_take_ints(prepare, "axes", &state->axis_count);
        state->none_is_all = 1;
    }
    if (state->axis_count > MAX) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "too many dimensions");
    }
    prepare->node->state = state;
    return prepare->status;
}

/* reduced[d] for every dimension; *known 0 while the axes are not. */
static mlscore_status reduced_dims(const mlscore_call *call, int *reduced,
                                   int *known)
{
    const struct reduce_state *state = call->state;
    const int rank = call->in[0]->rank;
    int64_t axes[MAX];
    size_t count = state->axis_count;
    mlscore_status status = MLSCORE_OK;

    *known = rank >= 0;
    memset(reduced, 0, MAX * sizeof(*reduced));
    if (mlscore_has_input(call, 1)) {
        int axes_known;

        status = mlscore_int_input(call, 1, axes, MAX, &count, &axes_known);
        *known &= axes_known;
    }
    else if (count) {
        memcpy(axes, state->axes, count * sizeof(*axes));
    }
    if (status || !*known) {
        return status;
    }
    for (int d = 0; count == 0 && state->none_is_all && d < rank; d++) {
        reduced[d] = 1;
    }
    for (size_t i = 0; !status && i < count; i++) {
        int axis = 0;

        status = mlscore_need_axis(call, axes[i], rank, &axis);
        reduced[axis] = 1;
    }
    return status;
}

/* The reduced dimensions are one stretch: no need to lay out anew. */
static int one_stretch(const int *reduced, int rank, int *from, int *to)
{
    *from = 0;
    while (*from < rank && !reduced[*from]) {
        (*from)++;
    }
    *to = *from;
    while (*to < rank && reduced[*to]) {
        (*to)++;
    }
    for (int d = *to; d < rank; d++) {
        if (reduced[d]) {
            return 0;
        }
    }
    return 1;
}

static mlscore_dtype working_type(mlscore_dtype type)
{
    return MLSCORE_DT_BIT(type) & (MLSCORE_DTS_REAL | MLSCORE_DTS_HALF) ||
                   type == MLSCORE_DT_INT32
               ? type : MLSCORE_DT_INT64;
}

static mlscore_status infer_reduce(mlscore_call *call)
{
    const struct reduce_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    int reduced[MAX], known, rank = 0, from, to;
    int64_t dims[MAX];
    mlscore_status status =
        mlscore_need_types(call, 0, call->node->kind->types);

    status = status ? status : reduced_dims(call, reduced, &known);
    mlscore_out_unknown(call, 0, in->type);
    if (status || !known) {
        if (in->rank >= 0 && state->keep) {
            mlscore_out_shape(call, 0, in->type, in);
            for (int d = 0; d < in->rank; d++) {
                call->out[0]->dims[d] = -1;
            }
        }
        return status;
    }
    for (int d = 0; d < in->rank; d++) {
        if (!reduced[d] || state->keep) {
            dims[rank++] = reduced[d] ? 1 : in->dims[d];
        }
    }
    mlscore_out_dims(call, 0, in->type, rank, dims);
    if (mlscore_tensor_known(in)) {
        const size_t count = mlscore_tensor_count(in);

        /* room to lay out anew, and to widen small whole numbers */
        call->work_size =
            (one_stretch(reduced, in->rank, &from, &to) &&
             working_type(in->type) == in->type ? 0 : 3 * count * 8 + 64);
    }
    return MLSCORE_OK;
}

/* Move the reduced dimensions behind the others. */
static void lay_out(const mlscore_tensor *in, const int *reduced, void *out)
{
    int perm[MAX], at = 0;

    for (int d = 0; d < in->rank; d++) {
        if (!reduced[d]) {
            perm[at++] = d;
        }
    }
    for (int d = 0; d < in->rank; d++) {
        if (reduced[d]) {
            perm[at++] = d;
        }
    }
    mlscore_transpose(out, in->data, in->rank, in->dims, perm,
                      mlscore_dtype_size(in->type));
}

static void narrow(mlscore_tensor *out, const int64_t *in)
{
    const size_t size = mlscore_dtype_size(out->type);
    const size_t count = mlscore_tensor_count(out);

    for (size_t i = 0; i < count; i++) { /* little-endian: the low bytes */
        memcpy((char *)out->data + i * size, &in[i], size);
    }
}

/* Sums over no dimension still apply the function to each element. */
static mlscore_status run_reduce(const mlscore_call *call)
{
    const mlscore_reduce function = (mlscore_reduce)call->node->kind->detail;
    const mlscore_tensor *in = call->in[0];
    mlscore_tensor *out = call->out[0];
    const size_t count = mlscore_tensor_count(in);
    const mlscore_dtype type = working_type(in->type);
    char *work = call->work;
    int reduced[MAX], known, from, to;
    mlscore_status status = reduced_dims(call, reduced, &known);

    if (status) {
        return status;
    }
    const void *data = in->data;
    size_t inner = 1, dim = 1;
    for (int d = 0; d < in->rank; d++) {
        dim *= reduced[d] ? (size_t)in->dims[d] : 1;
    }
    if (one_stretch(reduced, in->rank, &from, &to)) {
        inner = mlscore_tensor_span(in, to, in->rank);
    }
    else {
        lay_out(in, reduced, work);
        data = work;
    }
    const size_t results = mlscore_tensor_count(out);
    void *result = out->data;
    if (type != in->type) {
        int64_t *wide = (int64_t *)(work + (count * 8 + 7) / 8 * 8);

        mlscore_elements_to_int64(wide, data, in->type, count);
        data = wide;
        result = wide + count; /* results fit: there are not more */
        if (results > count) {
            return mlscore_call_fail(call, MLSCORE_EUNSUPPORTED,
                                     "an empty tensor of type %s",
                                     mlscore_dtype_name(in->type));
        }
    }
    mlscore_reduce_run(function, type, result, data,
                       inner ? results / inner : 0, dim, inner);
    if (type != in->type) {
        narrow(out, result);
    }
    return MLSCORE_OK;
}

static int batch_reduce(const mlscore_call *call, const int *in, int *out)
{
    const struct reduce_state *state = call->state;
    int reduced[MAX], known, place = 0;

    out[0] = in[0];
    if (in[0] < 0) {
        return 1;
    }
    if (reduced_dims(call, reduced, &known) || !known || reduced[in[0]]) {
        return 0;
    }
    for (int d = 0; d < in[0]; d++) {
        place += state->keep || !reduced[d];
    }
    out[0] = place;
    return 1;
}

/* --- ArgMax, ArgMin
 * -------------------------------------------------------------- */

struct arg_state {
    int64_t axis;
    int keep, last;
};

static mlscore_status prepare_arg(mlscore_prepare *prepare)
{
    struct arg_state *state = mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->axis = mlscore_take_int(prepare, "axis", 0);
        state->keep = mlscore_take_int(prepare, "keepdims", 1) != 0;
        state->last = mlscore_take_int(prepare, "select_last_index", 0) != 0;
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_status infer_arg(mlscore_call *call)
{
    const struct arg_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    int64_t dims[MAX];
    int axis, rank = 0;
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_NUMBER);

    mlscore_out_unknown(call, 0, MLSCORE_DT_INT64);
    if (status || in->rank < 0) {
        return status;
    }
    status = mlscore_need_axis(call, state->axis, in->rank, &axis);
    if (!status && in->dims[axis] == 0) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "the dimension is empty");
    }
    for (int d = 0; !status && d < in->rank; d++) {
        if (d != axis || state->keep) {
            dims[rank++] = d == axis ? 1 : in->dims[d];
        }
    }
    if (!status) {
        mlscore_out_dims(call, 0, MLSCORE_DT_INT64, rank, dims);
    }
    return status;
}

static mlscore_status run_arg(const mlscore_call *call)
{
    const struct arg_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    int axis;

    mlscore_need_axis(call, state->axis, in->rank, &axis);
    mlscore_arg_run(call->node->kind->detail, state->last, in->type,
                    call->out[0]->data, in->data,
                    mlscore_tensor_span(in, 0, axis), (size_t)in->dims[axis],
                    mlscore_tensor_span(in, axis + 1, in->rank));
    return MLSCORE_OK;
}

static int batch_arg(const mlscore_call *call, const int *in, int *out)
{
    const struct arg_state *state = call->state;
    const int rank = call->in[0]->rank;
    const int axis = (int)(state->axis + (state->axis < 0 ? rank : 0));

    out[0] = in[0] > axis && !state->keep ? in[0] - 1 : in[0];
    return in[0] != axis;
}

#define REDUCE(NAME, TYPES, FUNCTION) \
    {"", NAME, 1, 0, 1, 2, 1, 1, 0, 2, TYPES, prepare_reduce, infer_reduce, \
     run_reduce, batch_reduce, NULL, FUNCTION}
#define ANY (MLSCORE_DTS_NUMBER | MLSCORE_DTS_BOOL)

static const mlscore_op rows[] = {
    REDUCE("ReduceSum", MLSCORE_DTS_NUMBER, MLSCORE_REDUCE_SUM),
    REDUCE("ReduceMean", MLSCORE_DTS_NUMBER, MLSCORE_REDUCE_MEAN),
    REDUCE("ReduceMax", ANY, MLSCORE_REDUCE_MAX),
    REDUCE("ReduceMin", ANY, MLSCORE_REDUCE_MIN),
    REDUCE("ReduceProd", MLSCORE_DTS_NUMBER, MLSCORE_REDUCE_PROD),
    REDUCE("ReduceSumSquare", MLSCORE_DTS_NUMBER, MLSCORE_REDUCE_SUM_SQUARE),
    REDUCE("ReduceL1", MLSCORE_DTS_NUMBER, MLSCORE_REDUCE_L1),
    REDUCE("ReduceL2", MLSCORE_DTS_NUMBER, MLSCORE_REDUCE_L2),
    REDUCE("ReduceLogSum", MLSCORE_DTS_NUMBER, MLSCORE_REDUCE_LOG_SUM),
    REDUCE("ReduceLogSumExp", MLSCORE_DTS_NUMBER, MLSCORE_REDUCE_LOG_SUM_EXP),
    {"", "ArgMax", 1, 0, 1, 1, 1, 1, 0, 0, 0, prepare_arg, infer_arg, run_arg,
     batch_arg, NULL, 0},
    {"", "ArgMin", 1, 0, 1, 1, 1, 1, 0, 0, 0, prepare_arg, infer_arg, run_arg,
     batch_arg, NULL, 1},
};

MLSCORE_OP_TABLE(mlscore_ops_reduce, rows);
