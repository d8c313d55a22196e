/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_BASE_JSON_CHECK_H
#define MLS_BASE_JSON_CHECK_H

/**
 * Is a text one value of RFC 8259? The JSON library's own strict mode lets NaN,
 * `1.`, raw control characters and lone surrogates pass and clamps long
 * integers; so texts are checked here before it sees them.
 */

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mls_json_problem {
    const char *reason; /* a constant */
    size_t offset;      /* byte in the text */
} mls_json_problem;

/** 1 and the number of object members in all when the text is one value at
 *  most `depth` arrays and objects deep, in UTF-8, with integers that fit 64
 *  bits and keys without U+0000; else 0 and *problem. */
int mls_json_check(size_t *members, mls_json_problem *problem,
                   const char *text, size_t length, int depth);

#ifdef __cplusplus
}
#endif

#endif
