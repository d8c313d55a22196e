/* SPDX-License-Identifier: Apache-2.0 */
/* com.microsoft Tokenizer: texts to words, by what words look like, by what
 * separates them, or by characters. */

#include <string.h>

#include "base/alloc.h"
#include "eval/graph/ops/ops.h"
#include "eval/graph/ops/regex.h"

#define MAX MLSCORE_TENSOR_RANK

struct tokenizer {
    mlscore_regex **separators;
    size_t separator_count;
    mlscore_regex *token;
    int by_character, mark;
    mlscore_text pad;
    size_t least; /* characters of a word */
};

static void destroy_tokenizer(void *state)
{
    struct tokenizer *tokenizer = state;

    for (size_t i = 0; i < tokenizer->separator_count; i++) {
        mlscore_regex_free(tokenizer->separators[i]);
    }
    mlscore_regex_free(tokenizer->token);
}

static mlscore_status take_patterns(mlscore_prepare *prepare,
                                    struct tokenizer *state)
{
    size_t count;
    const mlscore_text *separators =
        mlscore_take_strings(prepare, "separators", &count);
    const mlscore_text token = mlscore_take_string(prepare, "tokenexp", "");

    if ((count > 0) == (token.length > 0)) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "needs either 'separators' or 'tokenexp'");
    }
    if (token.length) {
        state->token = mlscore_regex_compile(prepare, &token);
        return prepare->status;
    }
    if (count == 1 && separators[0].length == 0) {
        state->by_character = 1;
        return prepare->status;
    }
    state->separators = mlscore_prepare_alloc(prepare, count,
                                              sizeof(*state->separators));
    for (size_t i = 0; state->separators && i < count; i++) {
        if (separators[i].length == 0) {
            return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                        "a separator is empty");
        }
        state->separators[i] = mlscore_regex_compile(prepare, &separators[i]);
        if (!state->separators[i]) {
            return prepare->status;
        }
        state->separator_count++;
    }
    return prepare->status;
}

static mlscore_status prepare_tokenizer(mlscore_prepare *prepare)
{
    struct tokenizer *state = mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (!state) {
        return prepare->status;
    }
    prepare->node->state = state; /* destroyed from here on */
    state->mark = mlscore_take_int(prepare, "mark", 0) != 0;
    state->pad = mlscore_take_string(prepare, "pad_value", "");
    const int64_t least = mlscore_take_int(prepare, "mincharnum", 1);
    if (least < 1 || least > INT32_MAX) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "'mincharnum' is impossible");
    }
    state->least = (size_t)least;
    return prepare->status ? prepare->status : take_patterns(prepare, state);
}

static mlscore_status infer_tokenizer(mlscore_call *call)
{
    const mlscore_tensor *in = call->in[0];
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_STRING);

    mlscore_out_shape(call, 0, MLSCORE_DT_STRING, in);
    if (!status && in->rank >= 0 && (in->rank < 1 || in->rank > 2)) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "needs 1 or 2 dimensions");
    }
    if (in->rank >= 0) {
        call->out[0]->dims[call->out[0]->rank++] = -1;
    }
    return status;
}

/* --- words
 * -------------------------------------------------------------------------- */

/* Words of all texts, one behind the other, and how many each text has. */
struct words {
    mlscore_text *list;
    size_t count, capacity;
    mlscore_matcher *matcher;
    const mlscore_call *call;
    mlscore_status status;
};

static size_t characters(const char *bytes, size_t length)
{
    size_t count = 0;

    for (size_t i = 0; i < length; i++) {
        count += ((unsigned char)bytes[i] & 0xc0) != 0x80;
    }
    return count;
}

static void add_word(struct words *words, const char *bytes, size_t length)
{
    if (words->status) {
        return;
    }
    if (mlscore_grow(&words->list, &words->capacity, words->count,
                     sizeof(*words->list))) {
        words->status = mlscore_call_fail(words->call, MLSCORE_ENOMEM,
                                          "out of memory");
        return;
    }
    words->list[words->count++] = (mlscore_text){bytes, (uint32_t)length, -1};
}

static void too_much(struct words *words)
{
    words->status = mlscore_call_fail(words->call, MLSCORE_EINPUT,
                                      "splitting a text is too much work, or "
                                      "it is not UTF-8");
}

static void by_character(struct words *words, const mlscore_text *text)
{
    uint32_t at = 0;

    while (at < text->length) {
        uint32_t end = at + 1;

        while (end < text->length &&
               ((unsigned char)text->bytes[end] & 0xc0) == 0x80) {
            end++;
        }
        add_word(words, text->bytes + at, end - at);
        at = end;
    }
}

