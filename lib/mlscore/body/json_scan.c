/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of JSON: texts, literals, keys, skipped values. */

#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/arena.h"
#include "base/utf8.h"
#include "body/json_scan.h"

/* Of one object; each takes 24 bytes while it is open. */
enum { MOST_KEYS = 1 << 20 };

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
                                 "expected %s, found the byte 0x%02x",
                                 expected, c);
    }
    return mlscore_body_fail(body, MLSCORE_EINPUT, p,
                             "expected %s, found '%.*s'", expected, (int)n, p);
}

/* ---- texts ---------------------------------------------------------------- */

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
    const int32_t second = first <= 0xDBFF && end - p >= 12 && p[6] == '\\' &&
                                   p[7] == 'u'
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

/* ---- literals ------------------------------------------------------------- */

static int begins_with(const char *p, const char *end, const char *word)
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
        if (begins_with(p, json->body.end, words[i])) {
            *which = words[i][0];
            return p + strlen(words[i]);
        }
    }
    return mlscore_json_unexpected(json, p, "a value");
}

/* ---- keys ----------------------------------------------------------------- */

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
    return mlscore_json_unexpected(
        json, p, close == '}' ? "',' or '}'" : "',' or ']'");
}

int mlscore_json_push_key(mlscore_json *json, const mlscore_json_text *key,
                          const char *at)
{
    if (json->key_count == json->key_capacity) {
        const size_t more = json->key_capacity ? json->key_capacity * 2 : 32;
        if (more > MOST_KEYS) {
            mlscore_body_fail(&json->body, MLSCORE_ELIMIT, at,
                              "too many names that are no columns");
            return -1;
        }
        mlscore_json_key *keys = mlscore_arena_alloc(
            json->body.frame->arena, more * sizeof(*keys));
        if (!keys) {
            mlscore_body_no_memory(&json->body);
            return -1;
        }
        if (json->key_count > 0) {
            memcpy(keys, json->keys, json->key_count * sizeof(*keys));
        }
        json->keys = keys;
        json->key_capacity = more;
    }
    json->keys[json->key_count++] =
        (mlscore_json_key){key->bytes, key->length, at};
    return 0;
}

static int compare_keys(const void *a, const void *b)
{
    const mlscore_json_key *x = a;
    const mlscore_json_key *y = b;

    if (x->length != y->length) {
        return x->length < y->length ? -1 : 1;
    }
    return x->length ? memcmp(x->bytes, y->bytes, x->length) : 0;
}

static int twice(mlscore_json *json, const mlscore_json_key *a,
                 const mlscore_json_key *b)
{
    const mlscore_json_key *later = a->at > b->at ? a : b;
    const size_t cut = mlscore_utf8_cut(later->bytes, later->length, 100);

    mlscore_body_fail(&json->body, MLSCORE_EINPUT, later->at,
                      "the name \"%.*s\" comes twice in one object", (int)cut,
                      later->bytes);
    return -1;
}

int mlscore_json_pop_keys(mlscore_json *json, size_t first)
{
    mlscore_json_key *keys = json->keys + first;
    const size_t count = json->key_count - first;

    json->key_count = first;
    if (count <= 8) {
        for (size_t i = 1; i < count; i++) {
            for (size_t j = 0; j < i; j++) {
                if (compare_keys(&keys[i], &keys[j]) == 0) {
                    return twice(json, &keys[i], &keys[j]);
                }
            }
        }
        return 0;
    }
    qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < count; i++) {
        if (compare_keys(&keys[i], &keys[i - 1]) == 0) {
            return twice(json, &keys[i], &keys[i - 1]);
        }
    }
    return 0;
}

/* ---- skipping ------------------------------------------------------------- */

static const char *skip_scalar(mlscore_json *json, const char *p)
{
    mlscore_json_text text;
    mlscore_decimal decimal;
    char which;

    if (p == json->body.end) {
        return mlscore_json_unexpected(json, p, "a value");
    }
    if (*p == '"') {
        return mlscore_json_scan_text(json, p, &text);
    }
    if (mlscore_digit(*p) <= 9 ||
        (*p == '-' && !begins_with(p, json->body.end, "-I"))) {
        const char *after =
            mlscore_scan_decimal(&decimal, p, json->body.end, 1);
        return after ? after
                     : mlscore_body_fail(&json->body, MLSCORE_EINPUT, p,
                                         "this is not a number of JSON");
    }
    return mlscore_json_scan_literal(json, p, &which);
}

/* Where skipping is: each level's kind is its closing bracket. An object's
 * keys are on the stack above one with no bytes, which marks its beginning. */
struct skip {
    unsigned depth;
    int more; /* a value follows */
};

static const char *open_level(mlscore_json *json, struct skip *skip,
                              const char *p)
{
    mlscore_body *body = &json->body;

    if (skip->depth >= body->max_depth) {
        return mlscore_body_fail(body, MLSCORE_ELIMIT, p,
                                 "nested deeper than %u levels",
                                 body->max_depth);
    }
    if (!json->kinds) {
        json->kinds = mlscore_arena_alloc(body->frame->arena, body->max_depth);
        if (!json->kinds) {
            return mlscore_body_no_memory(body);
        }
    }
    const char close = *p == '{' ? '}' : ']';
    const mlscore_json_text mark = {NULL, 0, 0};
    if (close == '}' && mlscore_json_push_key(json, &mark, p)) {
        return NULL;
    }
    json->kinds[skip->depth++] = close;
    p = mlscore_json_space(p + 1, body->end);
    skip->more = p == body->end || *p != close;
    return skip->more ? p : p + 1;
}

static int close_level(mlscore_json *json, struct skip *skip)
{
    skip->depth--;
    if (json->kinds[skip->depth] != '}') {
        return 0;
    }
    size_t first = json->key_count;
    while (json->keys[first - 1].bytes) {
        first--;
    }
    if (mlscore_json_pop_keys(json, first)) {
        return -1;
    }
    json->key_count--;
    return 0;
}

/* The key before a value, when the value is in an object. */
static const char *skip_key(mlscore_json *json, const struct skip *skip,
                            const char *p)
{
    mlscore_json_text key;

    if (skip->depth == 0 || json->kinds[skip->depth - 1] != '}') {
        return mlscore_json_space(p, json->body.end);
    }
    const char *at = mlscore_json_space(p, json->body.end);
    p = mlscore_json_scan_key(json, p, &key);
    return p && mlscore_json_push_key(json, &key, at) == 0 ? p : NULL;
}

const char *mlscore_json_skip(mlscore_json *json, const char *p)
{
    struct skip skip = {0, 1};

    do {
        if (skip.more) {
            p = skip_key(json, &skip, p);
            if (!p) {
                return NULL;
            }
            if (p < json->body.end && (*p == '{' || *p == '[')) {
                p = open_level(json, &skip, p);
                if (!p) {
                    return NULL;
                }
                if (skip.more) {
                    continue;
                }
                if (close_level(json, &skip)) {
                    return NULL;
                }
            }
            else {
                p = skip_scalar(json, p);
                if (!p) {
                    return NULL;
                }
            }
        }
        else if (close_level(json, &skip)) {
            return NULL;
        }
        if (skip.depth > 0) {
            p = mlscore_json_scan_next(json, p, json->kinds[skip.depth - 1],
                                       &skip.more);
            if (!p) {
                return NULL;
            }
        }
    } while (skip.depth > 0);
    return p;
}
