/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TextIndex: split a text into words, count where a term's words stand in it.
 *
 * The words of the text that was split last are kept: a model asks for many
 * terms of one text.
 */

#include <math.h>
#include <string.h>

#include <utf8proc.h>

#include "base/arena.h"
#include "eval/pmml/pmml_run.h"

typedef struct token {
    const char *bytes;
    uint32_t length;
    uint32_t hash; /* of the letters, upper and lower the same */
} token;

typedef struct pmml_tokens {
    const pmml_text_index *index;
    pmml_value text;
    token *items;
    size_t count;
    size_t capacity;
} pmml_tokens;

/* --- words ----------------------------------------------------------------*/

static int32_t fold(int32_t c)
{
    if (c >= 0 && c < 128) {
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    }
    return c < 0 ? c : utf8proc_tolower(utf8proc_toupper(c));
}

static uint32_t hash_letters(const char *bytes, size_t length)
{
    uint32_t hash = 2166136261u;
    int32_t c;

    for (size_t at = 0; at < length;) {
        at += mlscore_pmml_next_point(bytes + at, length - at, &c);
        hash = (hash ^ (uint32_t)fold(c)) * 16777619u;
    }
    return hash;
}

static int is_punctuation(int32_t c)
{
    if (c < 0) {
        return 0;
    }
    const int category = utf8proc_category(c);

    return category >= UTF8PROC_CATEGORY_PC &&
           category <= UTF8PROC_CATEGORY_PO;
}

/** Drop punctuation at both ends of a word. */
static void trim(const char **bytes, size_t *length)
{
    int32_t c;

    while (*length > 0) {
        const size_t size = mlscore_pmml_next_point(*bytes, *length, &c);

        if (!is_punctuation(c)) {
            break;
        }
        *bytes += size;
        *length -= size;
    }
    while (*length > 0) {
        size_t start = *length - 1;

        while (start > 0 && ((unsigned char)(*bytes)[start] & 0xc0) == 0x80) {
            start--;
        }
        mlscore_pmml_next_point(*bytes + start, *length - start, &c);
        if (!is_punctuation(c)) {
            break;
        }
        *length = start;
    }
}

static int add_token(pmml_run *run, pmml_tokens *tokens, const char *bytes,
                     size_t length)
{
    if (length == 0) {
        return 0;
    }
    if (tokens->count == tokens->capacity) {
        const size_t capacity = tokens->capacity ? 2 * tokens->capacity : 32;
        token *items = mlscore_arena_calloc(run->out->arena, capacity,
                                            sizeof(*items));

        if (!items) {
            run->no_memory = 1;
            return -1;
        }
        if (tokens->count > 0) {
            memcpy(items, tokens->items, tokens->count * sizeof(*items));
        }
        tokens->items = items;
        tokens->capacity = capacity;
    }
    tokens->items[tokens->count++] =
        (token){.bytes = bytes,
                .length = (uint32_t)length,
                .hash = hash_letters(bytes, length)};
    return 0;
}

static int split(pmml_run *run, const pmml_text_index *index,
                 const pmml_value *text, pmml_tokens *tokens)
{
    size_t at = 0, from = 0, bounds[2 * PMML_GROUPS];
    uint32_t groups;
    int found;

    tokens->count = 0;
    while ((found = mlscore_pmml_match(run, index->pattern, 0, text->bytes,
                                       text->length, at, bounds, &groups)) ==
           1) {
        const char *word = text->bytes + (index->words ? bounds[0] : from);
        size_t length = index->words ? bounds[1] - bounds[0]
                                     : bounds[0] - from;

        if (!index->words) {
            trim(&word, &length);
        }
        if (add_token(run, tokens, word, length)) {
            return -1;
        }
        from = bounds[1];
        at = bounds[1] > bounds[0] ? bounds[1] : bounds[1] + 1;
        if (at > text->length) {
            break;
        }
    }
    if (found < 0) {
        return -1;
    }
    if (!index->words) {
        const char *word = text->bytes + from;
        size_t length = text->length - from;

        trim(&word, &length);
        return add_token(run, tokens, word, length);
    }
    return 0;
}

/* --- normalization --------------------------------------------------------*/

#define MAX_ROUNDS 100 /* of a recursive normalization */

