/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that change or tell a shape and leave the elements alone. */

#include <string.h>

#include "eval/graph/ops/ops.h"

#define MAX MLSCORE_TENSOR_RANK

/* Rows stay apart when what lies before their dimension is as large as
 * before: elements keep their order, so then each row keeps its stretch. */
static int batch_reshape(const mlscore_call *call, const int *in, int *out)
{
    const mlscore_tensor *from = call->in[0], *to = call->out[0];
    const size_t before = in[0] < 0 ? 0 : mlscore_tensor_span(from, 0, in[0]);
    size_t prefix = 1;

    for (uint32_t i = 0; i < call->out_count; i++) {
        out[i] = MLSCORE_BATCH_NONE;
    }
    if (in[0] < 0) {
        return 1;
    }
    for (int d = 0; d < to->rank; d++) {
        if (prefix == before && to->dims[d] != 1) {
            out[0] = d;
            return 1;
        }
        prefix *= (size_t)to->dims[d];
    }
    return 0;
}

/* Whole numbers that are an attribute in old operator sets and an input in
 * new ones. *known is 0 while the input is not known; *count 0 and *known 1
 * when neither is there. */
struct ints_state {
    const int64_t *ints;
    size_t count;
    int64_t flag;
};

static mlscore_status prepare_ints(mlscore_prepare *prepare, const char *name,
                                   int until)
{
    struct ints_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state && prepare->node->version < until) {
        state->ints = mlscore_take_ints(prepare, name, &state->count);
    }
    prepare->node->state = state;
    if (state && state->count > MAX) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "too many dimensions");
    }
    return prepare->status;
}

static mlscore_status get_ints(const mlscore_call *call, int64_t *out,
                               size_t *count, int *known)
{
    const struct ints_state *state = call->state;

    if (mlscore_has_input(call, 1)) {
        return mlscore_int_input(call, 1, out, MAX, count, known);
    }
    *known = 1;
    *count = state->count;
    for (size_t i = 0; i < state->count; i++) {
        out[i] = state->ints[i];
    }
    return MLSCORE_OK;
}

/* --- Reshape
 * ---------------------------------------------------------------------- */

static mlscore_status prepare_reshape(mlscore_prepare *prepare)
{
    mlscore_status status = prepare_ints(prepare, "shape", 5);
    struct ints_state *state = prepare->node->state;

    if (state) {
        state->flag = mlscore_take_int(prepare, "allowzero", 0);
    }
    mlscore_take_ignored(prepare, "consumed_inputs");
    return status ? status : prepare->status;
}

/* Find the dimension that was given as -1. */
static mlscore_status fill_rest(mlscore_call *call, int rest)
{
    const mlscore_tensor *in = call->in[0];
    mlscore_tensor *out = call->out[0];
    char before[128], after[128];
    size_t known = 1, total;

    if (!mlscore_tensor_known(in)) {
        return MLSCORE_OK;
    }
    total = mlscore_tensor_count(in);
    for (int d = 0; d < out->rank; d++) {
        if (d != rest && out->dims[d] > 0 &&
            __builtin_mul_overflow(known, (size_t)out->dims[d], &known)) {
            known = 0;
        }
        else if (d != rest && out->dims[d] == 0) {
            known = 0;
        }
    }
    if (rest >= 0 && known && total % known == 0) {
        out->dims[rest] = (int64_t)(total / known);
        return MLSCORE_OK;
    }
    if (rest < 0 && known == total) {
        return MLSCORE_OK;
    }
    return mlscore_call_fail(
        call, MLSCORE_EFORMAT, "shape %s cannot become %s",
        mlscore_tensor_shape_text(in, before, sizeof(before)),
        mlscore_tensor_shape_text(out, after, sizeof(after)));
}

static mlscore_status infer_reshape(mlscore_call *call)
{
    const struct ints_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    mlscore_tensor *out = call->out[0];
    int64_t dims[MAX];
    size_t count;
    int known, rest = -1;
    mlscore_status status = get_ints(call, dims, &count, &known);

    mlscore_out_unknown(call, 0, in->type);
    if (status || !known) {
        return status;
    }
    out->rank = (int)count;
    for (int d = 0; d < out->rank; d++) {
        out->dims[d] = dims[d];
        if (dims[d] == 0 && !state->flag) {
            if (in->rank >= 0 && d >= in->rank) {
                return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                         "the new shape keeps a dimension "
                                         "that is not there");
            }
            out->dims[d] = in->rank < 0 ? -1 : in->dims[d];
        }
        else if (dims[d] == -1 && rest < 0) {
            rest = d;
        }
        else if (dims[d] < 0) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "the new shape is impossible");
        }
    }
    return fill_rest(call, rest);
}

