/* SPDX-License-Identifier: Apache-2.0 */
/* Hashed features of the domain "rx": CategoricalHash, NGramHash; and
 * com.microsoft's MurmurHash3. docs/reference/onnx.md tells what they do. */

#include <string.h>

#include "base/alloc.h"
#include "eval/graph/ops/ops.h"
#include "kernel/murmur.h"

enum {
    BAG,
    INDICATOR,
    KEY,
    DEFAULT_SEED = 314489979,
    MOST_GRAM = 8, /* tokens of an n-gram; more would take too long */
    MOST_SKIP = 8
};

static const char *const kinds[] = {"Bag", "Ind", "Key", NULL};

struct hash_state {
    uint32_t seed, mask;
    int bits, ordered, kind;
    /* NGramHash: */
    size_t gram, skip;
    int all;
    uint32_t column;
};

static struct hash_state *prepare_common(mlscore_prepare *prepare)
{
    struct hash_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));
    const int64_t bits = mlscore_take_int(prepare, "hash_bits", 16);

    if (!state) {
        return NULL;
    }
    prepare->node->state = state;
    if (bits < 1 || bits > 30) {
        mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                             "'hash_bits' is %lld, but must be 1 to 30",
                             (long long)bits);
        return NULL;
    }
    state->bits = (int)bits;
    state->mask = ((uint32_t)1 << bits) - 1;
    state->seed = (uint32_t)mlscore_take_int(prepare, "seed", DEFAULT_SEED);
    state->ordered = mlscore_take_int(prepare, "ordered", 1) != 0;
    return state;
}

static mlscore_status prepare_categorical(mlscore_prepare *prepare)
{
    struct hash_state *state = prepare_common(prepare);

    if (state) {
        state->kind = mlscore_take_word(prepare, "output_kind", kinds, BAG);
    }
    return prepare->status;
}

/* [N] is taken as [N, 1]. */
static size_t slots_of(const mlscore_tensor *in)
{
    return in->rank == 2 ? (size_t)in->dims[1] : 1;
}

static mlscore_status infer_categorical(mlscore_call *call)
{
    const struct hash_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const int64_t width = (int64_t)state->mask + 1;
    const int64_t slots = in->rank == 2 ? in->dims[1] : 1;
    int64_t dims[2] = {in->rank > 0 ? in->dims[0] : -1, width};
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_STRING);

    if (status || in->rank < 0) {
        mlscore_out_unknown(
            call, 0, state->kind == KEY ? MLSCORE_DT_INT64 : MLSCORE_DT_FLOAT);
        return status;
    }
    if (in->rank < 1 || in->rank > 2) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "needs 1 or 2 dimensions");
    }
    if (state->kind == KEY) {
        dims[1] = slots;
    }
    else if (state->kind == INDICATOR) {
        dims[1] = slots < 0 || slots > INT32_MAX ? -1 : slots * width;
    }
    mlscore_out_dims(call, 0,
                     state->kind == KEY ? MLSCORE_DT_INT64 : MLSCORE_DT_FLOAT,
                     2, dims);
    return MLSCORE_OK;
}

/* The place of a text in a slot, -1 for a missing one. */
static int64_t place_of(const struct hash_state *state, mlscore_text text,
                        size_t slot)
{
    while (text.length && text.bytes[0] == ' ') {
        text.bytes++;
        text.length--;
    }
    while (text.length && text.bytes[text.length - 1] == ' ') {
        text.length--;
    }
    const uint32_t start =
        state->ordered ? mlscore_murmur_round(state->seed, (uint32_t)slot)
                       : state->seed;
    return text.length
               ? (int64_t)(mlscore_murmur_text(start, text.bytes, text.length) &
                           state->mask)
               : -1;
}

static mlscore_status run_categorical(const mlscore_call *call)
{
    const struct hash_state *state = call->state;
    const mlscore_text *texts = call->in[0]->data;
    const size_t slots = slots_of(call->in[0]);
    const size_t rows = (size_t)call->in[0]->dims[0];
    const size_t width = (size_t)state->mask + 1;
    mlscore_tensor *out = call->out[0];

    if (state->kind != KEY) {
        memset(out->data, 0, mlscore_tensor_count(out) * sizeof(float));
    }
    for (size_t row = 0; row < rows; row++) {
        for (size_t slot = 0; slot < slots; slot++) {
            const size_t i = row * slots + slot;
            const int64_t place = place_of(state, texts[i], slot);

            if (state->kind == KEY) {
                ((int64_t *)out->data)[i] = place + 1;
            }
            else if (place >= 0) {
                const size_t at = state->kind == BAG ? row : i;

                ((float *)out->data)[at * width + (size_t)place] += 1;
            }
        }
    }
    return MLSCORE_OK;
}

/* --- n-grams -------------------------------------------------------------- */

static mlscore_status prepare_grams(mlscore_prepare *prepare)
{
    struct hash_state *state = prepare_common(prepare);

    if (!state) {
        return prepare->status;
    }
    const int64_t gram = mlscore_take_int(prepare, "ngram_length", 1);
    const int64_t skip = mlscore_take_int(prepare, "skip_length", 0);
    if (gram < 1 || gram > MOST_GRAM || skip < 0 || skip > MOST_SKIP) {
        return mlscore_prepare_fail(prepare, MLSCORE_EUNSUPPORTED,
                                    "n-grams of 1 to %d tokens and 0 to %d "
                                    "skips are supported",
                                    MOST_GRAM, MOST_SKIP);
    }
    state->gram = (size_t)gram;
    state->skip = (size_t)skip;
    state->all = mlscore_take_int(prepare, "all_lengths", 1) != 0;
    state->column = (uint32_t)mlscore_take_int(prepare, "column", 0);
    return prepare->status;
}

