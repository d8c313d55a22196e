/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_AUTH_TOKEN_H
#define MLS_AUTH_TOKEN_H

/**
 * Access tokens as httpd's children see them: verified with public keys,
 * then remembered.
 *
 * Only ES256 is accepted, whatever a header says. Keys are the JWK set that
 * the registry owner writes to STATE/keys.jwks (mode 0640, public parts only;
 * replaced by rename); when a token names an unknown key, it is looked at, and
 * read when it is another file than before.
 */

#include <stdint.h>

#include <apr_pools.h>

#include "base/err.h"
#include "registry/registry.h"
#include "scoring/model_index.h"

typedef struct mls_token_verifier mls_token_verifier;

/** What a valid token says. Strings live in the pool given to verify. */
typedef struct mls_identity {
    mls_subject subject;
    unsigned char family[MLS_INDEX_FAMILY];
    int64_t issued;  /* seconds since 1970 */
    int64_t expires;
} mls_identity;

/** `slots` remembered tokens per process (0: none); allowed clock skew is
 *  60 s for "not before" and 0 for expiry. */
mls_err *mls_token_verifier_create(mls_token_verifier **out,
                                   const char *jwks_path, mls_index *index,
                                   unsigned slots, apr_pool_t *pool);

/** Whom tokens must be for, instead of the state's id (NULL): for several
 *  servers that share keys. Before the first token is verified; the text is
 *  kept. */
void mls_token_verifier_set_audience(mls_token_verifier *verifier,
                                     const char *audience);

/** The caller is inside an epoch of the index (mls_epoch_enter).
 *  Verify a compact JWT: signature, algorithm, key id, audience (the state's
 *  id), expiry, revocation. A remembered token costs a keyed hash, a
 *  constant-time comparison and two index look-ups: no lock, no system call.
 *  `now` is the request's time in seconds. MLS_EUNAUTHORIZED with the reason
 *  for the log; MLS_EUNAVAILABLE while there are no public keys at all. */
mls_err *mls_token_verify(mls_identity *out, mls_token_verifier *verifier,
                          const char *token, size_t length, int64_t now,
                          apr_pool_t *pool);

#endif
