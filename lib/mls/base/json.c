/* SPDX-License-Identifier: Apache-2.0 */
/* JSON trees on json-c. Documents are refcounted by json-c; a pool's cleanup
 * drops the count that parse or new gave. */

#include "base/json.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <json-c/json.h>

#include "base/json_check.h"

static apr_status_t put(void *baton)
{
    json_object_put(baton);
    return APR_SUCCESS;
}

static mls_json *owned_by(apr_pool_t *pool, json_object *json)
{
    if (json) {
        apr_pool_cleanup_register(pool, json, put, apr_pool_cleanup_null);
    }
    return json;
}

/* ---- text ---- */

/* Members in all, and whether a number became infinite. */
static size_t count_members(json_object *json, int *infinite)
{
    size_t count = 0;

    if (json_object_is_type(json, json_type_object)) {
        json_object_object_foreach(json, key, child) {
            (void)key;
            count += 1 + count_members(child, infinite);
        }
    }
    else if (json_object_is_type(json, json_type_array)) {
        const size_t length = json_object_array_length(json);
        for (size_t i = 0; i < length; i++) {
            count += count_members(json_object_array_get_idx(json, i),
                                   infinite);
        }
    }
    else if (json_object_is_type(json, json_type_double)
             && !isfinite(json_object_get_double(json))) {
        *infinite = 1;
    }
    return count;
}

static mls_err *invalid(apr_pool_t *pool, const char *reason, size_t offset)
{
    return mls_err_make(pool, MLS_EINVALID, NULL,
                        "not valid JSON: %s (byte %" APR_SIZE_T_FMT ")",
                        reason, offset);
}

mls_err *mls_json_parse(mls_json **out, const char *text, size_t length,
                        apr_pool_t *pool)
{
    mls_json_problem problem = { 0 };
    size_t members = 0;
    int infinite = 0;

    *out = NULL;
    if (length > INT_MAX) {
        return mls_err_make(pool, MLS_ETOOLARGE, NULL,
                            "a JSON text of 2 GiB or more");
    }
    if (!mls_json_check(&members, &problem, text, length, MLS_JSON_DEPTH)) {
        return invalid(pool, problem.reason, problem.offset);
    }
    json_tokener *tokener = json_tokener_new_ex(MLS_JSON_DEPTH + 2);
    if (!tokener) {
        return mls_err_make(pool, APR_ENOMEM, NULL, "out of memory");
    }
    json_object *json = json_tokener_parse_ex(tokener, text, (int)length);
    enum json_tokener_error error = json_tokener_get_error(tokener);
    if (error == json_tokener_continue) {
        /* A number at the very end: it is complete when nothing follows. */
        json = json_tokener_parse_ex(tokener, "", 1);
        error = json_tokener_get_error(tokener);
    }
    json_tokener_free(tokener);
    if (error != json_tokener_success) {
        json_object_put(json);
        return invalid(pool, json_tokener_error_desc(error), 0);
    }
    owned_by(pool, json);
    if (count_members(json, &infinite) != members) {
        return invalid(pool, "an object has the same key twice", 0);
    }
    if (infinite) {
        return invalid(pool, "a number is too large", 0);
    }
    *out = json;
    return NULL;
}

const char *mls_json_text(const mls_json *json, apr_pool_t *pool)
{
    size_t length;
    /* json-c keeps the text in the object, hence its parameter is not const */
    const char *text = json_object_to_json_string_length(
        (json_object *)json,
        JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);

    return apr_pstrmemdup(pool, text, length);
}

/* ---- looking ---- */

mls_json_type mls_json_type_of(const mls_json *json)
{
    switch (json_object_get_type(json)) {
    case json_type_boolean:
        return MLS_JSON_BOOLEAN;
    case json_type_double:
    case json_type_int:
        return MLS_JSON_NUMBER;
    case json_type_string:
        return MLS_JSON_STRING;
    case json_type_array:
        return MLS_JSON_ARRAY;
    case json_type_object:
        return MLS_JSON_OBJECT;
    default:
        return MLS_JSON_NULL;
    }
}

mls_json *mls_json_get(const mls_json *object, const char *key)
{
    json_object *value = NULL;

    if (!json_object_is_type(object, json_type_object)
        || !json_object_object_get_ex(object, key, &value)) {
        return NULL;
    }
    return value;
}

int mls_json_has(const mls_json *object, const char *key)
{
    return json_object_is_type(object, json_type_object)
           && json_object_object_get_ex(object, key, NULL);
}

const char *mls_json_string_of(const mls_json *json)
{
    if (!json_object_is_type(json, json_type_string)) {
        return NULL;
    }
    const char *text = json_object_get_string((json_object *)json);
    return strlen(text) == (size_t)json_object_get_string_len(json) ? text
                                                                    : NULL;
}

const char *mls_json_string(const mls_json *object, const char *key)
{
    return mls_json_string_of(mls_json_get(object, key));
}

/* json-c clamps what does not fit; a clamped value does not come back equal
 * from the other signedness. */
static int to_int(int64_t *out, const mls_json *json)
{
    if (!json_object_is_type(json, json_type_int)) {
        return 0;
    }
    *out = json_object_get_int64(json);
    return *out != INT64_MAX
           || json_object_get_uint64(json) == (uint64_t)INT64_MAX;
}

int64_t mls_json_int_of(const mls_json *json, int64_t otherwise)
{
    int64_t value;

    return to_int(&value, json) ? value : otherwise;
}

