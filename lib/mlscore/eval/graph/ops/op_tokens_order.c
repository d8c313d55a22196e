/* SPDX-License-Identifier: Apache-2.0 */
/* Along sequences of tokens: ReverseSequence, and RotaryEmbedding (Su et al.,
 * "RoFormer", 2021). */

#include <string.h>

#include "eval/graph/ops/ops.h"

/* --- ReverseSequence --------------------------------------------------------
 */

struct reverse {
    int64_t batch_axis, time_axis; /* 0 and 1, in either order */
};

static mlscore_status prepare_reverse(mlscore_prepare *prepare)
{
    struct reverse *state = mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->batch_axis = mlscore_take_int(prepare, "batch_axis", 1);
        state->time_axis = mlscore_take_int(prepare, "time_axis", 0);
        prepare->node->state = state;
        if (state->batch_axis + state->time_axis != 1 ||
            state->batch_axis * state->time_axis != 0) {
            return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                        "the axes are not 0 and 1");
        }
    }
    return prepare->status;
}

static mlscore_status infer_reverse(mlscore_call *call)
{
    const struct reverse *state = call->state;
    const mlscore_tensor *in = call->in[0], *lengths = call->in[1];
    mlscore_status status = mlscore_need_types(call, 1, MLSCORE_DTS_INTEGER);

    mlscore_out_shape(call, 0, in->type, in);
    if (status || in->rank < 0) {
        return status;
    }
    if (in->rank < 2 || (lengths->rank >= 0 && lengths->rank != 1) ||
        (lengths->rank == 1 && lengths->dims[0] >= 0 &&
         in->dims[state->batch_axis] >= 0 &&
         lengths->dims[0] != in->dims[state->batch_axis])) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "input and lengths do not fit");
    }
    return MLSCORE_OK;
}

static mlscore_status run_reverse(const mlscore_call *call)
{
    const struct reverse *state = call->state;
    const mlscore_tensor *in = call->in[0], *lengths = call->in[1];
    const size_t bytes =
        mlscore_tensor_span(in, 2, in->rank) * mlscore_dtype_size(in->type);
    const size_t batch = (size_t)in->dims[state->batch_axis];
    const size_t steps = (size_t)in->dims[state->time_axis];

    for (size_t n = 0; n < batch; n++) {
        int64_t length;

        mlscore_elements_to_int64(&length,
                                  (const char *)lengths->data +
                                      n * mlscore_dtype_size(lengths->type),
                                  lengths->type, 1);
        if (length < 0 || (uint64_t)length > steps) {
            return mlscore_call_fail(call, MLSCORE_EINPUT,
                                     "a sequence of %lld of %zu steps",
                                     (long long)length, steps);
        }
        for (size_t t = 0; t < steps && bytes; t++) {
            const size_t from = t < (size_t)length ? (size_t)length - 1 - t : t;
            const size_t to_at =
                state->batch_axis ? t * batch + n : n * steps + t;
            const size_t from_at =
                state->batch_axis ? from * batch + n : n * steps + from;

            memcpy((char *)call->out[0]->data + to_at * bytes,
                   (const char *)in->data + from_at * bytes, bytes);
        }
    }
    return MLSCORE_OK;
}

static int batch_reverse(const mlscore_call *call, const int *in, int *out)
{
    const struct reverse *state = call->state;

    out[0] = in[0];
    return in[0] == state->batch_axis && in[1] == 0;
}

/* --- RotaryEmbedding ---------------------------------------------------------
 */

struct rotary {
    int64_t heads, width; /* width 0: all of a head */
    int interleaved;
};

static mlscore_status prepare_rotary(mlscore_prepare *prepare)
{
    struct rotary *state = mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->heads = mlscore_take_int(prepare, "num_heads", 0);
        state->width = mlscore_take_int(prepare, "rotary_embedding_dim", 0);
        state->interleaved = mlscore_take_int(prepare, "interleaved", 0) != 0;
        prepare->node->state = state;
        if (state->heads < 0 || state->width < 0 || state->width % 2) {
            return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                        "an attribute is impossible");
        }
    }
    return prepare->status;
}

struct tokens {
    size_t batch, heads, steps, head, half; /* half of what is turned */
};

static mlscore_status find_tokens(const mlscore_call *call,
                                  struct tokens *tokens)
{
    const struct rotary *state = call->state;
    const mlscore_tensor *x = call->in[0], *cosines = call->in[1];
    const int four = x->rank == 4;
    const int ids = mlscore_has_input(call, 3);

