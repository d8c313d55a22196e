/* SPDX-License-Identifier: Apache-2.0 */
/* Attention: every query's mean of values, weighted by how well the keys fit
 * (Vaswani et al., "Attention Is All You Need", 2017). */

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "eval/graph/ops/ops.h"
#include "kernel/gemm.h"

enum { Q, K, V, MASK, PAST_KEY, PAST_VALUE, LENGTHS };
enum { RAW, CAPPED, BIASED, WEIGHTS }; /* of the fourth output */

struct attention {
    int64_t query_heads, key_heads; /* 0: as the shapes say */
    float scale;                    /* 0: by the size of a head */
    float cap;
    int causal, mode;
    int64_t left, right; /* window, -1: open */
};

static mlscore_status prepare_attention(mlscore_prepare *prepare)
{
    struct attention *state = mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->query_heads = mlscore_take_int(prepare, "q_num_heads", 0);
        state->key_heads = mlscore_take_int(prepare, "kv_num_heads", 0);
        state->scale = mlscore_take_float(prepare, "scale", 0);
        state->cap = mlscore_take_float(prepare, "softcap", 0);
        state->causal = mlscore_take_int(prepare, "is_causal", 0) != 0;
        state->mode =
            (int)mlscore_take_int(prepare, "qk_matmul_output_mode", RAW);
        state->left = mlscore_take_int(prepare, "left_window_size", -1);
        state->right = mlscore_take_int(prepare, "right_window_size", -1);
        mlscore_take_ignored(prepare, "softmax_precision");
        prepare->node->state = state;
        if (state->mode < RAW || state->mode > WEIGHTS ||
            state->query_heads < 0 || state->key_heads < 0 ||
            state->query_heads > INT32_MAX || state->key_heads > INT32_MAX) {
            return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                        "an attribute is impossible");
        }
    }
    return prepare->status;
}

/* --- shapes -----------------------------------------------------------------
 */

struct sizes {
    size_t batch, query_heads, key_heads, queries, keys, past, total;
    size_t head, value_head;
};

/* Heads, length and head size of a tensor of 4 or 3 dimensions. */
static int split_heads(const mlscore_tensor *tensor, int64_t heads,
                       size_t *count, size_t *length, size_t *head)
{
    if (tensor->rank == 4) {
        *count = (size_t)tensor->dims[1];
        *length = (size_t)tensor->dims[2];
        *head = (size_t)tensor->dims[3];
        return 0;
    }
    if (heads < 1 || tensor->dims[2] % heads) {
        return -1;
    }
    *count = (size_t)heads;
    *length = (size_t)tensor->dims[1];
    *head = (size_t)(tensor->dims[2] / heads);
    return 0;
}

static mlscore_status find_sizes(const mlscore_call *call, struct sizes *s)
{
    const struct attention *state = call->state;
    const mlscore_tensor *q = call->in[Q], *k = call->in[K], *v = call->in[V];
    size_t heads, length, head;
    int bad = (q->rank != 3 && q->rank != 4) || k->rank != q->rank ||
              v->rank != q->rank || k->dims[0] != q->dims[0] ||
              v->dims[0] != q->dims[0];

    memset(s, 0, sizeof(*s));
    bad = bad ||
          split_heads(q, state->query_heads, &s->query_heads, &s->queries,
                      &s->head) ||
          split_heads(k, state->key_heads, &s->key_heads, &s->keys, &head) ||
          head != s->head ||
          split_heads(v, state->key_heads, &heads, &length, &s->value_head) ||
          heads != s->key_heads || length != s->keys || heads == 0 ||
          s->query_heads % heads;
    s->batch = bad ? 0 : (size_t)q->dims[0];
    for (uint32_t i = PAST_KEY; !bad && i <= PAST_VALUE; i++) {
        if (mlscore_has_input(call, i)) {
            const mlscore_tensor *past = call->in[i];

            bad = past->rank != 4 || past->dims[0] != q->dims[0] ||
                  (size_t)past->dims[1] != s->key_heads ||
                  (size_t)past->dims[3] !=
                      (i == PAST_KEY ? s->head : s->value_head) ||
                  (i == PAST_VALUE && (size_t)past->dims[2] != s->past);
            s->past = bad ? 0 : (size_t)past->dims[2];
        }
        else {
            bad = i == PAST_VALUE && mlscore_has_input(call, PAST_KEY);
        }
    }
    s->total = s->past + s->keys;
    if (mlscore_has_input(call, LENGTHS)) {
        bad = bad || mlscore_tensor_count(call->in[LENGTHS]) != s->batch;
    }
    return bad ? mlscore_call_fail(call, MLSCORE_EFORMAT,
                                   "the inputs' shapes do not fit together")
               : MLSCORE_OK;
}

/* The mask must be broadcast to [batch, heads, queries, at most total]. */
static mlscore_status check_mask(const mlscore_call *call,
                                 const struct sizes *s)
{
    const mlscore_tensor *mask = call->in[MASK];
    const size_t want[4] = {s->batch, s->query_heads, s->queries, s->total};

    for (int d = 0; d < mask->rank; d++) {
        const int at = d + 4 - mask->rank;
        const size_t dim = (size_t)mask->dims[d];

        if (mask->rank > 4 ||
            (dim != 1 && (at == 3 ? dim > want[at] : dim != want[at]))) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "the mask does not fit");
        }
    }
    return MLSCORE_OK;
}

