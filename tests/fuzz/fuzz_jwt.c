/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens and key sets from outside.
 *
 * The first byte says what the rest is: 't' a compact token, 'c' claims that
 * are signed here (so that the search gets behind the signature), 'h' a header
 * put before good claims and their signature, 'k' a key set. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <cjose/cjose.h>

#include "auth/jwt.h"
#include "base/ident.h"

#define AUDIENCE "0f8fad5b-d9cb-469f-a165-70867728950e"
enum { NOW = 1700000000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Made for this file and used nowhere else. */
static const char key_text[] =
    "{\"kty\":\"EC\",\"kid\":\"fuzz\",\"crv\":\"P-256\","
    "\"x\":\"FDXAc0e1qmCWVOe4abJoDKAurSrbnCG7TmtyQfFdLH4\","
    "\"y\":\"kTeSdvwmaJPD9JkqUfvUaV9tAff_AJD8Y1-yhixLFX8\","
    "\"d\":\"uZgOvpCfn9tC_452o0pRwoX1OfAwDym6Nzac81b0gDA\"}";

static void must(int good)
{
    if (!good) {
        abort();
    }
}

/* What is accepted is as it must be, whatever the way there was. */
static int verify(const mls_jwt_keys *keys, const char *token, size_t length,
                  apr_pool_t *pool)
{
    mls_jwt_claims claims;
    int unknown = 2;
    const mls_err *err = mls_jwt_verify(&claims, &unknown, keys, token,
                                        length, AUDIENCE, NOW, pool);

    must(unknown == 0 || (unknown == 1 && err));
    if (err) {
        must(err->code == MLS_EUNAUTHORIZED && err->message);
        return 0;
    }
    must(strcmp(claims.audience, AUDIENCE) == 0);
    must(*claims.name && *claims.provider && claims.id);
    must(claims.expires > NOW && claims.not_before <= NOW + MLS_JWT_SKEW);
    must(claims.issued <= NOW + MLS_JWT_SKEW);
    return 1;
}

static void signed_claims(const mls_jwt_keys *keys, const uint8_t *claims,
                          size_t size, apr_pool_t *pool)
{
    cjose_err failure = { 0 };
    const char *token;
    cjose_jwk_t *jwk = cjose_jwk_import(key_text, sizeof(key_text) - 1,
                                        &failure);
    cjose_header_t *header = cjose_header_new(&failure);

    must(jwk && header
         && cjose_header_set(header, "alg", "ES256", &failure)
         && cjose_header_set(header, "kid", "fuzz", &failure));
    cjose_jws_t *jws = cjose_jws_sign(jwk, header, claims, size, &failure);
    if (jws && cjose_jws_export(jws, &token, &failure)) {
        verify(keys, token, strlen(token), pool);
    }
    cjose_jws_release(jws);
    cjose_header_release(header);
    cjose_jwk_release(jwk);
}

/* A header that is not the signed one can never be accepted. */
static void other_header(const mls_jwt_keys *keys, const mls_jwt_key *key,
                         const uint8_t *header, size_t size, apr_pool_t *pool)
{
    const mls_jwt_claims claims = {
        .audience = AUDIENCE, .name = "ann", .provider = "file", .id = "1",
        .issued = NOW, .not_before = NOW, .expires = NOW + 60
    };
    const char *token;

    must(mls_jwt_sign(&token, key, &claims, pool) == NULL);
    const char *rest = strchr(token, '.');
    const char *changed = apr_pstrcat(pool, mls_base64url(header, size, pool),
                                      rest, NULL);
    const int accepted = verify(keys, changed, strlen(changed), pool);
    must(!accepted || strcmp(changed, token) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int initialized;
    apr_pool_t *pool;
    mls_jwt_key *key;
    mls_jwt_keys *keys;
    const char *set;

    if (!initialized) {
        initialized = 1;
        apr_initialize();
    }
    if (size == 0 || size > 65536 || apr_pool_create(&pool, NULL)) {
        return 0;
    }
    must(mls_jwt_key_read(&key, key_text, sizeof(key_text) - 1, pool)
         == NULL);
    must(mls_jwt_key_set(&set, &key, 1, pool) == NULL);
    must(mls_jwt_keys_read(&keys, set, strlen(set), pool) == NULL);
    switch (data[0]) {
    case 't':
        verify(keys, (const char *)data + 1, size - 1, pool);
        break;
    case 'c':
        signed_claims(keys, data + 1, size - 1, pool);
        break;
    case 'h':
        other_header(keys, key, data + 1, size - 1, pool);
        break;
    case 'k':
        if (!mls_jwt_keys_read(&keys, (const char *)data + 1, size - 1,
                               pool)) {
            verify(keys, "e30.e30.AA", 10, pool);
        }
        break;
    default:
        break;
    }
    apr_pool_destroy(pool);
    return 0;
}
