/* SPDX-License-Identifier: Apache-2.0 */
/* Verifying JSON Web Tokens. Everything is checked against a list of what is
 * allowed before cjose sees the token; cjose then checks the signature. */

#include "auth/jwt.h"

#include <string.h>

#include <apr_strings.h>
#include <cjose/cjose.h>

#include "base/ident.h"
#include "base/json.h"

enum { KEY_ID_MAX = 64, SIGNATURE = 64 };

struct mls_jwt_keys {
    size_t count;
    cjose_jwk_t *jwk[MLS_JWT_KEYS_MAX];
    const char *id[MLS_JWT_KEYS_MAX];
};

/* ---- keys ---- */

static apr_status_t release_keys(void *baton)
{
    mls_jwt_keys *keys = baton;

    for (size_t i = 0; i < keys->count; i++) {
        cjose_jwk_release(keys->jwk[i]);
    }
    return APR_SUCCESS;
}

static int is(const mls_json *object, const char *key, const char *value)
{
    const char *text = mls_json_string(object, key);

    return text && strcmp(text, value) == 0;
}

/* What is wrong with one key of a set, or NULL. */
static const char *key_problem(const mls_json *json, const mls_jwt_keys *keys)
{
    const char *id = mls_json_string(json, "kid");

    if (!is(json, "kty", "EC") || !is(json, "crv", "P-256")) {
        return "is not an EC key on P-256";
    }
    if (mls_json_has(json, "d")) {
        return "has its private part in it";
    }
    if ((mls_json_has(json, "use") && !is(json, "use", "sig"))
        || (mls_json_has(json, "alg") && !is(json, "alg", "ES256"))) {
        return "is not for ES256 signatures";
    }
    if (!id || !*id || strlen(id) > KEY_ID_MAX) {
        return "has no usable key id";
    }
    for (size_t i = 0; i < keys->count; i++) {
        if (strcmp(keys->id[i], id) == 0) {
            return "has the key id of another key";
        }
    }
    return NULL;
}

mls_err *mls_jwt_keys_read(mls_jwt_keys **out, const char *jwks,
                           size_t length, apr_pool_t *pool)
{
    mls_jwt_keys *keys = apr_pcalloc(pool, sizeof(*keys));
    mls_json *json;

    MLS_TRY(mls_json_parse(&json, jwks, length, pool));
    const mls_json *array = mls_json_get(json, "keys");
    const size_t count = mls_json_length(array);
    if (count == 0 || count > MLS_JWT_KEYS_MAX) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "a key set must have 1 to %d keys",
                            MLS_JWT_KEYS_MAX);
    }
    apr_pool_cleanup_register(pool, keys, release_keys,
                              apr_pool_cleanup_null);
    for (size_t i = 0; i < count; i++) {
        const mls_json *one = mls_json_at(array, i);
        cjose_err failure = { 0 };
        const char *problem = key_problem(one, keys);
        if (!problem) {
            const char *text = mls_json_text(one, pool);
            keys->jwk[i] = cjose_jwk_import(text, strlen(text), &failure);
            problem = keys->jwk[i] ? NULL : "is damaged";
        }
        if (problem) {
            return mls_err_make(pool, MLS_EINVALID, NULL,
                                "key %" APR_SIZE_T_FMT " of the set %s",
                                i + 1, problem);
        }
        keys->id[i] = apr_pstrdup(pool, mls_json_string(one, "kid"));
        keys->count++;
    }
    *out = keys;
    return NULL;
}

/* ---- tokens ---- */

static mls_err *refuse(apr_pool_t *pool, const char *reason)
{
    return mls_err_make(pool, MLS_EUNAUTHORIZED, NULL, "token refused: %s",
                        reason);
}

typedef struct parts {
    const char *text[3]; /* header, claims, signature in base64url */
    size_t length[3];
} parts;

static int split(parts *out, const char *token, size_t length)
{
    const char *end = token + length;
    int count = 0;

    for (const char *start = token;; count++) {
        const char *dot = memchr(start, '.', (size_t)(end - start));
        const char *stop = dot ? dot : end;
        if (count == 3 || stop == start) {
            return 0;
        }
        out->text[count] = start;
        out->length[count] = (size_t)(stop - start);
        if (!dot) {
            return count == 2;
        }
        start = dot + 1;
    }
}

static mls_err *decode_json(mls_json **out, const parts *p, int which,
                            apr_pool_t *pool)
{
    size_t length;
    const unsigned char *text = mls_base64url_decode(
        &length, p->text[which], p->length[which], pool);

    if (!text || mls_json_parse(out, (const char *)text, length, pool)
        || mls_json_type_of(*out) != MLS_JSON_OBJECT) {
        return refuse(pool, which ? "its claims are not a JSON object"
                                  : "its header is not a JSON object");
    }
    return NULL;
}