static mlscore_status infer_attention(mlscore_call *call)
{
    struct sizes s;
    mlscore_status status = MLSCORE_OK;

    for (uint32_t i = 0; i < call->out_count; i++) {
        mlscore_out_unknown(call, i, call->in[Q]->type);
    }
    for (uint32_t i = 0; !status && i < call->in_count; i++) {
        if (call->in[i]) {
            status = mlscore_need_types(
                call, i,
                i == LENGTHS ? MLSCORE_DTS_INTEGER
                : i == MASK
                    ? MLSCORE_DTS_BOOL | MLSCORE_DT_BIT(MLSCORE_DT_FLOAT)
                    : MLSCORE_DT_BIT(MLSCORE_DT_FLOAT));
        }
    }
    for (uint32_t i = 0; !status && i < call->in_count; i++) {
        if (call->in[i] && !mlscore_tensor_known(call->in[i])) {
            return MLSCORE_OK;
        }
    }
    status = status ? status : find_sizes(call, &s);
    if (!status && mlscore_has_input(call, MASK)) {
        status = check_mask(call, &s);
    }
    if (status) {
        return status;
    }
    const int64_t b = (int64_t)s.batch, h = (int64_t)s.query_heads,
                  t = (int64_t)s.queries, width = (int64_t)s.value_head;
    const int64_t kh = (int64_t)s.key_heads, all = (int64_t)s.total;
    const int64_t dims[4][4] = {{b, h, t, width},
                                {b, kh, all, (int64_t)s.head},
                                {b, kh, all, width},
                                {b, h, t, all}};
    const int64_t flat[3] = {b, t, h * width};
    for (uint32_t i = 0; i < call->out_count; i++) {
        if (i == 0 && call->in[Q]->rank == 3) {
            mlscore_out_dims(call, 0, call->in[Q]->type, 3, flat);
        }
        else {
            mlscore_out_dims(call, i, call->in[Q]->type, 4, dims[i]);
        }
    }
    return MLSCORE_OK;
}

/* --- running
 * ------------------------------------------------------------------ */

/* Where token t of head h of sample b begins. */
static const float *token(const mlscore_tensor *tensor, size_t heads,
                          size_t length, size_t head, size_t b, size_t h,
                          size_t t)
{
    const size_t at = tensor->rank == 4 ? (b * heads + h) * length + t
                                        : (b * length + t) * heads + h;

    return (const float *)tensor->data + at * head;
}

/* The same of keys or values with what went before them. */
static const float *cached(const mlscore_call *call, const struct sizes *s,
                           int values, size_t b, size_t h, size_t t)
{
    const size_t head = values ? s->value_head : s->head;

    if (t < s->past) {
        return token(call->in[values ? PAST_VALUE : PAST_KEY], s->key_heads,
                     s->past, head, b, h, t);
    }
    return token(call->in[values ? V : K], s->key_heads, s->keys, head, b, h,
                 t - s->past);
}

/* What is added to a score; -INFINITY hides the key. */
static float bias(const mlscore_call *call, const size_t *place)
{
    const mlscore_tensor *mask = call->in[MASK];
    size_t at = 0;

    for (int d = 0; d < mask->rank; d++) {
        const size_t i = place[d + 4 - mask->rank];
        const size_t dim = (size_t)mask->dims[d];

        if (d == mask->rank - 1 && dim != 1 && i >= dim) {
            return -INFINITY; /* shorter than the keys */
        }
        at = at * dim + (dim == 1 ? 0 : i);
    }
    return mask->type != MLSCORE_DT_BOOL       ? ((const float *)mask->data)[at]
           : ((const uint8_t *)mask->data)[at] ? 0
                                               : -INFINITY;
}

/* Keys that query i of sample b may see: [*from, *to). `limit`: valid ones. */
static void visible(const struct attention *state, const struct sizes *s,
                    int64_t offset, size_t i, int64_t limit, int64_t *from,
                    int64_t *to)
{
    const int64_t here = (int64_t)i + offset, total = (int64_t)s->total;
    int64_t right = state->causal ? 0 : -1;

    if (state->right >= 0 && (right < 0 || state->right < right)) {
        right = state->right;
    }
    *from = state->left >= 0 && here > state->left ? here - state->left : 0;
    *to = right >= 0 && right < total && here + right + 1 < total
              ? here + right + 1
              : total;
    *to = *to > limit ? limit : *to;
}

/* Scores to weights in place; all 0 when no key is seen. */
static void softmax(float *x, size_t count)
{
    float most = -INFINITY, sum = 0;

    for (size_t i = 0; i < count; i++) {
        most = x[i] > most ? x[i] : most;
    }
    for (size_t i = 0; i < count; i++) {
        x[i] = isinf(most) && most < 0 ? 0 : expf(x[i] - most);
        sum += x[i];
    }
    for (size_t i = 0; i < count && sum != 0; i++) {
        x[i] /= sum;
    }
}