static mlscore_status run_alias(const mlscore_call *call)
{
    return MLSCORE_OK;
}

/* --- Flatten, Squeeze, Unsqueeze, Identity
 * ------------------------------------------- */

static mlscore_status prepare_flatten(mlscore_prepare *prepare)
{
    struct ints_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->flag = mlscore_take_int(prepare, "axis", 1);
        prepare->node->state = state;
    }
    return prepare->status;
}

static int64_t product(const mlscore_tensor *tensor, int from, int to)
{
    int64_t all = 1;

    for (int d = from; d < to; d++) {
        if (tensor->dims[d] < 0) {
            return -1;
        }
        all *= tensor->dims[d];
    }
    return all;
}

static mlscore_status infer_flatten(mlscore_call *call)
{
    const struct ints_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    int64_t dims[2] = {-1, -1};

    if (in->rank >= 0) {
        int64_t axis = state->flag;

        axis += axis < 0 ? in->rank : 0;
        if (axis < 0 || axis > in->rank) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "axis is outside of the shape");
        }
        dims[0] = product(in, 0, (int)axis);
        dims[1] = product(in, (int)axis, in->rank);
    }
    mlscore_out_dims(call, 0, in->type, 2, dims);
    return MLSCORE_OK;
}

static mlscore_status prepare_axes(mlscore_prepare *prepare)
{
    return prepare_ints(prepare, "axes", 13);
}

static mlscore_status infer_squeeze(mlscore_call *call)
{
    const mlscore_tensor *in = call->in[0];
    int64_t axes[MAX], dims[MAX];
    size_t count;
    int known, rank = 0, drop[MAX] = {0};
    mlscore_status status = get_ints(call, axes, &count, &known);

    mlscore_out_unknown(call, 0, in->type);
    if (status || !known || in->rank < 0) {
        return status;
    }
    const int given = mlscore_has_input(call, 1) || count;
    for (size_t i = 0; !status && i < count; i++) {
        int axis = 0;

        status = mlscore_need_axis(call, axes[i], in->rank, &axis);
        if (!status && in->dims[axis] > 1) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "dimension %d is not 1", axis);
        }
        drop[axis] = 1;
    }
    for (int d = 0; d < in->rank; d++) {
        if (!given && in->dims[d] < 0) {
            return status; /* not known yet whether it goes */
        }
        if (!(drop[d] || (!given && in->dims[d] == 1))) {
            dims[rank++] = in->dims[d];
        }
    }
    mlscore_out_dims(call, 0, in->type, rank, dims);
    return status;
}

static mlscore_status infer_unsqueeze(mlscore_call *call)
{
    const mlscore_tensor *in = call->in[0];
    int64_t axes[MAX], dims[MAX];
    size_t count;
    int known, add[MAX] = {0};
    mlscore_status status = get_ints(call, axes, &count, &known);

    mlscore_out_unknown(call, 0, in->type);
    if (status || !known || in->rank < 0) {
        return status;
    }
    const int rank = in->rank + (int)count;
    if (rank > MAX) {
        return mlscore_call_fail(call, MLSCORE_ELIMIT, "too many dimensions");
    }
    for (size_t i = 0; !status && i < count; i++) {
        int axis = 0;

        status = mlscore_need_axis(call, axes[i], rank, &axis);
        if (!status && add[axis]++) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "axis %d is given twice", axis);
        }
    }
    for (int d = 0, from = 0; !status && d < rank; d++) {
        dims[d] = add[d] ? 1 : in->dims[from++];
    }
    if (!status) {
        mlscore_out_dims(call, 0, in->type, rank, dims);
    }
    return status;
}

static mlscore_status infer_identity(mlscore_call *call)
{
    mlscore_out_shape(call, 0, call->in[0]->type, call->in[0]);
    return MLSCORE_OK;
}

/* --- Dropout: nothing is dropped when scoring
 * ------------------------------------------ */

static mlscore_status prepare_dropout(mlscore_prepare *prepare)
{
    mlscore_take_ignored(prepare, "ratio");
    mlscore_take_ignored(prepare, "seed");
    mlscore_take_ignored(prepare, "is_test");
    mlscore_take_ignored(prepare, "consumed_inputs");
    return MLSCORE_OK;
}

static mlscore_status infer_dropout(mlscore_call *call)
{
    mlscore_out_shape(call, 0, call->in[0]->type, call->in[0]);
    if (call->out_count > 1) {
        mlscore_out_shape(call, 1,
                          call->node->version >= 10 ? MLSCORE_DT_BOOL
                                                    : call->in[0]->type,
                          call->in[0]);
    }
    if (mlscore_has_input(call, 2)) {
        const mlscore_tensor *training = call->in[2];

        if (training->data && training->type == MLSCORE_DT_BOOL &&
            *(const uint8_t *)training->data) {
            return mlscore_call_fail(call, MLSCORE_EUNSUPPORTED,
                                     "training mode is not supported");
        }
    }
    return MLSCORE_OK;
}

