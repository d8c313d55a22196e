/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of JSON: texts, literals, keys. */

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/arena.h"
#include "base/utf8.h"
#include "body/json_scan.h"

const char *mlscore_json_unexpected(mlscore_json *json, const char *p,
                                    const char *expected)
{
    mlscore_body *body = &json->body;

    if (p >= body->end) {
        return mlscore_body_fail(body, MLSCORE_EINPUT, body->end,
                                 "expected %s, but the body ends", expected);
    }
    const unsigned char c = (unsigned char)*p;
    const size_t n = p < body->invalid
                         ? mlscore_utf8_character(p, (size_t)(body->end - p))
                         : 0;
    if (n == 0) {
        return mlscore_body_fail(body, MLSCORE_EINPUT, p, "invalid UTF-8");
    }
    if (c < 0x20 || c == 0x7F) {
        return mlscore_body_fail(body, MLSCORE_EINPUT, p,
                                 "expected %s, found the byte 0x%02x", expected,
                                 c);
    }
    return mlscore_body_fail(body, MLSCORE_EINPUT, p,
                             "expected %s, found '%.*s'", expected, (int)n, p);
}

/* ---- texts --------------------------------------------------------------- */

/* The first byte that does not stand for itself, or end. */
static const char *plain_end(const char *p, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i slash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1F);

    while (end - p >= 16) {
        const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        const __m128i special = _mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)),
            _mm_cmpeq_epi8(_mm_min_epu8(v, control), v));
        const unsigned mask = (unsigned)_mm_movemask_epi8(special);
        if (mask) {
            return p + __builtin_ctz(mask);
        }
        p += 16;
    }
#endif
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20) {
        p++;
    }
    return p;
}

