/* SPDX-License-Identifier: Apache-2.0 */
/* Cleaning of texts, domain "rx": TextNormalize and StopWords. */

#include <string.h>
#include <utf8proc.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "eval/graph/ops/key_table.h"
#include "eval/graph/ops/ops.h"
#include "eval/graph/ops/text_case.h"

static mlscore_status no_memory(const mlscore_call *call)
{
    return mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
}

/* --- TextNormalize -------------------------------------------------------- */

struct normalize {
    mlscore_case change;
    int diacritics, punctuations, numbers; /* are kept */
};

static mlscore_status prepare_normalize(mlscore_prepare *prepare)
{
    static const char *const words[] = {"None", "Lower", "Upper", NULL};
    struct normalize *state = mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->change = (mlscore_case)mlscore_take_word(prepare, "case", words,
                                                        MLSCORE_CASE_LOWER);
        state->diacritics =
            mlscore_take_int(prepare, "keep_diacritics", 0) != 0;
        state->punctuations =
            mlscore_take_int(prepare, "keep_punctuations", 1) != 0;
        state->numbers = mlscore_take_int(prepare, "keep_numbers", 1) != 0;
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_status infer_texts(mlscore_call *call)
{
    mlscore_out_shape(call, 0, MLSCORE_DT_STRING, call->in[0]);
    return mlscore_need_types(call, 0, MLSCORE_DTS_STRING);
}

static int is_kept(const struct normalize *state, int32_t code)
{
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_MN:
        return state->diacritics;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
        return state->punctuations;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return state->numbers;
    default:
        return 1;
    }
}

/* The characters of a text, with marks apart from their letters when those
 * may go; -1 when memory runs out. *codes is to be freed. */
static utf8proc_ssize_t codes_of(const struct normalize *state,
                                 const mlscore_text *text, int32_t **codes)
{
    const utf8proc_option_t options =
        state->diacritics ? 0 : UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)text->bytes;
    const utf8proc_ssize_t count = utf8proc_decompose(
        bytes, (utf8proc_ssize_t)text->length, NULL, 0, options);

    *codes = NULL;
    if (count < 0) {
        return count; /* not UTF-8 */
    }
    /* One more, because utf8proc_reencode ends it with a zero. */
    *codes = mlscore_malloc_array((size_t)count + 1, sizeof(**codes));
    return *codes ? utf8proc_decompose(bytes, (utf8proc_ssize_t)text->length,
                                       *codes, count, options)
                  : UTF8PROC_ERROR_NOMEM;
}

static int changes_nothing(const struct normalize *state,
                           const mlscore_text *text)
{
    for (uint32_t i = 0; i < text->length; i++) {
        const unsigned char byte = (unsigned char)text->bytes[i];
        const int letter = (byte | 32) >= 'a' && (byte | 32) <= 'z';

        if (byte >= 0x80 || (!letter && byte != ' ') ||
            (state->change == MLSCORE_CASE_LOWER && byte <= 'Z' && letter) ||
            (state->change == MLSCORE_CASE_UPPER && byte >= 'a')) {
            return 0;
        }
    }
    return 1;
}

