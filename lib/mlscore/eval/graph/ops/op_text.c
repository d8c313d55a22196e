/* SPDX-License-Identifier: Apache-2.0 */
/* StringNormalizer, StringConcat, StringSplit, RegexFullMatch. */

#include <string.h>

#include "base/alloc.h"
#include "eval/graph/ops/key_table.h"
#include "eval/graph/ops/ops.h"
#include "eval/graph/ops/regex.h"
#include "eval/graph/ops/text_case.h"
#include "kernel/elementwise.h"

#define MAX MLSCORE_TENSOR_RANK

static mlscore_status no_memory(const mlscore_call *call)
{
    return mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
}

/* --- StringNormalizer
 * ----------------------------------------------------------------- */

struct normalizer_state {
    mlscore_case change;
    int exact; /* stop words are compared as they are */
    size_t stop_count;
    mlscore_key_table stops;
};

static mlscore_status prepare_normalizer(mlscore_prepare *prepare)
{
    static const char *const cases[] = {"NONE", "LOWER", "UPPER", NULL};
    struct normalizer_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (!state) {
        return prepare->status;
    }
    state->change = (mlscore_case)mlscore_take_word(
        prepare, "case_change_action", cases, 0);
    state->exact = mlscore_take_int(prepare, "is_case_sensitive", 0) != 0;
    mlscore_take_ignored(prepare, "locale"); /* Unicode's mappings always */
    const mlscore_text *stops =
        mlscore_take_strings(prepare, "stopwords", &state->stop_count);
    mlscore_text *words = mlscore_prepare_alloc(prepare, state->stop_count,
                                                sizeof(*words));
    prepare->node->state = state;
    for (size_t i = 0; words && i < state->stop_count; i++) {
        if (mlscore_text_case(prepare->graph->arena,
                              state->exact ? MLSCORE_CASE_NONE
                                           : MLSCORE_CASE_LOWER,
                              &stops[i], &words[i])) {
            return mlscore_prepare_fail(prepare, MLSCORE_ENOMEM,
                                        "out of memory");
        }
    }
    if (words) {
        mlscore_key_table_texts(prepare, &state->stops, words,
                                state->stop_count);
    }
    return prepare->status;
}

static mlscore_status infer_normalizer(mlscore_call *call)
{
    const struct normalizer_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_STRING);

    mlscore_out_shape(call, 0, MLSCORE_DT_STRING, in);
    if (!status && state->stop_count && in->rank >= 0) {
        if (in->rank < 1 || in->rank > 2 ||
            (in->rank == 2 && in->dims[0] > 1)) {
            return mlscore_call_fail(call, MLSCORE_EUNSUPPORTED,
                                     "stop words of more than one row of "
                                     "words are not supported");
        }
        call->out[0]->dims[in->rank - 1] = -1;
    }
    return status;
}

static int is_stop(const struct normalizer_state *state, mlscore_arena *texts,
                   const mlscore_text *word, int *failed)
{
    mlscore_text key;

    if (!state->stop_count) {
        return 0;
    }
    *failed = mlscore_text_case(texts,
                                state->exact ? MLSCORE_CASE_NONE
                                             : MLSCORE_CASE_LOWER, word, &key);
    return !*failed &&
           mlscore_key_table_text(&state->stops, key.bytes, key.length) >= 0;
}

static mlscore_status run_normalizer(const mlscore_call *call)
{
    const struct normalizer_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    mlscore_tensor *out = call->out[0];
    const mlscore_text *words = in->data;
    const size_t count = mlscore_tensor_count(in);
    size_t kept = 0;

    mlscore_out_shape(call, 0, MLSCORE_DT_STRING, in);
    if (state->stop_count && count == 0) {
        out->dims[in->rank - 1] = 1; /* room for the empty text below */
    }
    mlscore_status status = mlscore_out_alloc(call, 0);
    if (status) {
        return status;
    }
    mlscore_text *to = out->data;
    for (size_t i = 0; i < count; i++) {
        int failed = 0;

        if (is_stop(state, call->texts, &words[i], &failed)) {
            continue;
        }
        if (failed || mlscore_text_case(call->texts, state->change, &words[i],
                                        &to[kept++])) {
            return no_memory(call);
        }
    }
    if (state->stop_count) {
        if (kept == 0) { /* nothing is left: one empty text */
            to[kept++] = (mlscore_text){"", 0, -1};
        }
        out->dims[out->rank - 1] = (int64_t)kept;
    }
    return MLSCORE_OK;
}