static int same_text(const pmml_value *a, const pmml_value *b)
{
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static int apply_rows(pmml_run *run, const pmml_text_norm *norm,
                      pmml_value *text)
{
    for (uint32_t i = 0; i < norm->row_count; i++) {
        const uint32_t *row = run->plan->words + norm->row_first + 2 * i;
        const pmml_value replacement =
            mlscore_pmml_symbol_value(run->plan, row[1]);
        const pmml_value before = *text;

        if (mlscore_pmml_replace(run, row[0], !norm->case_sensitive, &before,
                                 &replacement, text)) {
            return -1;
        }
    }
    return 0;
}

static int normalize(pmml_run *run, const pmml_text_index *index,
                     pmml_value *text)
{
    for (uint32_t i = 0; i < index->norm_count; i++) {
        const pmml_text_norm *norm =
            &run->plan->text_norms[index->norm_first + i];

        for (int round = 0; round < MAX_ROUNDS; round++) {
            const pmml_value before = *text;

            if (apply_rows(run, norm, text)) {
                return -1;
            }
            if (!norm->recursive || same_text(&before, text)) {
                break;
            }
        }
    }
    return 0;
}

static int same_rules(const pmml_text_index *a, const pmml_text_index *b)
{
    return a->pattern == b->pattern && a->words == b->words &&
           a->norm_count == b->norm_count &&
           (a->norm_count == 0 || a->norm_first == b->norm_first);
}

/** The words of a text; those of the last one are kept. */
static int text_tokens(pmml_run *run, const pmml_text_index *index,
                       const pmml_value *text, pmml_tokens **tokens)
{
    if (!run->tokens) {
        run->tokens =
            mlscore_arena_calloc(run->out->arena, 1, sizeof(*run->tokens));
        if (!run->tokens) {
            run->no_memory = 1;
            return -1;
        }
    }
    *tokens = run->tokens;
    if ((*tokens)->index && same_rules((*tokens)->index, index) &&
        same_text(&(*tokens)->text, text)) {
        return 0;
    }
    pmml_value normal = *text;

    (*tokens)->index = NULL;
    if (normalize(run, index, &normal) ||
        split(run, index, &normal, *tokens)) {
        return -1;
    }
    (*tokens)->index = index;
    (*tokens)->text = *text;
    return 0;
}

/* --- comparing ------------------------------------------------------------*/

static int same_token(const token *a, const token *b, int case_sensitive)
{
    if (a->hash != b->hash) {
        return 0;
    }
    if (case_sensitive || a->length == b->length) {
        if (a->length == b->length &&
            memcmp(a->bytes, b->bytes, a->length) == 0) {
            return 1;
        }
        if (case_sensitive) {
            return 0;
        }
    }
    size_t i = 0, k = 0;

    while (i < a->length && k < b->length) {
        int32_t left, right;

        i += mlscore_pmml_next_point(a->bytes + i, a->length - i, &left);
        k += mlscore_pmml_next_point(b->bytes + k, b->length - k, &right);
        if (fold(left) != fold(right)) {
            return 0;
        }
    }
    return i == a->length && k == b->length;
}

#define LONGEST_WORD 128

/** Code points of a word; too long ones are no match for anything. */
static int letters(const token *word, int case_sensitive,
                   int32_t out[LONGEST_WORD])
{
    int count = 0;

    for (size_t at = 0; at < word->length; count++) {
        if (count == LONGEST_WORD) {
            return -1;
        }
        at += mlscore_pmml_next_point(word->bytes + at, word->length - at,
                                      &out[count]);
        if (!case_sensitive) {
            out[count] = fold(out[count]);
        }
    }
    return count;
}

/** Levenshtein's distance, or -1 when it is above the limit. */
static int distance(const token *a, const token *b, int case_sensitive,
                    int limit)
{
    int32_t left[LONGEST_WORD], right[LONGEST_WORD];
    int row[LONGEST_WORD + 1];
    const int m = letters(a, case_sensitive, left);
    const int n = letters(b, case_sensitive, right);

    if (m < 0 || n < 0) {
        return -1;
    }
    for (int k = 0; k <= n; k++) {
        row[k] = k;
    }
    for (int i = 1; i <= m; i++) {
        int diagonal = row[0];

        row[0] = i;
        for (int k = 1; k <= n; k++) {
            const int change = diagonal + (left[i - 1] != right[k - 1]);
            const int insert = (row[k] < row[k - 1] ? row[k] : row[k - 1]) + 1;

            diagonal = row[k];
            row[k] = change < insert ? change : insert;
        }
    }
    return row[n] <= limit ? row[n] : -1;
}

/** How far the words from `at` on are from the term's, or -1. */
static int term_distance(const pmml_text_index *index, const token *at,
                         const pmml_tokens *term)
{
    int sum = 0;

    for (size_t k = 0; k < term->count; k++) {
        const int limit = (int)index->distance - sum;

        if (limit == 0) {
            if (!same_token(&at[k], &term->items[k],
                            (int)index->case_sensitive)) {
                return -1;
            }
            continue;
        }
        const int one = distance(&at[k], &term->items[k],
                                 (int)index->case_sensitive, limit);

        if (one < 0) {
            return -1;
        }
        sum += one;
    }
    return sum;
}

static double count_hits(const pmml_text_index *index,
                         const pmml_tokens *text, const pmml_tokens *term)
{
    double count = 0.0;
    int best = -1;

    if (term->count == 0 || text->count < term->count) {
        return 0.0;
    }
    for (size_t i = 0; i + term->count <= text->count; i++) {
        const int found = term_distance(index, &text->items[i], term);

        if (found < 0) {
            continue;
        }
        if (index->hits && best >= 0 && found > best) {
            continue;
        }
        if (index->hits && found != best) {
            best = found;
            count = 0.0;
        }
        count++;
    }
    return count;
}

int mlscore_pmml_text_frequency(pmml_run *run, const pmml_text_index *index,
                                pmml_value *value)
{
    token few[8];
    pmml_tokens term = {.items = few, .capacity = 8}, *words;
    const pmml_value *text;
    pmml_value term_text, whole;

    if (pmml_slot_value(run, index->text, &text) ||
        mlscore_pmml_eval(run, index->term, &term_text)) {
        return -1;
    }
    if (text->type == PMML_MISSING || term_text.type == PMML_MISSING) {
        *value = pmml_missing();
        return 0;
    }
    whole = *text;
    if (mlscore_pmml_cast_value(run, &whole, PMML_STRING) ||
        mlscore_pmml_cast_value(run, &term_text, PMML_STRING) ||
        text_tokens(run, index, &whole, &words) ||
        split(run, index, &term_text, &term)) {
        return -1;
    }
    double count = count_hits(index, words, &term);

    if (index->weights == PMML_WEIGHT_BINARY && count > 1.0) {
        count = 1.0;
    }
    *value = index->weights == PMML_WEIGHT_LOGARITHMIC
                 ? pmml_number_value(PMML_DOUBLE, log10(1.0 + count))
                 : pmml_number_value(PMML_INTEGER, count);
    return 0;
}
