/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_BASE_JSON_H
#define MLS_BASE_JSON_H

/**
 * JSON documents of management calls, records and sockets: small, read as a
 * tree. (Scoring bodies are read by libmlscore's own reader.)
 *
 * The one place that names the JSON library. What parse and new return lives
 * in the pool given; everything reached from it is borrowed from it. A value
 * may be added to several parents.
 */

#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>

#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct json_object mls_json; /* NULL is JSON null */

enum { MLS_JSON_DEPTH = 32 };

typedef enum mls_json_type {
    MLS_JSON_NULL,
    MLS_JSON_BOOLEAN,
    MLS_JSON_NUMBER,
    MLS_JSON_STRING,
    MLS_JSON_ARRAY,
    MLS_JSON_OBJECT
} mls_json_type;

/* ---- text ---- */

/** Parse exactly one value of RFC 8259, at most MLS_JSON_DEPTH deep, in UTF-8.
 *  MLS_EINVALID with reason and byte offset. A key that is there twice is an
 *  error too. */
mls_err *mls_json_parse(mls_json **out, const char *text, size_t length,
                        apr_pool_t *pool);

/** The value without white space; "/" is not escaped. */
const char *mls_json_text(const mls_json *json, apr_pool_t *pool);

/* ---- looking ---- */

mls_json_type mls_json_type_of(const mls_json *json);

/** A member; NULL when it is absent or null, or `object` is no object. */
mls_json *mls_json_get(const mls_json *object, const char *key);

/** 1 when the member is there, even as null. */
int mls_json_has(const mls_json *object, const char *key);

/** The member as text; NULL when absent, no string, or with a zero inside. */
const char *mls_json_string(const mls_json *object, const char *key);

/** The member as a number or boolean; `otherwise` when absent or of another
 *  type. A number with a fraction or beyond 64 bits is no integer. */
int64_t mls_json_int(const mls_json *object, const char *key,
                     int64_t otherwise);
uint64_t mls_json_uint(const mls_json *object, const char *key,
                       uint64_t otherwise);
double mls_json_double(const mls_json *object, const char *key,
                       double otherwise);
int mls_json_bool(const mls_json *object, const char *key, int otherwise);

/** The member, which must be a string (an integer) there: MLS_EINVALID naming
 *  the key when not. */
mls_err *mls_json_need_string(const char **out, const mls_json *object,
                              const char *key, apr_pool_t *pool);
mls_err *mls_json_need_int(int64_t *out, const mls_json *object,
                           const char *key, apr_pool_t *pool);

/** The value itself as text, as above; for elements of arrays. */
const char *mls_json_string_of(const mls_json *json);

/** The value itself as an integer, as above. */
int64_t mls_json_int_of(const mls_json *json, int64_t otherwise);

size_t mls_json_length(const mls_json *array); /* 0 when it is no array */
mls_json *mls_json_at(const mls_json *array, size_t i);

/** Call `each` for the members in their order, until it returns nonzero;
 *  returns that, or 0. */
int mls_json_each(const mls_json *object,
                  int (*each)(void *baton, const char *key, mls_json *value),
                  void *baton);

/* ---- making ---- */

mls_json *mls_json_object(apr_pool_t *pool);
mls_json *mls_json_array(apr_pool_t *pool);

/** Set a member, replacing one of the same key. A NULL `text` or `value` is
 *  null; text that is not UTF-8 has each wrong byte replaced by U+FFFD. */
void mls_json_set(mls_json *object, const char *key, mls_json *value);
void mls_json_set_string(mls_json *object, const char *key, const char *text);
void mls_json_set_int(mls_json *object, const char *key, int64_t value);
void mls_json_set_uint(mls_json *object, const char *key, uint64_t value);
void mls_json_set_double(mls_json *object, const char *key, double value);
void mls_json_set_bool(mls_json *object, const char *key, int value);
void mls_json_remove(mls_json *object, const char *key);

void mls_json_add(mls_json *array, mls_json *value);
void mls_json_add_string(mls_json *array, const char *text);
void mls_json_add_int(mls_json *array, int64_t value);

#ifdef __cplusplus
}
#endif

#endif