static mlscore_status infer_grams(mlscore_call *call)
{
    const struct hash_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const int64_t dims[2] = {in->rank == 2 ? in->dims[0] : -1,
                             (int64_t)state->mask + 1};
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_STRING);

    status = status ? status : mlscore_need_rank(call, 0, 2);
    mlscore_out_dims(call, 0, MLSCORE_DT_FLOAT, 2, dims);
    return status;
}

struct grams {
    const struct hash_state *state;
    const uint32_t *tokens;
    size_t count;
    uint32_t gram[MOST_GRAM];
    float *out;
};

static void count_gram(struct grams *grams, size_t length)
{
    const struct hash_state *state = grams->state;
    uint32_t hash = mlscore_murmur_numbers(state->seed, grams->gram, length);

    if (state->ordered) {
        if (state->column) {
            hash = mlscore_murmur_round(hash, state->column);
        }
        hash = mlscore_murmur_finish(hash);
    }
    grams->out[hash & state->mask] += 1;
}

/* All n-grams that go on with token `at` and may skip so many more. The depth
 * is at most the length of an n-gram. */
static void go_on(struct grams *grams, size_t length, size_t at, size_t skips)
{
    const struct hash_state *state = grams->state;

    grams->gram[length++] = grams->tokens[at];
    if (state->all || length == state->gram) {
        count_gram(grams, length);
    }
    for (size_t skip = 0;
         length < state->gram && skip <= skips && at + 1 + skip < grams->count;
         skip++) {
        go_on(grams, length, at + 1 + skip, skips - skip);
    }
}

static mlscore_status run_grams(const mlscore_call *call)
{
    /* A token is known by a hash of 30 bits, 0 being none. */
    static const uint32_t token_mask = ((uint32_t)1 << 30) - 1;
    const struct hash_state *state = call->state;
    const mlscore_text *texts = call->in[0]->data;
    const size_t most = (size_t)call->in[0]->dims[1];
    const size_t rows = (size_t)call->in[0]->dims[0];
    const size_t width = (size_t)state->mask + 1;
    uint32_t *tokens = mlscore_malloc_array(most + 1, sizeof(*tokens));
    float *out = call->out[0]->data;

    if (!tokens) {
        return mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
    }
    memset(out, 0, rows * width * sizeof(*out));
    for (size_t row = 0; row < rows; row++) {
        struct grams grams = {
            .state = state, .tokens = tokens, .out = out + row * width};

        for (size_t i = 0; i < most; i++) {
            const mlscore_text *text = &texts[row * most + i];

            if (text->length) { /* others fill the row up */
                const uint32_t hash =
                    mlscore_murmur_text(state->seed, text->bytes, text->length);

                tokens[grams.count++] = (hash & token_mask) + 1;
            }
        }
        for (size_t i = 0; i < grams.count; i++) {
            go_on(&grams, 0, i, state->skip);
        }
    }
    mlscore_free(tokens);
    return MLSCORE_OK;
}

/* --- com.microsoft MurmurHash3 ---------------------------------------------
 */

struct murmur_state {
    uint32_t seed;
    int positive;
};

static mlscore_status prepare_murmur(mlscore_prepare *prepare)
{
    struct murmur_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->seed = (uint32_t)mlscore_take_int(prepare, "seed", 0);
        state->positive = mlscore_take_int(prepare, "positive", 1) != 0;
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_status infer_murmur(mlscore_call *call)
{
    const struct murmur_state *state = call->state;

    mlscore_out_shape(call, 0,
                      state->positive ? MLSCORE_DT_UINT32 : MLSCORE_DT_INT32,
                      call->in[0]);
    return mlscore_need_types(call, 0,
                              MLSCORE_DTS_STRING | MLSCORE_DTS_REAL |
                                  MLSCORE_DT_BIT(MLSCORE_DT_INT32) |
                                  MLSCORE_DT_BIT(MLSCORE_DT_UINT32) |
                                  MLSCORE_DT_BIT(MLSCORE_DT_INT64) |
                                  MLSCORE_DT_BIT(MLSCORE_DT_UINT64));
}

static mlscore_status run_murmur(const mlscore_call *call)
{
    const struct murmur_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const size_t size = mlscore_dtype_size(in->type);
    const size_t count = mlscore_tensor_count(in);
    uint32_t *out = call->out[0]->data;

    for (size_t i = 0; i < count; i++) {
        if (in->type == MLSCORE_DT_STRING) {
            const mlscore_text *text = (const mlscore_text *)in->data + i;

            out[i] = mlscore_murmur3(state->seed, text->bytes, text->length);
        }
        else {
            out[i] = mlscore_murmur3(state->seed,
                                     (const char *)in->data + i * size, size);
        }
    }
    return MLSCORE_OK;
}

static const mlscore_op rows[] = {
    {"rx", "CategoricalHash", 1, 0, 1, 1, 1, 1, 0, 0, 0, prepare_categorical,
     infer_categorical, run_categorical, mlscore_batch_rows, NULL, 0},
    {"rx", "NGramHash", 1, 0, 1, 1, 1, 1, 0, 0, 0, prepare_grams, infer_grams,
     run_grams, mlscore_batch_rows, NULL, 0},
    {"com.microsoft", "MurmurHash3", 1, 0, 1, 1, 1, 1, 0, 0, 0, prepare_murmur,
     infer_murmur, run_murmur, mlscore_batch_elementwise, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_rx_hash, rows);
