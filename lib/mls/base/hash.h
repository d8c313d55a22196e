/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_BASE_HASH_H
#define MLS_BASE_HASH_H

/**
 * Hashes: SipHash-2-4 (keyed, fast, short inputs; Aumasson and Bernstein,
 * SipHash: a fast short-input PRF, 2012), SHA-256, and a comparison whose time
 * does not tell where two secrets differ.
 */

#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>

#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MLS_SIPHASH_KEY = 16, MLS_SIPHASH128 = 16, MLS_SHA256 = 32 };

/** SipHash-2-4 with 64 and with 128 bits of output. */
uint64_t mls_siphash64(const unsigned char key[MLS_SIPHASH_KEY],
                       const void *data, size_t length);
void mls_siphash128(const unsigned char key[MLS_SIPHASH_KEY],
                    const void *data, size_t length,
                    unsigned char out[MLS_SIPHASH128]);

/** SipHash-2-4-128 of two texts, framed so that ("ab", "c") and ("a", "bc")
 *  differ: the first, a zero byte, the second, the first's length as 8 bytes
 *  little-endian. */
void mls_siphash128_pair(const unsigned char key[MLS_SIPHASH_KEY],
                         const void *first, size_t first_length,
                         const void *second, size_t second_length,
                         unsigned char out[MLS_SIPHASH128]);

/** SHA-256 of bytes in memory. */
mls_err *mls_sha256(unsigned char out[MLS_SHA256], const void *data,
                    size_t length, apr_pool_t *pool);

/** SHA-256 of bytes that come in pieces. Freed with the pool. */
typedef struct mls_sha256_stream mls_sha256_stream;
mls_err *mls_sha256_begin(mls_sha256_stream **out, apr_pool_t *pool);
mls_err *mls_sha256_add(mls_sha256_stream *stream, const void *data,
                        size_t length);
/** Ends the stream; nothing may be added any more. */
mls_err *mls_sha256_finish(mls_sha256_stream *stream,
                           unsigned char out[MLS_SHA256]);

/** 1 when the bytes are equal, 0 when not, in a time that depends on `length`
 *  alone. */
int mls_equal_constant_time(const void *left, const void *right,
                            size_t length);

#ifdef __cplusplus
}
#endif

#endif
