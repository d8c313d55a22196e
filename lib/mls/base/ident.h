/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_BASE_IDENT_H
#define MLS_BASE_IDENT_H

/**
 * Identifiers: random bytes, GUIDs, hexadecimal text.
 */

#include <stddef.h>

#include <apr_pools.h>

#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MLS_GUID_LENGTH = 36 }; /* characters, without the final zero */

/** `length` bytes from the kernel, good for keys. Safe after a fork. */
mls_err *mls_random_bytes(void *out, size_t length, apr_pool_t *pool);

/** A new random GUID (RFC 9562, version 4), lower-case. */
mls_err *mls_guid_make(const char **out, apr_pool_t *pool);

/** 1 when `text` is a GUID in its usual form (8-4-4-4-12, either case). */
int mls_guid_valid(const char *text);

/** Lower-case hex of `length` bytes; `out` has room for 2 * length + 1. */
void mls_hex_encode(char *out, const void *bytes, size_t length);
const char *mls_hex(const void *bytes, size_t length, apr_pool_t *pool);

/** 1 when `text` is exactly 2 * length hex digits, then in `out`; else 0. */
int mls_hex_decode(void *out, size_t length, const char *text);

/** Base64url without padding (RFC 4648, section 5). */
const char *mls_base64url(const void *bytes, size_t length, apr_pool_t *pool);

/** Decode `length` characters of it, in `pool`; NULL when a character is
 *  wrong, padding is there, or unused bits are not zero. */
unsigned char *mls_base64url_decode(size_t *out_length, const char *text,
                                    size_t length, apr_pool_t *pool);

#ifdef __cplusplus
}
#endif

#endif
