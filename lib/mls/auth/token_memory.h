/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_AUTH_TOKEN_MEMORY_H
#define MLS_AUTH_TOKEN_MEMORY_H

/**
 * Tokens that this process has verified, so that the next request with the
 * same token costs no signature check. Any number of threads, no lock: a slot
 * that is being written is a miss.
 */

#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>

#include "base/err.h"
#include "scoring/model_index.h"

typedef struct mls_token_memory mls_token_memory;

enum { MLS_TOKEN_TEXT = 512 }; /* provider and name, with their zeros */

/** What is remembered beside the token itself. */
typedef struct mls_token_record {
    unsigned char family[MLS_INDEX_FAMILY];
    unsigned char subject[MLS_INDEX_KEY]; /* mls_index_subject's hash ... */
    uint64_t key_id;                      /* ... with this hash key */
    int64_t issued, expires;              /* seconds since 1970 */
    size_t provider_length, name_length;
    char text[MLS_TOKEN_TEXT]; /* provider, 0, name, 0 */
} mls_token_record;

/** Room for at least `slots` tokens of usual length; 0 for none. */
mls_err *mls_token_memory_create(mls_token_memory **out, unsigned slots,
                                 apr_pool_t *pool);

/** 1 and *out when exactly this token is remembered. */
int mls_token_memory_find(mls_token_record *out,
                          const mls_token_memory *memory, const char *token,
                          size_t length);

/** Remember; what is too long, or meets another writer, is not remembered.
 *  Tokens that expired before `now` make room first. */
void mls_token_memory_put(mls_token_memory *memory, const char *token,
                          size_t length, const mls_token_record *record,
                          int64_t now);

#endif