static mlscore_status run_dropout(const mlscore_call *call)
{
    if (call->out_count > 1 && call->out[1]->type == MLSCORE_DT_BOOL) {
        memset(call->out[1]->data, 1, mlscore_tensor_count(call->out[1]));
    }
    else if (call->out_count > 1) {
        return mlscore_call_fail(call, MLSCORE_EUNSUPPORTED,
                                 "the mask of old operator sets is not "
                                 "supported");
    }
    return MLSCORE_OK;
}

static int batch_dropout(const mlscore_call *call, const int *in, int *out)
{
    for (uint32_t i = 0; i < call->out_count; i++) {
        out[i] = in[0];
    }
    return 1;
}

/* --- Shape, Size
 * -------------------------------------------------------------------------- */

struct range_state {
    int64_t start, end;
};

static mlscore_status prepare_shape(mlscore_prepare *prepare)
{
    struct range_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->start = mlscore_take_int(prepare, "start", 0);
        state->end = mlscore_take_int(prepare, "end", INT64_MAX);
        prepare->node->state = state;
    }
    return prepare->status;
}

static void shape_range(const struct range_state *state, int rank, int *from,
                        int *to)
{
    int64_t start = state->start, end = state->end;

    start += start < 0 ? rank : 0;
    end += end < 0 ? rank : 0;
    *from = (int)(start < 0 ? 0 : start > rank ? rank : start);
    *to = (int)(end < 0 ? 0 : end > rank ? rank : end);
    *to = *to < *from ? *from : *to;
}

static mlscore_status infer_shape(mlscore_call *call)
{
    int64_t count = -1;
    int from, to;

    if (call->in[0]->rank >= 0) {
        shape_range(call->state, call->in[0]->rank, &from, &to);
        count = to - from;
    }
    mlscore_out_dims(call, 0, MLSCORE_DT_INT64, 1, &count);
    return MLSCORE_OK;
}

static mlscore_status run_shape(const mlscore_call *call)
{
    int64_t *out = call->out[0]->data;
    int from, to;

    shape_range(call->state, call->in[0]->rank, &from, &to);
    for (int d = from; d < to; d++) {
        out[d - from] = call->in[0]->dims[d];
    }
    return MLSCORE_OK;
}

static mlscore_status infer_size(mlscore_call *call)
{
    mlscore_out_dims(call, 0, MLSCORE_DT_INT64, 0, NULL);
    return MLSCORE_OK;
}

static mlscore_status run_size(const mlscore_call *call)
{
    *(int64_t *)call->out[0]->data = (int64_t)mlscore_tensor_count(call->in[0]);
    return MLSCORE_OK;
}

#define ALIAS (MLSCORE_OP_ALIAS | MLSCORE_OP_MOVES)
#define TELLS (MLSCORE_OP_MOVES | MLSCORE_OP_SHAPE_ONLY)

static const mlscore_op rows[] = {
    {"", "Reshape", 1, 0, 1, 2, 1, 1, ALIAS, 2, 0, prepare_reshape,
     infer_reshape, run_alias, batch_reshape, NULL, 0},
    {"", "Flatten", 1, 0, 1, 1, 1, 1, ALIAS, 0, 0, prepare_flatten,
     infer_flatten, run_alias, batch_reshape, NULL, 0},
    {"", "Squeeze", 1, 0, 1, 2, 1, 1, ALIAS, 2, 0, prepare_axes, infer_squeeze,
     run_alias, batch_reshape, NULL, 0},
    {"", "Unsqueeze", 1, 0, 1, 2, 1, 1, ALIAS, 2, 0, prepare_axes,
     infer_unsqueeze, run_alias, batch_reshape, NULL, 0},
    {"", "Identity", 1, 0, 1, 1, 1, 1, ALIAS, 0, 0, NULL, infer_identity,
     run_alias, batch_reshape, NULL, 0},
    {"", "Dropout", 1, 0, 1, 3, 1, 2, ALIAS, 6, 0, prepare_dropout,
     infer_dropout, run_dropout, batch_dropout, NULL, 0},
    {"", "Shape", 1, 0, 1, 1, 1, 1, TELLS, 0, 0, prepare_shape, infer_shape,
     run_shape, NULL, NULL, 0},
    {"", "Size", 1, 0, 1, 1, 1, 1, TELLS, 0, 0, NULL, infer_size, run_size,
     NULL, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_shape, rows);