/* Texts that are changed one by one stay in their rows. */
static int batch_normalizer(const mlscore_call *call, const int *in, int *out)
{
    out[0] = in[0];
    return ((const struct normalizer_state *)call->state)->stop_count == 0;
}

/* --- StringConcat
 * ------------------------------------------------------------------------- */

static mlscore_status infer_concat(mlscore_call *call)
{
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_STRING);

    status = status ? status : mlscore_need_types(call, 1, MLSCORE_DTS_STRING);
    call->out[0]->type = MLSCORE_DT_STRING;
    return status ? status : mlscore_broadcast(call, call->in[0], call->in[1],
                                               call->out[0]);
}

static int join(mlscore_arena *texts, const mlscore_text *a,
                const mlscore_text *b, mlscore_text *out)
{
    if (a->length > INT32_MAX - b->length) {
        return -1;
    }
    char *bytes = mlscore_arena_alloc(texts,
                                      (size_t)a->length + b->length + 1);
    if (!bytes) {
        return -1;
    }
    memcpy(bytes, a->bytes, a->length);
    memcpy(bytes + a->length, b->bytes, b->length);
    *out = (mlscore_text){bytes, a->length + b->length, -1};
    return 0;
}

static mlscore_status run_concat(const mlscore_call *call)
{
    mlscore_text *to = call->out[0]->data;
    size_t index[MAX] = {0};
    mlscore_walk walk;

    mlscore_walk_make(&walk, call->out[0], call->in, 2);
    for (size_t i = 0; i < walk.count; i++) {
        size_t at[2] = {0, 0};

        for (int d = 0; d < walk.rank; d++) {
            at[0] += index[d] * walk.steps[0][d];
            at[1] += index[d] * walk.steps[1][d];
        }
        if (join(call->texts, (const mlscore_text *)call->in[0]->data + at[0],
                 (const mlscore_text *)call->in[1]->data + at[1], &to[i])) {
            return no_memory(call);
        }
        for (int d = walk.rank - 1; d >= 0; d--) {
            if (++index[d] < walk.dims[d]) {
                break;
            }
            index[d] = 0;
        }
    }
    return MLSCORE_OK;
}

/* --- StringSplit
 * ----------------------------------------------------------------------------
 */

struct split_state {
    mlscore_text delimiter; /* empty: runs of white space */
    int64_t most;           /* splits; -1 any number */
};

static mlscore_status prepare_split(mlscore_prepare *prepare)
{
    struct split_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->delimiter = mlscore_take_string(prepare, "delimiter", "");
        state->most = mlscore_take_int(prepare, "maxsplit", INT64_MAX);
        state->most = state->most < 0 ? INT64_MAX : state->most;
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_status infer_split(mlscore_call *call)
{
    const mlscore_tensor *in = call->in[0];
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_STRING);

    mlscore_out_shape(call, 0, MLSCORE_DT_STRING, in);
    if (!status && in->rank == MAX) {
        return mlscore_call_fail(call, MLSCORE_ELIMIT, "too many dimensions");
    }
    if (in->rank >= 0) {
        call->out[0]->dims[call->out[0]->rank++] = -1;
    }
    if (call->out_count > 1) {
        mlscore_out_shape(call, 1, MLSCORE_DT_INT64, in);
    }
    return status;
}

static int is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* The next part of a text from *at on; 0 when there is none. `splits` counts
 * down. */
static int next_part(const struct split_state *state, const mlscore_text *text,
                     size_t *at, int64_t *splits, mlscore_text *part)
{
    const size_t length = text->length, width = state->delimiter.length;
    size_t end;

    if (width == 0) {
        while (*at < length && is_space(text->bytes[*at])) {
            (*at)++;
        }
        if (*at >= length) {
            return 0;
        }
        end = *at;
        while (end < length && (*splits == 0 || !is_space(text->bytes[end]))) {
            end++;
        }
        while (*splits == 0 && is_space(text->bytes[end - 1])) {
            end--; /* the rest loses the white space at its end */
        }
        *part = (mlscore_text){text->bytes + *at, (uint32_t)(end - *at), -1};
        *at = *splits == 0 ? length : end;
        (*splits)--;
        return 1;
    }
    if (*at > length) {
        return 0;
    }
    const char *found =
        *splits == 0 ? NULL
                     : memmem(text->bytes + *at, length - *at,
                              state->delimiter.bytes, width);
    end = found ? (size_t)(found - text->bytes) : length;
    *part = (mlscore_text){text->bytes + *at, (uint32_t)(end - *at), -1};
    *at = found ? end + width : length + 1;
    (*splits)--;
    return 1;
}