/* Every match is a word. An empty match moves on by a character. */
static void by_token(struct words *words, const struct tokenizer *tokenizer,
                     const mlscore_text *text)
{
    size_t from = 0, start, end;
    int found;

    while (from <= text->length &&
           (found = mlscore_regex_find(tokenizer->token, words->matcher,
                                       text->bytes, text->length, from, &start,
                                       &end)) != 0) {
        if (found < 0) {
            too_much(words);
            return;
        }
        if (characters(text->bytes + start, end - start) >= tokenizer->least) {
            add_word(words, text->bytes + start, end - start);
        }
        from = end;
        if (end == start) {
            do {
                from++;
            } while (from < text->length &&
                     ((unsigned char)text->bytes[from] & 0xc0) == 0x80);
        }
    }
}

/* What lies between matches of one separator after the other: each one splits
 * what the ones before it left. */
static void by_separator(struct words *words,
                         const struct tokenizer *tokenizer,
                         const char *bytes, size_t length, size_t which)
{
    size_t from = 0, start, end;
    int found;

    if (which == tokenizer->separator_count) {
        if (characters(bytes, length) >= tokenizer->least) {
            add_word(words, bytes, length);
        }
        return;
    }
    while (from < length &&
           (found = mlscore_regex_find(tokenizer->separators[which],
                                       words->matcher, bytes, length, from,
                                       &start, &end)) != 0) {
        if (found < 0) {
            too_much(words);
            return;
        }
        if (end == start) { /* separates nothing */
            break;
        }
        if (start > from) {
            by_separator(words, tokenizer, bytes + from, start - from,
                         which + 1);
        }
        from = end;
    }
    if (from < length) {
        by_separator(words, tokenizer, bytes + from, length - from, which + 1);
    }
}

static void split(struct words *words, const struct tokenizer *tokenizer,
                  const mlscore_text *text)
{
    if (tokenizer->mark) {
        add_word(words, "\x02", 1);
    }
    if (tokenizer->by_character) {
        by_character(words, text);
    }
    else if (tokenizer->token) {
        by_token(words, tokenizer, text);
    }
    else {
        by_separator(words, tokenizer, text->bytes, text->length, 0);
    }
    if (tokenizer->mark) {
        add_word(words, "\x03", 1);
    }
}

/* --- the tensor of words
 * ------------------------------------------------------------------ */

static mlscore_status lay_out(const mlscore_call *call,
                              const struct words *words, const size_t *counts,
                              size_t texts, size_t most)
{
    const struct tokenizer *tokenizer = call->state;
    mlscore_tensor *out = call->out[0];
    size_t from = 0;

    mlscore_out_shape(call, 0, MLSCORE_DT_STRING, call->in[0]);
    out->dims[out->rank++] = (int64_t)most;
    mlscore_status status = mlscore_out_alloc(call, 0);
    if (status) {
        return status;
    }
    mlscore_text *to = out->data;
    for (size_t i = 0; i < texts; i++) {
        for (size_t j = 0; j < most; j++) {
            *to++ = j < counts[i] ? words->list[from + j] : tokenizer->pad;
        }
        from += counts[i];
    }
    return MLSCORE_OK;
}

static mlscore_status run_tokenizer(const mlscore_call *call)
{
    const mlscore_text *texts = call->in[0]->data;
    const size_t count = mlscore_tensor_count(call->in[0]);
    struct words words = {.call = call,
                          .matcher = mlscore_matcher_create()};
    size_t *counts = mlscore_malloc_array(count + 1, sizeof(*counts));
    size_t most = 0;

    if (!words.matcher || !counts) {
        words.status = mlscore_call_fail(call, MLSCORE_ENOMEM,
                                         "out of memory");
    }
    for (size_t i = 0; !words.status && i < count; i++) {
        const size_t before = words.count;

        split(&words, call->state, &texts[i]);
        counts[i] = words.count - before;
        most = counts[i] > most ? counts[i] : most;
    }
    if (!words.status) {
        words.status = lay_out(call, &words, counts, count, most);
    }
    mlscore_matcher_free(words.matcher);
    mlscore_free(words.list);
    mlscore_free(counts);
    return words.status;
}

static int batch_tokenizer(const mlscore_call *call, const int *in, int *out)
{
    out[0] = in[0];
    return 1;
}

static const mlscore_op rows[] = {
    {"com.microsoft", "Tokenizer", 1, 0, 1, 1, 1, 1, MLSCORE_OP_DYNAMIC, 0, 0,
     prepare_tokenizer, infer_tokenizer, run_tokenizer, batch_tokenizer,
     destroy_tokenizer, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_tokens, rows);