    if ((!four &&
         (x->rank != 3 || state->heads < 1 || x->dims[2] % state->heads)) ||
        cosines->rank != (ids ? 2 : 3) ||
        !mlscore_tensor_same_shape(cosines, call->in[2])) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "the inputs do not fit together");
    }
    tokens->batch = (size_t)x->dims[0];
    tokens->heads = (size_t)(four ? x->dims[1] : state->heads);
    tokens->steps = (size_t)x->dims[four ? 2 : 1];
    tokens->head = (size_t)(four ? x->dims[3] : x->dims[2] / state->heads);
    tokens->half = (state->width ? (size_t)state->width : tokens->head) / 2;
    if (tokens->half * 2 > tokens->head ||
        (size_t)cosines->dims[cosines->rank - 1] != tokens->half ||
        (ids ? mlscore_tensor_count(call->in[3]) !=
                   tokens->batch * tokens->steps
             : (size_t)cosines->dims[0] != tokens->batch ||
                   (size_t)cosines->dims[1] != tokens->steps)) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "the angles do not fit the tokens");
    }
    return MLSCORE_OK;
}

static mlscore_status infer_rotary(mlscore_call *call)
{
    struct tokens tokens;
    mlscore_status status = MLSCORE_OK;

    for (uint32_t i = 0; !status && i < 3; i++) {
        status = mlscore_need_types(call, i, MLSCORE_DT_BIT(MLSCORE_DT_FLOAT));
    }
    if (!status && mlscore_has_input(call, 3)) {
        status = mlscore_need_types(call, 3, MLSCORE_DTS_INTEGER);
    }
    mlscore_out_shape(call, 0, call->in[0]->type, call->in[0]);
    for (uint32_t i = 0; !status && i < call->in_count; i++) {
        if (call->in[i] && !mlscore_tensor_known(call->in[i])) {
            return MLSCORE_OK;
        }
    }
    return status ? status : find_tokens(call, &tokens);
}

/* Turn each pair of numbers of one head by its angle. */
static void turn(const struct tokens *tokens, int interleaved, const float *x,
                 const float *cosines, const float *sines, float *y)
{
    memcpy(y, x, tokens->head * sizeof(*y));
    for (size_t i = 0; i < tokens->half; i++) {
        const size_t a = interleaved ? 2 * i : i;
        const size_t b = interleaved ? 2 * i + 1 : i + tokens->half;

        y[a] = cosines[i] * x[a] - sines[i] * x[b];
        y[b] = sines[i] * x[a] + cosines[i] * x[b];
    }
}

static mlscore_status run_rotary(const mlscore_call *call)
{
    const struct rotary *state = call->state;
    const mlscore_tensor *x = call->in[0], *cosines = call->in[1];
    struct tokens s;
    mlscore_status status = find_tokens(call, &s);

    for (size_t row = 0; !status && row < s.batch * s.steps; row++) {
        int64_t place = (int64_t)row;

        if (mlscore_has_input(call, 3)) {
            const mlscore_tensor *ids = call->in[3];

            mlscore_elements_to_int64(&place,
                                      (const char *)ids->data +
                                          row * mlscore_dtype_size(ids->type),
                                      ids->type, 1);
            if (place < 0 || place >= cosines->dims[0]) {
                return mlscore_call_fail(call, MLSCORE_EINPUT,
                                         "there is no angle for position %lld",
                                         (long long)place);
            }
        }
        const size_t angle = (size_t)place * s.half;
        for (size_t h = 0; h < s.heads; h++) {
            const size_t at =
                (x->rank == 4
                     ? (row / s.steps * s.heads + h) * s.steps + row % s.steps
                     : row * s.heads + h) *
                s.head;

            turn(&s, state->interleaved, (const float *)x->data + at,
                 (const float *)cosines->data + angle,
                 (const float *)call->in[2]->data + angle,
                 (float *)call->out[0]->data + at);
        }
    }
    return status;
}

static int batch_rotary(const mlscore_call *call, const int *in, int *out)
{
    const int ids = mlscore_has_input(call, 3);
    const int angles = ids ? MLSCORE_BATCH_NONE : 0;

    out[0] = 0;
    return in[0] == 0 && in[1] == angles && in[2] == angles &&
           (!ids || in[3] == 0);
}

static const mlscore_op rows[] = {
    {"", "ReverseSequence", 10, 0, 2, 2, 1, 1, MLSCORE_OP_MOVES, 0, 0,
     prepare_reverse, infer_reverse, run_reverse, batch_reverse, NULL, 0},
    {"", "RotaryEmbedding", 23, 0, 3, 4, 1, 1, 0, 0, 0, prepare_rotary,
     infer_rotary, run_rotary, batch_rotary, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_tokens_order, rows);