int64_t mls_json_int(const mls_json *object, const char *key,
                     int64_t otherwise)
{
    return mls_json_int_of(mls_json_get(object, key), otherwise);
}

uint64_t mls_json_uint(const mls_json *object, const char *key,
                       uint64_t otherwise)
{
    const mls_json *json = mls_json_get(object, key);

    if (!json_object_is_type(json, json_type_int)
        || json_object_get_int64(json) < 0) {
        return otherwise;
    }
    return json_object_get_uint64(json);
}

double mls_json_double(const mls_json *object, const char *key,
                       double otherwise)
{
    const mls_json *json = mls_json_get(object, key);

    return mls_json_type_of(json) == MLS_JSON_NUMBER
               ? json_object_get_double(json) : otherwise;
}

int mls_json_bool(const mls_json *object, const char *key, int otherwise)
{
    const mls_json *json = mls_json_get(object, key);

    return json_object_is_type(json, json_type_boolean)
               ? json_object_get_boolean(json) : otherwise;
}

mls_err *mls_json_need_string(const char **out, const mls_json *object,
                              const char *key, apr_pool_t *pool)
{
    *out = mls_json_string(object, key);
    if (!*out) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "\"%s\" must be there and a text", key);
    }
    return NULL;
}

mls_err *mls_json_need_int(int64_t *out, const mls_json *object,
                           const char *key, apr_pool_t *pool)
{
    if (!to_int(out, mls_json_get(object, key))) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "\"%s\" must be there and an integer of 64 bits",
                            key);
    }
    return NULL;
}

size_t mls_json_length(const mls_json *array)
{
    return json_object_is_type(array, json_type_array)
               ? json_object_array_length(array) : 0;
}

mls_json *mls_json_at(const mls_json *array, size_t i)
{
    return i < mls_json_length(array) ? json_object_array_get_idx(array, i)
                                      : NULL;
}

int mls_json_each(const mls_json *object,
                  int (*each)(void *baton, const char *key, mls_json *value),
                  void *baton)
{
    if (!json_object_is_type(object, json_type_object)) {
        return 0;
    }
    json_object_object_foreach(object, key, value) {
        const int stop = each(baton, key, value);
        if (stop) {
            return stop;
        }
    }
    return 0;
}

/* ---- making ---- */

mls_json *mls_json_object(apr_pool_t *pool)
{
    return owned_by(pool, json_object_new_object());
}

mls_json *mls_json_array(apr_pool_t *pool)
{
    return owned_by(pool, json_object_new_array());
}

/* Length of the UTF-8 character at `text`, 0 when it is none. Uses the
 * checker, so there is one definition of UTF-8. */
static size_t character_length(const char *text, size_t left)
{
    char quoted[8] = "\"";
    const unsigned char first = (unsigned char)*text;
    const size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4
                                         : first >= 0xe0 ? 3 : 2;
    mls_json_problem problem;
    size_t members;

    if (length == 1 || length > left) {
        return length == 1;
    }
    memcpy(quoted + 1, text, length);
    quoted[length + 1] = '"';
    return mls_json_check(&members, &problem, quoted, length + 2, 0) ? length
                                                                     : 0;
}

static json_object *new_string(const char *text)
{
    if (!text) {
        return NULL;
    }
    const size_t length = strlen(text);
    size_t good = 0;
    while (good < length) {
        const size_t step = character_length(text + good, length - good);
        if (!step) {
            break;
        }
        good += step;
    }
    if (good == length) {
        return json_object_new_string(text);
    }
    json_object *json = NULL;
    char *clean = malloc(3 * length + 1);
    if (clean) {
        char *out = clean;
        for (size_t i = 0; i < length;) {
            const size_t step = character_length(text + i, length - i);
            memcpy(out, step ? text + i : "\xef\xbf\xbd", step ? step : 3);
            out += step ? step : 3;
            i += step ? step : 1;
        }
        json = json_object_new_string_len(clean, (int)(out - clean));
        free(clean);
    }
    return json;
}

void mls_json_set(mls_json *object, const char *key, mls_json *value)
{
    json_object_object_add(object, key, json_object_get(value));
}

void mls_json_set_string(mls_json *object, const char *key, const char *text)
{
    json_object_object_add(object, key, new_string(text));
}

void mls_json_set_int(mls_json *object, const char *key, int64_t value)
{
    json_object_object_add(object, key, json_object_new_int64(value));
}

void mls_json_set_uint(mls_json *object, const char *key, uint64_t value)
{
    json_object_object_add(object, key, json_object_new_uint64(value));
}

/* The shortest of 15 to 17 digits that reads back as the same number, with a
 * point whatever the locale. */
static json_object *new_double(double value)
{
    char text[40];

    if (!isfinite(value)) {
        return NULL;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    char *comma = strchr(text, ',');
    if (comma) {
        *comma = '.';
    }
    return json_object_new_double_s(value, text);
}

void mls_json_set_double(mls_json *object, const char *key, double value)
{
    json_object_object_add(object, key, new_double(value));
}

void mls_json_set_bool(mls_json *object, const char *key, int value)
{
    json_object_object_add(object, key, json_object_new_boolean(value != 0));
}

void mls_json_remove(mls_json *object, const char *key)
{
    json_object_object_del(object, key);
}

void mls_json_add(mls_json *array, mls_json *value)
{
    json_object_array_add(array, json_object_get(value));
}

void mls_json_add_string(mls_json *array, const char *text)
{
    json_object_array_add(array, new_string(text));
}

void mls_json_add_int(mls_json *array, int64_t value)
{
    json_object_array_add(array, json_object_new_int64(value));
}
