/* SPDX-License-Identifier: Apache-2.0 */
/* Pad: constants, mirrored, repeated or wrapped elements around a tensor;
 * negative pads cut. */

#include <string.h>

#include "eval/graph/ops/ops.h"

#define MAX MLSCORE_TENSOR_RANK

static int small(int64_t pad)
{
    return pad >= INT32_MIN && pad <= INT32_MAX;
}

enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP };

struct pad_state {
    enum pad_mode mode;
    const int64_t *pads; /* before operator set 11 */
    size_t pad_count;
    float value;
};

static mlscore_status prepare_pad(mlscore_prepare *prepare)
{
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap",
                                        NULL};
    struct pad_state *state = mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (!state) {
        return prepare->status;
    }
    state->mode = (enum pad_mode)mlscore_take_word(prepare, "mode", modes, 0);
    if (prepare->node->version < 11) {
        state->pads = mlscore_take_ints(
            prepare, prepare->node->version < 2 ? "paddings" : "pads",
            &state->pad_count);
        state->value = mlscore_take_float(prepare, "value", 0);
        if (state->pad_count > 2 * MAX) {
            return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                        "too many dimensions");
        }
    }
    prepare->node->state = state;
    return prepare->status;
}

/* before[d] and after[d]; negative ones cut. */
static mlscore_status get_pads(const mlscore_call *call, int64_t *before,
                               int64_t *after, int *known)
{
    const struct pad_state *state = call->state;
    const int rank = call->in[0]->rank;
    int64_t pads[2 * MAX], axes[MAX];
    size_t count = state->pad_count, axis_count = 0;
    mlscore_status status = MLSCORE_OK;

    *known = 1;
    if (mlscore_has_input(call, 1)) {
        status = mlscore_int_input(call, 1, pads, 2 * MAX, &count, known);
    }
    else if (count) {
        memcpy(pads, state->pads, count * sizeof(*pads));
    }
    if (!status && *known && mlscore_has_input(call, 3)) {
        status = mlscore_int_input(call, 3, axes, MAX, &axis_count, known);
    }
    else {
        axis_count = (size_t)rank;
        for (int d = 0; d < rank; d++) {
            axes[d] = d;
        }
    }
    if (status || !*known) {
        return status;
    }
    if (count != 2 * axis_count) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "%zu pads for %zu dimensions", count,
                                 axis_count);
    }
    memset(before, 0, MAX * sizeof(*before));
    memset(after, 0, MAX * sizeof(*after));
    for (size_t i = 0; !status && i < axis_count; i++) {
        int axis = 0;

        status = mlscore_need_axis(call, axes[i], rank, &axis);
        if (!status &&
            (!small(pads[i]) || !small(pads[i + axis_count]))) {
            return mlscore_call_fail(call, MLSCORE_ELIMIT, "a pad is huge");
        }
        before[axis] = pads[i];
        after[axis] = pads[i + axis_count];
    }
    return status;
}

static mlscore_status infer_pad(mlscore_call *call)
{
    const mlscore_tensor *in = call->in[0];
    int64_t before[MAX], after[MAX];
    int known;

    mlscore_out_unknown(call, 0, in->type);
    if (in->rank < 0) {
        return MLSCORE_OK;
    }
    mlscore_status status = get_pads(call, before, after, &known);
    if (status || !known) {
        return status;
    }
    mlscore_out_shape(call, 0, in->type, in);
    for (int d = 0; d < in->rank; d++) {
        if (in->dims[d] >= 0) {
            call->out[0]->dims[d] = in->dims[d] + before[d] + after[d];
        }
        if (in->dims[d] >= 0 && call->out[0]->dims[d] < 0) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "more is cut than there is");
        }
    }
    return MLSCORE_OK;
}

/* The source place for a place along one dimension; -1: the constant. */
static int64_t pad_source(enum pad_mode mode, int64_t at, int64_t dim)
{
    if (at >= 0 && at < dim) {
        return at;
    }
    if (mode == PAD_CONSTANT || dim == 0) {
        return -1;
    }
    if (mode == PAD_EDGE) {
        return at < 0 ? 0 : dim - 1;
    }
    if (mode == PAD_WRAP) {
        return (at % dim + dim) % dim;
    }
    if (dim == 1) {
        return 0;
    }
    const int64_t period = 2 * (dim - 1);
    at = (at % period + period) % period;
    return at < dim ? at : period - at;
}

static mlscore_status run_pad(const mlscore_call *call)
{
    const struct pad_state *state = call->state;
    const mlscore_tensor *in = call->in[0], *out = call->out[0];
    const size_t size = mlscore_dtype_size(in->type);
    const size_t count = mlscore_tensor_count(out);
    static const mlscore_text no_text = {"", 0, -1};
    const double as_double = state->value;
    int64_t before[MAX], after[MAX], index[MAX] = {0};
    uint64_t zero[2] = {0, 0};
    const void *fill = zero;
    int known;
    mlscore_status status = get_pads(call, before, after, &known);

    if (in->type == MLSCORE_DT_STRING) {
        fill = &no_text;
    }
    else if (state->value != 0) {
        fill = in->type == MLSCORE_DT_DOUBLE ? (const void *)&as_double
                                             : (const void *)&state->value;
    }
    if (mlscore_has_input(call, 2) && call->in[2]->type == in->type &&
        mlscore_tensor_count(call->in[2]) == 1) {
        fill = call->in[2]->data;
    }
    for (size_t i = 0; !status && i < count; i++) {
        size_t at = 0;
        int outside = 0;

        for (int d = 0; d < in->rank; d++) {
            const int64_t from = pad_source(state->mode, index[d] - before[d],
                                            in->dims[d]);

            outside |= from < 0;
            at = at * (size_t)in->dims[d] + (size_t)(from < 0 ? 0 : from);
        }
        memcpy((char *)out->data + i * size,
               outside ? fill : (const char *)in->data + at * size, size);
        for (int d = out->rank - 1; d >= 0; d--) {
            if (++index[d] < out->dims[d]) {
                break;
            }
            index[d] = 0;
        }
    }
    return status;
}

static int batch_pad(const mlscore_call *call, const int *in, int *out)
{
    int64_t before[MAX], after[MAX];
    int known;

    out[0] = in[0];
    return in[0] < 0 || (!get_pads(call, before, after, &known) && known &&
                         before[in[0]] == 0 && after[in[0]] == 0);
}

static const mlscore_op rows[] = {
    {"", "Pad", 1, 0, 1, 4, 1, 1, MLSCORE_OP_MOVES, 0xa, 0, prepare_pad,
     infer_pad, run_pad, batch_pad, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_pad, rows);
