/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions by PCRE2, in UTF-8; classes such as \w are ASCII, as in
 * the engine that ONNX names (RE2). */

#define PCRE2_CODE_UNIT_WIDTH 8

#include "eval/graph/ops/regex.h"

#include <pcre2.h>

#include "base/alloc.h"

/* Steps of one match; backtracking patterns reach it on purpose-made texts. */
enum { MOST_STEPS = 1000000, MOST_DEPTH = 10000, MOST_KIB = 8192 };

struct mlscore_regex {
    pcre2_code *code;
};

struct mlscore_matcher {
    pcre2_match_data *data;
    pcre2_match_context *context;
};

mlscore_regex *mlscore_regex_compile(mlscore_prepare *prepare,
                                     const mlscore_text *pattern)
{
    int code;
    PCRE2_SIZE offset;
    mlscore_regex *regex = mlscore_calloc(1, sizeof(*regex));

    if (!regex) {
        mlscore_prepare_fail(prepare, MLSCORE_ENOMEM, "out of memory");
        return NULL;
    }
    regex->code = pcre2_compile((PCRE2_SPTR)pattern->bytes, pattern->length,
                                PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C |
                                    PCRE2_DOLLAR_ENDONLY,
                                &code, &offset, NULL);
    if (!regex->code) {
        unsigned char text[128] = "";

        pcre2_get_error_message(code, text, sizeof(text));
        mlscore_prepare_fail(prepare, MLSCORE_EUNSUPPORTED,
                             "the regular expression '%.*s' is not supported: "
                             "%s at %zu",
                             (int)(pattern->length > 80 ? 80 : pattern->length),
                             pattern->bytes, (const char *)text,
                             (size_t)offset);
        mlscore_regex_free(regex);
        return NULL;
    }
    return regex;
}

void mlscore_regex_free(mlscore_regex *regex)
{
    if (regex) {
        pcre2_code_free(regex->code);
        mlscore_free(regex);
    }
}

mlscore_matcher *mlscore_matcher_create(void)
{
    mlscore_matcher *matcher = mlscore_calloc(1, sizeof(*matcher));

    if (!matcher) {
        return NULL;
    }
    matcher->data = pcre2_match_data_create(1, NULL);
    matcher->context = pcre2_match_context_create(NULL);
    if (!matcher->data || !matcher->context) {
        mlscore_matcher_free(matcher);
        return NULL;
    }
    pcre2_set_match_limit(matcher->context, MOST_STEPS);
    pcre2_set_depth_limit(matcher->context, MOST_DEPTH);
    pcre2_set_heap_limit(matcher->context, MOST_KIB);
    return matcher;
}

void mlscore_matcher_free(mlscore_matcher *matcher)
{
    if (matcher) {
        pcre2_match_data_free(matcher->data);
        pcre2_match_context_free(matcher->context);
        mlscore_free(matcher);
    }
}

static int match(const mlscore_regex *regex, mlscore_matcher *matcher,
                 const char *bytes, size_t length, size_t from,
                 uint32_t options)
{
    const int result =
        pcre2_match(regex->code, (PCRE2_SPTR)bytes, length, from, options,
                    matcher->data, matcher->context);

    return result >= 0 ? 1 : result == PCRE2_ERROR_NOMATCH ? 0 : -1;
}

int mlscore_regex_full(const mlscore_regex *regex, mlscore_matcher *matcher,
                       const char *bytes, size_t length)
{
    return match(regex, matcher, bytes, length, 0,
                 PCRE2_ANCHORED | PCRE2_ENDANCHORED);
}

int mlscore_regex_find(const mlscore_regex *regex, mlscore_matcher *matcher,
                       const char *bytes, size_t length, size_t from,
                       size_t *start, size_t *end)
{
    const int found = match(regex, matcher, bytes, length, from, 0);

    if (found == 1) {
        const PCRE2_SIZE *bounds = pcre2_get_ovector_pointer(matcher->data);

        *start = bounds[0];
        *end = bounds[1] < bounds[0] ? bounds[0] : bounds[1];
    }
    return found;
}