static int is_unknown_member(void *baton, const char *key, mls_json *value)
{
    return strcmp(key, "alg") != 0 && strcmp(key, "kid") != 0
           && strcmp(key, "typ") != 0;
}

/* The key that the header names. A header member that is not on the list
 * (crit, jwk, jku, x5u, x5c, zip ...) could change what the token means. */
static mls_err *key_of_header(const cjose_jwk_t **out, int *unknown_key,
                              const mls_json *header,
                              const mls_jwt_keys *keys, apr_pool_t *pool)
{
    const char *id = mls_json_string(header, "kid");

    if (mls_json_each(header, is_unknown_member, NULL)) {
        return refuse(pool, "its header has more than alg, kid and typ");
    }
    if (!is(header, "alg", "ES256")) {
        return refuse(pool, "its algorithm is not ES256");
    }
    if (mls_json_has(header, "typ") && !is(header, "typ", "JWT")) {
        return refuse(pool, "its type is not JWT");
    }
    if (!id || strlen(id) > KEY_ID_MAX) {
        return refuse(pool, "it names no key");
    }
    for (size_t i = 0; keys && i < keys->count; i++) {
        if (strcmp(keys->id[i], id) == 0) {
            *out = keys->jwk[i];
            return NULL;
        }
    }
    *unknown_key = 1;
    return refuse(pool, "its key is not known");
}

static mls_err *check_signature(const char *token, size_t length,
                                const cjose_jwk_t *jwk, apr_pool_t *pool)
{
    cjose_err failure = { 0 };
    cjose_jws_t *jws = cjose_jws_import(token, length, &failure);
    const int good = jws && cjose_jws_verify(jws, jwk, &failure);

    cjose_jws_release(jws);
    return good ? NULL : refuse(pool, "its signature is wrong");
}

static mls_err *read_claims(mls_jwt_claims *out, const mls_json *json,
                            apr_pool_t *pool)
{
    const char *family = mls_json_string(json, "fam");

    out->audience = mls_json_string(json, "aud");
    out->name = mls_json_string(json, "sub");
    out->provider = mls_json_string(json, "prv");
    out->id = mls_json_string(json, "jti");
    if (!is(json, "iss", MLS_JWT_ISSUER)) {
        return refuse(pool, "its issuer is another");
    }
    if (!out->audience || !out->name || !*out->name || !out->provider
        || !*out->provider || !out->id || !family
        || !mls_hex_decode(out->family, MLS_JWT_FAMILY, family)
        || mls_json_need_int(&out->issued, json, "iat", pool)
        || mls_json_need_int(&out->not_before, json, "nbf", pool)
        || mls_json_need_int(&out->expires, json, "exp", pool)) {
        return refuse(pool, "a claim is missing or of a wrong type");
    }
    return NULL;
}

static mls_err *check_claims(const mls_jwt_claims *claims,
                             const char *audience, int64_t now,
                             apr_pool_t *pool)
{
    if (strcmp(claims->audience, audience) != 0) {
        return refuse(pool, "it is for another server's state");
    }
    if (now >= claims->expires) {
        return refuse(pool, "it has expired");
    }
    /* Subtracting from times of outside could overflow; `now` is ours. */
    if (claims->not_before > now + MLS_JWT_SKEW) {
        return refuse(pool, "it is not valid yet");
    }
    if (claims->issued > now + MLS_JWT_SKEW) {
        return refuse(pool, "it was issued in the future");
    }
    return NULL;
}

mls_err *mls_jwt_verify(mls_jwt_claims *out, int *unknown_key,
                        const mls_jwt_keys *keys, const char *token,
                        size_t length, const char *audience, int64_t now,
                        apr_pool_t *pool)
{
    const cjose_jwk_t *jwk = NULL;
    mls_json *header, *claims;
    size_t signature;
    int unknown = 0;
    parts p;

    if (unknown_key) {
        *unknown_key = 0;
    }
    if (length > MLS_JWT_MAX) {
        return refuse(pool, "it is too long");
    }
    if (!split(&p, token, length)) {
        return refuse(pool, "it does not have three parts");
    }
    MLS_TRY(decode_json(&header, &p, 0, pool));
    mls_err *err = key_of_header(&jwk, &unknown, header, keys, pool);
    if (unknown_key) {
        *unknown_key = unknown;
    }
    MLS_TRY(err);
    if (!mls_base64url_decode(&signature, p.text[2], p.length[2], pool)
        || signature != SIGNATURE) {
        return refuse(pool, "its signature is not of ES256");
    }
    MLS_TRY(check_signature(token, length, jwk, pool));
    MLS_TRY(decode_json(&claims, &p, 1, pool));
    MLS_TRY(read_claims(out, claims, pool));
    return check_claims(out, audience, now, pool);
}
