/* SPDX-License-Identifier: Apache-2.0 */
/* TfIdfVectorizer: counts of n-grams from a pool, weighted. The pool's n-grams
 * make a trie: an edge is looked up by the node it leaves and its item. */

#include <string.h>

#include "base/alloc.h"
#include "eval/graph/ops/key_table.h"
#include "eval/graph/ops/ops.h"

enum mode { MODE_TF, MODE_IDF, MODE_TFIDF };

struct trie_node {
    uint32_t output; /* place in the result + 1; 0: no n-gram ends here */
};

struct tfidf_state {
    mlscore_key_table items; /* pool items to numbers */
    mlscore_key_table edges; /* (node << 32 | item) to position */
    const uint32_t *targets; /* node that an edge leads to */
    struct trie_node *nodes;
    size_t node_count, outputs;
    int64_t shortest, longest, skips;
    enum mode mode;
    const float *weights;
    int texts;
};

/* The pool while it is read. */
struct pool {
    mlscore_prepare *prepare;
    struct tfidf_state *state;
    const mlscore_text *texts;
    const int64_t *numbers;
    size_t size;
    const int64_t *starts, *places;
    size_t start_count, place_count;
    uint64_t *edges;
    uint32_t *targets;
    uint32_t *slots; /* of edges by hash while building */
    size_t slot_count, edge_count;
};

static int64_t item_number(const struct tfidf_state *state,
                           const mlscore_text *text, int64_t number)
{
    return state->texts
               ? mlscore_key_table_text(&state->items, text->bytes,
                                        text->length)
               : mlscore_key_table_number(&state->items, (uint64_t)number);
}

/* The node behind an edge, made when it is not there. */
static uint32_t grow_edge(struct pool *pool, uint32_t from, uint32_t item)
{
    const uint64_t key = (uint64_t)from << 32 | item;
    size_t slot = (size_t)(key * 0x9e3779b97f4a7c15u >> 20) &
                  (pool->slot_count - 1);

    while (pool->slots[slot]) {
        const uint32_t edge = pool->slots[slot] - 1;

        if (pool->edges[edge] == key) {
            return pool->targets[edge];
        }
        slot = (slot + 1) & (pool->slot_count - 1);
    }
    pool->edges[pool->edge_count] = key;
    pool->targets[pool->edge_count] = (uint32_t)pool->state->node_count++;
    pool->slots[slot] = (uint32_t)++pool->edge_count;
    return pool->targets[pool->edge_count - 1];
}

static mlscore_status add_gram(struct pool *pool, size_t at, size_t length,
                               int64_t place)
{
    uint32_t node = 0;

    for (size_t i = at; i < at + length; i++) {
        const int64_t item =
            item_number(pool->state, pool->texts ? &pool->texts[i] : NULL,
                        pool->numbers ? pool->numbers[i] : 0);

        node = grow_edge(pool, node, (uint32_t)item);
    }
    if (place < 0 || place > INT32_MAX - 1) {
        return mlscore_prepare_fail(pool->prepare, MLSCORE_EFORMAT,
                                    "'ngram_indexes' is impossible");
    }
    pool->state->nodes[node].output = (uint32_t)place + 1;
    if ((size_t)place >= pool->state->outputs) {
        pool->state->outputs = (size_t)place + 1;
    }
    return MLSCORE_OK;
}

/* n-grams of length 1 lie in the pool from starts[0] on, and so on. */
static mlscore_status add_grams(struct pool *pool)
{
    mlscore_status status = MLSCORE_OK;
    size_t gram = 0;

    for (size_t n = 0; n < pool->start_count; n++) {
        const int64_t from = pool->starts[n];
        const int64_t to = n + 1 < pool->start_count ? pool->starts[n + 1]
                                                     : (int64_t)pool->size;

        if (from < 0 || to < from || to > (int64_t)pool->size ||
            (to - from) % (int64_t)(n + 1)) {
            return mlscore_prepare_fail(pool->prepare, MLSCORE_EFORMAT,
                                        "'ngram_counts' does not fit the "
                                        "pool");
        }
        for (int64_t at = from; !status && at < to; at += (int64_t)(n + 1)) {
            if (gram == pool->place_count) {
                return mlscore_prepare_fail(pool->prepare, MLSCORE_EFORMAT,
                                            "there are fewer indexes than "
                                            "n-grams");
            }
            status = add_gram(pool, (size_t)at, n + 1, pool->places[gram++]);
        }
    }
    return status;
}