/* Parts of a text; `out` may be NULL to count them. An empty text has none. */
static size_t split_text(const struct split_state *state,
                         const mlscore_text *text, mlscore_text *out)
{
    size_t at = 0, count = 0;
    int64_t splits = state->most;
    mlscore_text part;

    if (text->length == 0) {
        return 0;
    }
    while (next_part(state, text, &at, &splits, &part)) {
        if (out) {
            out[count] = part;
        }
        count++;
    }
    return count;
}

static mlscore_status run_split(const mlscore_call *call)
{
    const struct split_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const mlscore_text *texts = in->data;
    const size_t count = mlscore_tensor_count(in);
    mlscore_tensor *out = call->out[0];
    size_t most = 0;

    for (size_t i = 0; i < count; i++) {
        const size_t parts = split_text(state, &texts[i], NULL);

        most = parts > most ? parts : most;
    }
    mlscore_out_shape(call, 0, MLSCORE_DT_STRING, in);
    out->dims[out->rank++] = (int64_t)most;
    mlscore_status status = mlscore_out_alloc(call, 0);
    if (!status && call->out_count > 1) {
        mlscore_out_shape(call, 1, MLSCORE_DT_INT64, in);
        status = mlscore_out_alloc(call, 1);
    }
    for (size_t i = 0; !status && i < count; i++) {
        mlscore_text *line = (mlscore_text *)out->data + i * most;
        const size_t parts = split_text(state, &texts[i], line);

        for (size_t j = parts; j < most; j++) {
            line[j] = (mlscore_text){"", 0, -1};
        }
        if (call->out_count > 1) {
            ((int64_t *)call->out[1]->data)[i] = (int64_t)parts;
        }
    }
    return status;
}

static int batch_split(const mlscore_call *call, const int *in, int *out)
{
    for (uint32_t i = 0; i < call->out_count; i++) {
        out[i] = in[0];
    }
    return 1;
}

/* --- RegexFullMatch
 * -------------------------------------------------------------------------- */

static mlscore_status prepare_match(mlscore_prepare *prepare)
{
    const mlscore_text pattern = mlscore_take_string(prepare, "pattern", "");

    if (!prepare->status) {
        prepare->node->state = mlscore_regex_compile(prepare, &pattern);
    }
    return prepare->status;
}

static void destroy_match(void *state)
{
    mlscore_regex_free(state);
}

static mlscore_status infer_match(mlscore_call *call)
{
    mlscore_out_shape(call, 0, MLSCORE_DT_BOOL, call->in[0]);
    return mlscore_need_types(call, 0, MLSCORE_DTS_STRING);
}

static mlscore_status run_match(const mlscore_call *call)
{
    const mlscore_text *texts = call->in[0]->data;
    const size_t count = mlscore_tensor_count(call->in[0]);
    uint8_t *out = call->out[0]->data;
    mlscore_matcher *matcher = mlscore_matcher_create();
    mlscore_status status = matcher ? MLSCORE_OK : no_memory(call);

    for (size_t i = 0; !status && i < count; i++) {
        const int found = mlscore_regex_full(call->state, matcher,
                                             texts[i].bytes, texts[i].length);

        if (found < 0) {
            status = mlscore_call_fail(call, MLSCORE_EINPUT,
                                       "matching '%.*s' is too much work, or "
                                       "it is not UTF-8",
                                       (int)(texts[i].length > 40
                                                 ? 40 : texts[i].length),
                                       texts[i].bytes);
        }
        out[i] = found == 1;
    }
    mlscore_matcher_free(matcher);
    return status;
}

static const mlscore_op rows[] = {
    {"", "StringNormalizer", 10, 0, 1, 1, 1, 1, MLSCORE_OP_DYNAMIC, 0, 0,
     prepare_normalizer, infer_normalizer, run_normalizer, batch_normalizer,
     NULL, 0},
    {"", "StringConcat", 20, 0, 2, 2, 1, 1, 0, 0, 0, NULL, infer_concat,
     run_concat, mlscore_batch_elementwise, NULL, 0},
    {"", "StringSplit", 20, 0, 1, 1, 1, 2, MLSCORE_OP_DYNAMIC, 0, 0,
     prepare_split, infer_split, run_split, batch_split, NULL, 0},
    {"", "RegexFullMatch", 20, 0, 1, 1, 1, 1, 0, 0, 0, prepare_match,
     infer_match, run_match, mlscore_batch_elementwise, destroy_match, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_text, rows);
