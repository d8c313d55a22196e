/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_AUTH_JWT_H
#define MLS_AUTH_JWT_H

/**
 * JSON Web Tokens (RFC 7519) as this server makes and accepts them: ES256 and
 * nothing else. The registry owner signs; httpd's children hold public keys
 * only. docs/internals/tokens.md lists the claims and what is refused.
 */

#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>

#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MLS_JWT_FAMILY = 16,
    MLS_JWT_MAX = 4096, /* characters of a token that is looked at */
    MLS_JWT_SKEW = 60,  /* seconds; for "not before" and "issued at" */
    MLS_JWT_KEYS_MAX = 128 /* keys of a set */
};

/** The issuer of every token. */
#define MLS_JWT_ISSUER "mlserver"

typedef struct mls_jwt_claims {
    const char *audience; /* aud: the state's id */
    const char *name;     /* sub */
    const char *provider; /* prv */
    const char *id;       /* jti */
    unsigned char family[MLS_JWT_FAMILY]; /* fam, in lower-case hex */
    int64_t issued;       /* iat; seconds since 1970, as the next two */
    int64_t not_before;   /* nbf */
    int64_t expires;      /* exp */
} mls_jwt_claims;

/* ---- signing: the registry owner only ---- */

/** A private key of P-256 with its key id. Wiped with its pool. */
typedef struct mls_jwt_key mls_jwt_key;

/** A new key with a new random id. */
mls_err *mls_jwt_key_make(mls_jwt_key **out, apr_pool_t *pool);

/** The key that mls_jwt_key_private wrote. */
mls_err *mls_jwt_key_read(mls_jwt_key **out, const char *jwk, size_t length,
                          apr_pool_t *pool);

const char *mls_jwt_key_id(const mls_jwt_key *key);

/** The key as a private JWK: for a file of mode 0600. */
mls_err *mls_jwt_key_private(const char **jwk, const mls_jwt_key *key,
                             apr_pool_t *pool);

/** The public parts of `count` keys as a JWK set: for STATE/keys.jwks. A key
 *  whose id an earlier one has is left out. */
mls_err *mls_jwt_key_set(const char **jwks, mls_jwt_key *const *keys,
                         size_t count, apr_pool_t *pool);

/** Sign; *out is the compact form. */
mls_err *mls_jwt_sign(const char **out, const mls_jwt_key *key,
                      const mls_jwt_claims *claims, apr_pool_t *pool);

/* ---- verifying ---- */

/** Public keys; immutable, usable by any number of threads. */
typedef struct mls_jwt_keys mls_jwt_keys;

/** Read a JWK set. It must hold EC keys on P-256 with distinct ids and without
 *  private parts; MLS_EINVALID says what is wrong. */
mls_err *mls_jwt_keys_read(mls_jwt_keys **out, const char *jwks,
                           size_t length, apr_pool_t *pool);

/** Verify signature, algorithm, key id, issuer, audience and times; what
 *  remains is revocation. MLS_EUNAUTHORIZED with the reason, for the log.
 *  *unknown_key (may be NULL) is 1 when the reason is a key id that is not in
 *  `keys`, which may be NULL for none. */
mls_err *mls_jwt_verify(mls_jwt_claims *out, int *unknown_key,
                        const mls_jwt_keys *keys, const char *token,
                        size_t length, const char *audience, int64_t now,
                        apr_pool_t *pool);

#ifdef __cplusplus
}
#endif

#endif