static mlscore_status build(struct pool *pool)
{
    mlscore_prepare *prepare = pool->prepare;
    struct tfidf_state *state = pool->state;

    if (pool->size > UINT32_MAX / 8) {
        return mlscore_prepare_fail(prepare, MLSCORE_ELIMIT,
                                    "the pool is too large");
    }
    pool->slot_count = 16;
    while (pool->slot_count < 2 * pool->size) {
        pool->slot_count *= 2;
    }
    pool->edges = mlscore_prepare_alloc(prepare, pool->size,
                                        sizeof(*pool->edges));
    pool->targets = mlscore_prepare_alloc(prepare, pool->size,
                                          sizeof(*pool->targets));
    state->nodes = mlscore_prepare_alloc(prepare, pool->size + 1,
                                         sizeof(*state->nodes));
    pool->slots = mlscore_calloc(pool->slot_count, sizeof(*pool->slots));
    state->node_count = 1;
    if (prepare->status || !pool->slots) {
        mlscore_free(pool->slots);
        return mlscore_prepare_fail(prepare, MLSCORE_ENOMEM, "out of memory");
    }
    mlscore_status status = add_grams(pool);
    mlscore_free(pool->slots);
    state->targets = pool->targets;
    if (!status && mlscore_key_table_numbers(prepare, &state->edges,
                                             pool->edges, pool->edge_count)) {
        return prepare->status;
    }
    return status;
}

static mlscore_status prepare_tfidf(mlscore_prepare *prepare)
{
    static const char *const modes[] = {"TF", "IDF", "TFIDF", NULL};
    struct tfidf_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));
    struct pool pool = {.prepare = prepare, .state = state};
    size_t texts, numbers, weights;

    if (!state) {
        return prepare->status;
    }
    prepare->node->state = state;
    pool.texts = mlscore_take_strings(prepare, "pool_strings", &texts);
    pool.numbers = mlscore_take_ints(prepare, "pool_int64s", &numbers);
    pool.starts = mlscore_take_ints(prepare, "ngram_counts",
                                    &pool.start_count);
    pool.places = mlscore_take_ints(prepare, "ngram_indexes",
                                    &pool.place_count);
    state->weights = mlscore_take_floats(prepare, "weights", &weights);
    state->shortest = mlscore_take_int(prepare, "min_gram_length", 1);
    state->longest = mlscore_take_int(prepare, "max_gram_length", 1);
    state->skips = mlscore_take_int(prepare, "max_skip_count", 0);
    state->mode = (enum mode)mlscore_take_word(prepare, "mode", modes, 0);
    state->texts = texts > 0;
    pool.texts = texts ? pool.texts : NULL;
    pool.numbers = texts ? NULL : pool.numbers;
    pool.size = texts ? texts : numbers;
    if ((texts > 0 && numbers > 0) || state->shortest < 1 ||
        state->longest < state->shortest || state->longest > 1000 ||
        state->skips < 0 || state->skips > 1000) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "the pool or the lengths are impossible");
    }
    if (texts) {
        mlscore_key_table_texts(prepare, &state->items, pool.texts, texts);
    }
    else {
        mlscore_key_table_numbers(prepare, &state->items,
                                  (const uint64_t *)pool.numbers, numbers);
    }
    if (prepare->status || build(&pool)) {
        return prepare->status;
    }
    if (weights && weights < state->outputs) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "there are fewer weights than n-grams");
    }
    state->weights = weights ? state->weights : NULL;
    return prepare->status;
}

