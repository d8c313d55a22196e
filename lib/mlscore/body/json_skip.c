/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values that nobody reads, checked all the same: nesting, and names that
 * come twice in an object. */

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "body/json_scan.h"

/* Of the objects around a position; each takes 24 bytes while it is open. */
enum { MOST_KEYS = 1 << 20 };

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
        mlscore_json_key *keys =
            mlscore_arena_alloc(json->body.frame->arena, more * sizeof(*keys));
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

/* ---- skipping ------------------------------------------------------------ */

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
        (*p == '-' && !mlscore_json_begins_with(p, json->body.end, "-I"))) {
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

/* One value, or the beginning of an array or object. */
static const char *skip_value(mlscore_json *json, struct skip *skip,
                              const char *p)
{
    skip->more = 0;
    p = skip_key(json, skip, p);
    if (!p || p == json->body.end || (*p != '{' && *p != '[')) {
        return p ? skip_scalar(json, p) : NULL;
    }
    p = open_level(json, skip, p);
    return !p || skip->more || close_level(json, skip) == 0 ? p : NULL;
}

const char *mlscore_json_skip(mlscore_json *json, const char *p)
{
    struct skip skip = {0, 1};

    for (;;) {
        if (skip.more) {
            p = skip_value(json, &skip, p);
        }
        else if (close_level(json, &skip)) {
            p = NULL;
        }
        if (!p || skip.depth == 0) {
            return p;
        }
        if (!skip.more) {
            p = mlscore_json_scan_next(json, p, json->kinds[skip.depth - 1],
                                       &skip.more);
            if (!p) {
                return NULL;
            }
        }
    }
}
