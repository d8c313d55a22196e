/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Web Tokens: keys and signing. Verifying is in jwt_verify.c. */

#include "auth/jwt.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <cjose/cjose.h>
#include <openssl/crypto.h>

#include "base/ident.h"
#include "base/json.h"

struct mls_jwt_key {
    cjose_jwk_t *jwk;
    const char *id;
};

static mls_err *cjose_failed(apr_pool_t *pool, const char *what,
                             const cjose_err *err)
{
    return mls_err_make(pool, MLS_EOTHER, NULL, "%s: %s", what,
                        err->message ? err->message : "unknown reason");
}

static apr_status_t release_key(void *baton)
{
    mls_jwt_key *key = baton;

    cjose_jwk_release(key->jwk);
    return APR_SUCCESS;
}

static mls_jwt_key *own_key(cjose_jwk_t *jwk, const char *id,
                            apr_pool_t *pool)
{
    mls_jwt_key *key = apr_palloc(pool, sizeof(*key));

    key->jwk = jwk;
    key->id = id;
    apr_pool_cleanup_register(pool, key, release_key, apr_pool_cleanup_null);
    return key;
}

mls_err *mls_jwt_key_make(mls_jwt_key **out, apr_pool_t *pool)
{
    unsigned char id[12];
    cjose_err failure = { 0 };

    MLS_TRY(mls_random_bytes(id, sizeof(id), pool));
    const char *kid = mls_base64url(id, sizeof(id), pool);
    cjose_jwk_t *jwk = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256,
                                                  &failure);
    if (!jwk) {
        return cjose_failed(pool, "cannot make a signing key", &failure);
    }
    mls_jwt_key *key = own_key(jwk, kid, pool);
    if (!cjose_jwk_set_kid(jwk, kid, strlen(kid), &failure)) {
        return cjose_failed(pool, "cannot name a signing key", &failure);
    }
    *out = key;
    return NULL;
}

/* A coordinate or private value of P-256. */
static int is_p256_number(const char *text, apr_pool_t *pool)
{
    size_t length;

    return text && mls_base64url_decode(&length, text, strlen(text), pool)
           && length == 32;
}

mls_err *mls_jwt_key_read(mls_jwt_key **out, const char *jwk, size_t length,
                          apr_pool_t *pool)
{
    mls_json *json;
    cjose_err failure = { 0 };

    MLS_TRY(mls_json_parse(&json, jwk, length, pool));
    const char *kty = mls_json_string(json, "kty");
    const char *curve = mls_json_string(json, "crv");
    const char *kid = mls_json_string(json, "kid");
    if (!kty || strcmp(kty, "EC") != 0 || !curve
        || strcmp(curve, "P-256") != 0 || !kid || !*kid
        || !is_p256_number(mls_json_string(json, "x"), pool)
        || !is_p256_number(mls_json_string(json, "y"), pool)
        || !is_p256_number(mls_json_string(json, "d"), pool)) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "not a private EC key on P-256 with a key id");
    }
    cjose_jwk_t *key = cjose_jwk_import(jwk, length, &failure);
    if (!key) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "not a usable signing key: %s",
                            failure.message ? failure.message : "unknown");
    }
    *out = own_key(key, apr_pstrdup(pool, kid), pool);
    return NULL;
}

const char *mls_jwt_key_id(const mls_jwt_key *key)
{
    return key->id;
}

static mls_err *export_key(const char **out, const mls_jwt_key *key,
                           bool with_private, apr_pool_t *pool)
{
    cjose_err failure = { 0 };
    char *text = cjose_jwk_to_json(key->jwk, with_private, &failure);

    if (!text) {
        return cjose_failed(pool, "cannot export a key", &failure);
    }
    *out = apr_pstrdup(pool, text);
    OPENSSL_cleanse(text, strlen(text));
    cjose_get_dealloc()(text);
    return NULL;
}

mls_err *mls_jwt_key_private(const char **jwk, const mls_jwt_key *key,
                             apr_pool_t *pool)
{
    return export_key(jwk, key, true, pool);
}

/* A key that is both the signing one and a former one, as a rotation that was
 * cut off leaves it, must not be in a set twice. */
static int is_repeated(mls_jwt_key *const *keys, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (strcmp(keys[j]->id, keys[i]->id) == 0) {
            return 1;
        }
    }
    return 0;
}

mls_err *mls_jwt_key_set(const char **jwks, mls_jwt_key *const *keys,
                         size_t count, apr_pool_t *pool)
{
    mls_json *set = mls_json_object(pool);
    mls_json *array = mls_json_array(pool);

    for (size_t i = 0; i < count; i++) {
        const char *text;
        mls_json *json;
        if (is_repeated(keys, i)) {
            continue;
        }
        MLS_TRY(export_key(&text, keys[i], false, pool));
        MLS_TRY(mls_json_parse(&json, text, strlen(text), pool));
        mls_json_set_string(json, "use", "sig");
        mls_json_set_string(json, "alg", "ES256");
        mls_json_add(array, json);
    }
    mls_json_set(set, "keys", array);
    *jwks = mls_json_text(set, pool);
    return NULL;
}

static const char *claims_text(const mls_jwt_claims *claims, apr_pool_t *pool)
{
    mls_json *json = mls_json_object(pool);

    mls_json_set_string(json, "iss", MLS_JWT_ISSUER);
    mls_json_set_string(json, "aud", claims->audience);
    mls_json_set_string(json, "sub", claims->name);
    mls_json_set_string(json, "prv", claims->provider);
    mls_json_set_string(json, "fam",
                        mls_hex(claims->family, MLS_JWT_FAMILY, pool));
    mls_json_set_int(json, "iat", claims->issued);
    mls_json_set_int(json, "nbf", claims->not_before);
    mls_json_set_int(json, "exp", claims->expires);
    mls_json_set_string(json, "jti", claims->id);
    return mls_json_text(json, pool);
}

/* cjose's three steps; `header` and *jws are the caller's to release. */
static const char *sign(cjose_jws_t **jws, cjose_header_t *header,
                        const mls_jwt_key *key, const char *payload,
                        cjose_err *failure)
{
    const char *compact = NULL;

    if (!header || !cjose_header_set(header, "alg", "ES256", failure)
        || !cjose_header_set(header, "kid", key->id, failure)
        || !cjose_header_set(header, "typ", "JWT", failure)) {
        return NULL;
    }
    *jws = cjose_jws_sign(key->jwk, header, (const uint8_t *)payload,
                          strlen(payload), failure);
    if (!*jws || !cjose_jws_export(*jws, &compact, failure)) {
        return NULL;
    }
    return compact;
}

mls_err *mls_jwt_sign(const char **out, const mls_jwt_key *key,
                      const mls_jwt_claims *claims, apr_pool_t *pool)
{
    mls_err *err = NULL;
    cjose_err failure = { 0 };
    cjose_jws_t *jws = NULL;

    if (!claims->audience || !claims->name || !*claims->name
        || !claims->provider || !*claims->provider || !claims->id) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "a token needs audience, name, provider and id");
    }
    cjose_header_t *header = cjose_header_new(&failure);
    const char *compact = sign(&jws, header, key, claims_text(claims, pool),
                               &failure);
    if (!compact) {
        err = cjose_failed(pool, "cannot sign a token", &failure);
    }
    else if (strlen(compact) > MLS_JWT_MAX) {
        err = mls_err_make(pool, MLS_ETOOLARGE, NULL,
                           "the name is too long for a token");
    }
    else {
        *out = apr_pstrdup(pool, compact);
    }
    cjose_jws_release(jws);
    cjose_header_release(header);
    return err;
}