static mlscore_status infer_tfidf(mlscore_call *call)
{
    const struct tfidf_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    int64_t dims[2] = {-1, (int64_t)state->outputs};
    mlscore_status status = mlscore_need_types(
        call, 0, state->texts ? MLSCORE_DTS_STRING
                              : MLSCORE_DT_BIT(MLSCORE_DT_INT32) |
                                    MLSCORE_DT_BIT(MLSCORE_DT_INT64));

    mlscore_out_unknown(call, 0, MLSCORE_DT_FLOAT);
    if (status || in->rank < 0) {
        return status;
    }
    if (in->rank > 2 || in->rank < 1) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "needs 1 or 2 dimensions");
    }
    dims[0] = in->dims[0];
    mlscore_out_dims(call, 0, MLSCORE_DT_FLOAT, in->rank,
                     in->rank == 1 ? dims + 1 : dims);
    if (in->dims[in->rank - 1] >= 0) {
        call->work_size = (size_t)in->dims[in->rank - 1] * sizeof(int64_t) + 8;
    }
    return MLSCORE_OK;
}

/* Count the n-grams that begin at a place, items `step` apart. */
static void count_from(const struct tfidf_state *state, const int64_t *items,
                       size_t count, size_t at, size_t step, float *out)
{
    uint64_t node = 0;

    for (int64_t n = 1; n <= state->longest && at < count; n++, at += step) {
        if (items[at] < 0) {
            return;
        }
        const int64_t edge = mlscore_key_table_number(
            &state->edges, node << 32 | (uint64_t)items[at]);
        if (edge < 0) {
            return;
        }
        node = state->targets[edge];
        /* Single items are no different with gaps: counted once. */
        if (n >= state->shortest && (n > 1 || step == 1) &&
            state->nodes[node].output) {
            out[state->nodes[node].output - 1] += 1;
        }
    }
}

static void weigh(const struct tfidf_state *state, float *out)
{
    for (size_t i = 0; state->mode != MODE_TF && i < state->outputs; i++) {
        const float weight = state->weights ? state->weights[i] : 1;

        out[i] = state->mode == MODE_TFIDF ? out[i] * weight
                 : out[i] > 0              ? weight
                                           : 0;
    }
}

static mlscore_status run_tfidf(const mlscore_call *call)
{
    const struct tfidf_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const size_t rows = in->rank == 2 ? (size_t)in->dims[0] : 1;
    const size_t count = (size_t)in->dims[in->rank - 1];
    int64_t *items = call->work;
    float *out = call->out[0]->data;

    memset(out, 0, rows * state->outputs * sizeof(*out));
    for (size_t r = 0; r < rows; r++, out += state->outputs) {
        for (size_t i = 0; i < count; i++) {
            const size_t at = r * count + i;
            int64_t number = 0;

            if (!state->texts) {
                mlscore_elements_to_int64(
                    &number, (const char *)in->data +
                                 at * mlscore_dtype_size(in->type),
                    in->type, 1);
            }
            items[i] = item_number(
                state, state->texts ? (const mlscore_text *)in->data + at
                                    : NULL, number);
        }
        const int64_t steps = state->longest > 1 ? state->skips + 1 : 1;
        for (int64_t step = 1; step <= steps; step++) {
            for (size_t i = 0; i < count; i++) {
                count_from(state, items, count, i, (size_t)step, out);
            }
        }
        weigh(state, out);
    }
    return MLSCORE_OK;
}

static int batch_tfidf(const mlscore_call *call, const int *in, int *out)
{
    out[0] = 0;
    return in[0] == 0 && call->in[0]->rank == 2;
}

static const mlscore_op rows[] = {
    {"", "TfIdfVectorizer", 9, 0, 1, 1, 1, 1, 0, 0, 0, prepare_tfidf,
     infer_tfidf, run_tfidf, batch_tfidf, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_tfidf, rows);