/* Four hexadecimal digits at `p`, or -1. */
static int32_t hexadecimal(const char *p, const char *end)
{
    int32_t value = 0;

    if (end - p < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        const char c = p[i];
        int digit;
        if (c >= '0' && c <= '9') {
            digit = c - '0';
        }
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = (c | 0x20) - 'a' + 10;
        }
        else {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

/* `\uXXXX`, or two of them that make one character; `p` is at the first
 * backslash. Its code point in *code. */
static const char *scan_unicode(mlscore_json *json, const char *p,
                                uint32_t *code)
{
    const char *const end = json->body.end;
    const int32_t first = hexadecimal(p + 2, end);

    if (first < 0) {
        return mlscore_body_fail(&json->body, MLSCORE_EINPUT, p,
                                 "\\u needs four hexadecimal digits");
    }
    *code = (uint32_t)first;
    if (first < 0xD800 || first > 0xDFFF) {
        return p + 6;
    }
    const int32_t second =
        first <= 0xDBFF && end - p >= 12 && p[6] == '\\' && p[7] == 'u'
            ? hexadecimal(p + 8, end)
            : -1;
    if (second < 0xDC00 || second > 0xDFFF) {
        return mlscore_body_fail(&json->body, MLSCORE_EINPUT, p,
                                 "half of a surrogate pair");
    }
    *code = 0x10000 + ((uint32_t)(first - 0xD800) << 10) +
            (uint32_t)(second - 0xDC00);
    return p + 12;
}

static const char *scan_escape(mlscore_json *json, const char *p)
{
    uint32_t code;

    if (json->body.end - p < 2) {
        return mlscore_json_unexpected(json, json->body.end,
                                       "the rest of an escape");
    }
    if (p[1] == 'u') {
        return scan_unicode(json, p, &code);
    }
    if (!p[1] || !strchr("\"\\/bfnrt", p[1])) {
        return mlscore_body_fail(&json->body, MLSCORE_EINPUT, p,
                                 "unknown escape in a text");
    }
    return p + 2;
}

const char *mlscore_json_scan_text(mlscore_json *json, const char *p,
                                   mlscore_json_text *text)
{
    const char *const end = json->body.end;
    const char *const first = ++p;

    text->escaped = 0;
    for (;;) {
        p = plain_end(p, end);
        if (p > json->body.invalid) {
            return mlscore_body_fail(&json->body, MLSCORE_EINPUT,
                                     json->body.invalid, "invalid UTF-8");
        }
        if (p == end) {
            return mlscore_body_fail(&json->body, MLSCORE_EINPUT, first - 1,
                                     "the text is never closed");
        }
        if (*p == '"') {
            break;
        }
        if (*p != '\\') {
            return mlscore_body_fail(&json->body, MLSCORE_EINPUT, p,
                                     "the control character 0x%02x must be "
                                     "escaped",
                                     (unsigned char)*p);
        }
        text->escaped = 1;
        p = scan_escape(json, p);
        if (!p) {
            return NULL;
        }
    }
    text->bytes = first;
    text->length = (size_t)(p - first);
    if (text->length > INT32_MAX) {
        return mlscore_body_fail(&json->body, MLSCORE_ELIMIT, first,
                                 "the text is too long");
    }
    return p + 1;
}

static char unescaped(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

int mlscore_json_decode(mlscore_json *json, mlscore_json_text *text)
{
    if (!text->escaped) {
        return 0;
    }
    /* No escape is shorter than what it stands for. */
    char *copy = mlscore_arena_alloc(json->body.frame->arena, text->length);
    if (!copy) {
        mlscore_body_no_memory(&json->body);
        return -1;
    }
    char *to = copy;
    const char *p = text->bytes;
    const char *const end = p + text->length;
    while (p < end) {
        const char *plain = memchr(p, '\\', (size_t)(end - p));
        const size_t run = (size_t)((plain ? plain : end) - p);
        memcpy(to, p, run);
        to += run;
        p += run;
        if (!plain) {
            break;
        }
        if (p[1] != 'u') {
            *to++ = unescaped(p[1]);
            p += 2;
            continue;
        }
        uint32_t code = 0;
        p = scan_unicode(json, p, &code);
        to += mlscore_utf8_put(to, code);
    }
    *text = (mlscore_json_text){copy, (size_t)(to - copy), 0};
    mlscore_arena_shrink(json->body.frame->arena, copy, text->length);
    return 0;
}

/* ---- literals ------------------------------------------------------------ */

int mlscore_json_begins_with(const char *p, const char *end, const char *word)
{
    const size_t length = strlen(word);

    return (size_t)(end - p) >= length && memcmp(p, word, length) == 0;
}

const char *mlscore_json_scan_literal(mlscore_json *json, const char *p,
                                      char *which)
{
    static const char *const words[] = {"true", "false",    "null",
                                        "NaN",  "Infinity", "-Infinity"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (mlscore_json_begins_with(p, json->body.end, words[i])) {
            *which = words[i][0];
            return p + strlen(words[i]);
        }
    }
    return mlscore_json_unexpected(json, p, "a value");
}

/* ---- keys ---------------------------------------------------------------- */

const char *mlscore_json_scan_key(mlscore_json *json, const char *p,
                                  mlscore_json_text *key)
{
    const char *const end = json->body.end;

    p = mlscore_json_space(p, end);
    if (p == end || *p != '"') {
        return mlscore_json_unexpected(json, p, "a name in quotation marks");
    }
    p = mlscore_json_scan_text(json, p, key);
    if (!p || mlscore_json_decode(json, key)) {
        return NULL;
    }
    p = mlscore_json_space(p, end);
    if (p == end || *p != ':') {
        return mlscore_json_unexpected(json, p, "a colon after the name");
    }
    return mlscore_json_space(p + 1, end);
}

const char *mlscore_json_scan_next(mlscore_json *json, const char *p,
                                   char close, int *more)
{
    p = mlscore_json_space(p, json->body.end);
    if (p < json->body.end && (*p == ',' || *p == close)) {
        *more = *p == ',';
        return p + 1;
    }
    return mlscore_json_unexpected(json, p,
                                   close == '}' ? "',' or '}'" : "',' or ']'");
}