static int normalize(const struct normalize *state, mlscore_arena *arena,
                     const mlscore_text *in, mlscore_text *out)
{
    int32_t *codes;

    *out = *in;
    if (changes_nothing(state, in)) {
        return 0;
    }
    utf8proc_ssize_t count = codes_of(state, in, &codes), kept = 0;
    if (count < 0) {
        mlscore_free(codes);
        return count == UTF8PROC_ERROR_NOMEM ? -1 : 0;
    }
    for (utf8proc_ssize_t i = 0; i < count; i++) {
        if (is_kept(state, codes[i])) {
            codes[kept++] = state->change == MLSCORE_CASE_LOWER
                                ? utf8proc_tolower(codes[i])
                            : state->change == MLSCORE_CASE_UPPER
                                ? utf8proc_toupper(codes[i])
                                : codes[i];
        }
    }
    if (!state->diacritics) { /* what belongs together otherwise */
        kept = utf8proc_normalize_utf32(codes, kept,
                                        UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    }
    char *bytes =
        kept < 0 ? NULL : mlscore_arena_alloc(arena, (size_t)kept * 4 + 1);
    size_t length = 0;
    for (utf8proc_ssize_t i = 0; bytes && i < kept; i++) {
        length += mlscore_utf8_put(bytes + length, (uint32_t)codes[i]);
    }
    mlscore_free(codes);
    *out = (mlscore_text){bytes, (uint32_t)length, -1};
    return bytes ? 0 : -1;
}

static mlscore_status run_normalize(const mlscore_call *call)
{
    const mlscore_text *in = call->in[0]->data;
    const size_t count = mlscore_tensor_count(call->in[0]);
    mlscore_text *out = call->out[0]->data;

    for (size_t i = 0; i < count; i++) {
        if (normalize(call->state, call->texts, &in[i], &out[i])) {
            return no_memory(call);
        }
    }
    return MLSCORE_OK;
}

/* --- StopWords ------------------------------------------------------------ */

struct stop_words {
    mlscore_key_table table;
    int exact;
    mlscore_text pad;
};

static mlscore_status prepare_stops(mlscore_prepare *prepare)
{
    struct stop_words *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));
    size_t count;

    if (!state) {
        return prepare->status;
    }
    state->exact = mlscore_take_int(prepare, "is_case_sensitive", 0) != 0;
    state->pad = mlscore_take_string(prepare, "pad_value", "");
    const mlscore_text *stops =
        mlscore_take_strings(prepare, "stopwords", &count);
    mlscore_text *words = mlscore_prepare_alloc(prepare, count, sizeof(*words));
    prepare->node->state = state;
    for (size_t i = 0; words && i < count; i++) {
        if (mlscore_text_case(prepare->graph->arena,
                              state->exact ? MLSCORE_CASE_NONE
                                           : MLSCORE_CASE_LOWER,
                              &stops[i], &words[i])) {
            return mlscore_prepare_fail(prepare, MLSCORE_ENOMEM,
                                        "out of memory");
        }
    }
    if (words) {
        mlscore_key_table_texts(prepare, &state->table, words, count);
    }
    return prepare->status;
}

/* What is left of each row of words moves to its front. */
static mlscore_status run_stops(const mlscore_call *call)
{
    const struct stop_words *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const mlscore_text *words = in->data;
    const size_t count = mlscore_tensor_count(in);
    const size_t width = in->rank ? (size_t)in->dims[in->rank - 1] : 1;
    mlscore_text *out = call->out[0]->data;
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        mlscore_text key;

        if (mlscore_text_case(call->texts,
                              state->exact ? MLSCORE_CASE_NONE
                                           : MLSCORE_CASE_LOWER,
                              &words[i], &key)) {
            return no_memory(call);
        }
        if (words[i].length &&
            mlscore_key_table_text(&state->table, key.bytes, key.length) < 0) {
            out[kept++] = words[i];
        }
        if ((i + 1) % width == 0) {
            while (kept < i + 1) {
                out[kept++] = state->pad;
            }
        }
    }
    return MLSCORE_OK;
}

/* Rows stay apart unless they are what the words of a row lie along. */
static int batch_stops(const mlscore_call *call, const int *in, int *out)
{
    out[0] = in[0];
    return in[0] != call->in[0]->rank - 1;
}

static const mlscore_op rows[] = {
    {"rx", "TextNormalize", 1, 0, 1, 1, 1, 1, 0, 0, 0, prepare_normalize,
     infer_texts, run_normalize, mlscore_batch_elementwise, NULL, 0},
    {"rx", "StopWords", 1, 0, 1, 1, 1, 1, 0, 0, 0, prepare_stops, infer_texts,
     run_stops, batch_stops, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_rx_text, rows);