static void keep(const mlscore_call *call, const struct sizes *s, int mode,
                 const size_t *place, const float *scores)
{
    const struct attention *state = call->state;

    if (call->out_count > 3 && state->mode == mode) {
        memcpy((float *)call->out[3]->data +
                   ((place[0] * s->query_heads + place[1]) * s->queries +
                    place[2]) *
                       s->total,
               scores, s->total * sizeof(*scores));
    }
}

static void attend(const mlscore_call *call, const struct sizes *s,
                   size_t *place, int64_t offset, int64_t limit, float *scores)
{
    const struct attention *state = call->state;
    const size_t b = place[0], h = place[1], i = place[2];
    const size_t key_head = h / (s->query_heads / s->key_heads);
    const float *query =
        token(call->in[Q], s->query_heads, s->queries, s->head, b, h, i);
    const float scale =
        state->scale != 0 ? state->scale : 1 / sqrtf((float)s->head);
    int64_t from, to;

    for (size_t j = 0; j < s->total; j++) {
        scores[j] =
            scale *
            mlscore_dot(query, cached(call, s, 0, b, key_head, j), s->head);
    }
    keep(call, s, RAW, place, scores);
    for (size_t j = 0; j < s->total && state->cap > 0; j++) {
        scores[j] = state->cap * tanhf(scores[j] / state->cap);
    }
    keep(call, s, CAPPED, place, scores);
    visible(state, s, offset, i, limit, &from, &to);
    for (size_t j = 0; j < s->total; j++) {
        place[3] = j;
        if ((int64_t)j < from || (int64_t)j >= to) {
            scores[j] = -INFINITY;
        }
        else if (mlscore_has_input(call, MASK)) {
            scores[j] += bias(call, place);
        }
    }
    keep(call, s, BIASED, place, scores);
    softmax(scores, s->total);
    keep(call, s, WEIGHTS, place, scores);
    float *y = (float *)(uintptr_t)token(call->out[0], s->query_heads,
                                         s->queries, s->value_head, b, h, i);
    memset(y, 0, s->value_head * sizeof(*y));
    for (size_t j = 0; j < s->total; j++) {
        const float *value = cached(call, s, 1, b, key_head, j);

        for (size_t c = 0; c < s->value_head && scores[j] != 0; c++) {
            y[c] += scores[j] * value[c];
        }
    }
}

/* Keys and values with what went before them, for the next call. */
static void give_present(const mlscore_call *call, const struct sizes *s)
{
    for (uint32_t which = 1; which < call->out_count && which < 3; which++) {
        const size_t head = which == 1 ? s->head : s->value_head;
        float *to = call->out[which]->data;

        for (size_t row = 0; row < s->batch * s->key_heads; row++) {
            for (size_t t = 0; t < s->total; t++, to += head) {
                memcpy(to,
                       cached(call, s, which == 2, row / s->key_heads,
                              row % s->key_heads, t),
                       head * sizeof(*to));
            }
        }
    }
}

static mlscore_status run_attention(const mlscore_call *call)
{
    struct sizes s;
    mlscore_status status = find_sizes(call, &s);

    if (status) {
        return status;
    }
    float *scores = mlscore_malloc_array(s.total + 1, sizeof(*scores));
    if (!scores) {
        return mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
    }
    for (size_t row = 0; row < s.batch * s.query_heads * s.queries; row++) {
        size_t place[4] = {row / s.queries / s.query_heads,
                           row / s.queries % s.query_heads, row % s.queries, 0};
        int64_t limit = (int64_t)s.total, offset = (int64_t)s.past;

        if (mlscore_has_input(call, LENGTHS)) {
            const mlscore_tensor *in = call->in[LENGTHS];

            mlscore_elements_to_int64(&limit,
                                      (const char *)in->data +
                                          place[0] *
                                              mlscore_dtype_size(in->type),
                                      in->type, 1);
            limit = limit < 0                  ? 0
                    : limit > (int64_t)s.total ? (int64_t)s.total
                                               : limit;
            offset = mlscore_has_input(call, PAST_KEY)
                         ? offset
                         : limit - (int64_t)s.queries;
        }
        attend(call, &s, place, offset, limit, scores);
    }
    give_present(call, &s);
    mlscore_free(scores);
    return MLSCORE_OK;
}

static int batch_attention(const mlscore_call *call, const int *in, int *out)
{
    for (uint32_t i = 0; i < call->in_count; i++) {
        if (call->in[i] && i != MASK && in[i] != 0) {
            return 0;
        }
    }
    if (mlscore_has_input(call, MASK) &&
        !(in[MASK] < 0 || (in[MASK] == 0 && call->in[MASK]->rank == 4))) {
        return 0;
    }
    for (uint32_t i = 0; i < call->out_count; i++) {
        out[i] = 0;
    }
    return 1;
}

static const mlscore_op rows[] = {
    {"", "Attention", 23, 0, 3, 7, 1, 4, 0, 0, 0, prepare_attention,
     infer_attention, run_attention, batch_attention, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_attention, rows);
