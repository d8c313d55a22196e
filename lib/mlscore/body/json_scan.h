/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_BODY_JSON_SCAN_H
#define MLSCORE_BODY_JSON_SCAN_H

/**
 * The grammar of JSON (RFC 8259) for json_read.c: texts, literals, objects'
 * keys, and values that are skipped but checked all the same.
 *
 * Scanners take a position and return the one after what they read, or NULL
 * when it is bad; then they have complained.
 */

#include "body/reader.h"

/** A text: between the quotation marks as it stands, or decoded. */
typedef struct mlscore_json_text {
    const char *bytes;
    size_t length;
    int escaped; /* still has escapes in it */
} mlscore_json_text;

/** A key of an object that is being read; to find keys that come twice. */
typedef struct mlscore_json_key {
    const char *bytes;
    size_t length;
    const char *at; /* where it stands in the body */
} mlscore_json_key;

/** What the scanners keep beside the body: keys of all objects around the
 *  position, and the kinds of the arrays and objects that are skipped. */
typedef struct mlscore_json {
    mlscore_body body;
    mlscore_json_key *keys;
    size_t key_count;
    size_t key_capacity;
    char *kinds; /* body.max_depth of them, made on first use */
} mlscore_json;

static inline const char *mlscore_json_space(const char *p, const char *end)
{
    while (p < end && (unsigned char)*p <= ' ' &&
           (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
        p++;
    }
    return p;
}

/** Complain that something else was expected at `p`. */
const char *mlscore_json_unexpected(mlscore_json *json, const char *p,
                                    const char *expected);

/** A text; `p` is at its quotation mark. */
const char *mlscore_json_scan_text(mlscore_json *json, const char *p,
                                   mlscore_json_text *text);

/** Replace the escapes of a scanned text, in the frame's arena. 0 or -1. */
int mlscore_json_decode(mlscore_json *json, mlscore_json_text *text);

/** Do the bytes up to `end` begin with `word`? */
int mlscore_json_begins_with(const char *p, const char *end, const char *word);

/** true, false, null, NaN, Infinity, -Infinity: its first letter (or '-' for
 *  the last) in *which. */
const char *mlscore_json_scan_literal(mlscore_json *json, const char *p,
                                      char *which);

/** A key, decoded, and the colon; `p` is where the key must begin. */
const char *mlscore_json_scan_key(mlscore_json *json, const char *p,
                                  mlscore_json_text *key);

/** What follows a value in an object or array that ends with `close`: *more
 *  is 1 after a comma, 0 after the end. */
const char *mlscore_json_scan_next(mlscore_json *json, const char *p,
                                   char close, int *more);

/** Remember a key of the innermost object. 0 or -1. */
int mlscore_json_push_key(mlscore_json *json, const mlscore_json_text *key,
                          const char *at);

/** The innermost object, whose keys begin at `first`, has ended: complain
 *  about a key that came twice, forget its keys. 0 or -1. */
int mlscore_json_pop_keys(mlscore_json *json, size_t first);

/** Skip a value and check it. */
const char *mlscore_json_skip(mlscore_json *json, const char *p);

#endif
