/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens: what is signed is accepted, and everything else is refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <cjose/cjose.h>

#include "auth/jwt.h"
#include "base/ident.h"
#include "base/json.h"

#define AUDIENCE "0f8fad5b-d9cb-469f-a165-70867728950e"
enum { NOW = 1700000000 };

typedef struct fixture {
    apr_pool_t *pool;
    mls_jwt_key *key;
    const char *private;
    mls_jwt_keys *keys;
    cjose_jwk_t *jwk;
} fixture;

static int setup(void **state)
{
    static fixture f;
    const char *set;

    apr_pool_create(&f.pool, NULL);
    assert_null(mls_jwt_key_make(&f.key, f.pool));
    assert_null(mls_jwt_key_private(&f.private, f.key, f.pool));
    assert_null(mls_jwt_key_set(&set, &f.key, 1, f.pool));
    assert_null(mls_jwt_keys_read(&f.keys, set, strlen(set), f.pool));
    f.jwk = cjose_jwk_import(f.private, strlen(f.private), NULL);
    assert_non_null(f.jwk);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;

    cjose_jwk_release(f->jwk);
    apr_pool_destroy(f->pool);
    return 0;
}

static mls_jwt_claims usual_claims(void)
{
    mls_jwt_claims claims = {
        .audience = AUDIENCE, .name = "ann", .provider = "file",
        .id = "1", .issued = NOW, .not_before = NOW, .expires = NOW + 3600
    };

    memset(claims.family, 0xab, sizeof(claims.family));
    return claims;
}

static mls_err *verify_at(fixture *f, const char *token, int64_t now)
{
    mls_jwt_claims claims;

    return mls_jwt_verify(&claims, NULL, f->keys, token, strlen(token),
                          AUDIENCE, now, f->pool);
}

static const char *sign(fixture *f, const mls_jwt_claims *claims)
{
    const char *token = NULL;

    assert_null(mls_jwt_sign(&token, f->key, claims, f->pool));
    return apr_pstrdup(f->pool, token);
}

static void test_what_is_signed_is_accepted(void **state)
{
    fixture *f = *state;
    const mls_jwt_claims claims = usual_claims();
    const char *token = sign(f, &claims);
    mls_jwt_claims got;
    int unknown = 7;

    assert_null(mls_jwt_verify(&got, &unknown, f->keys, token, strlen(token),
                               AUDIENCE, NOW, f->pool));
    assert_int_equal(unknown, 0);
    assert_string_equal(got.name, "ann");
    assert_string_equal(got.provider, "file");
    assert_string_equal(got.audience, AUDIENCE);
    assert_string_equal(got.id, "1");
    assert_memory_equal(got.family, claims.family, MLS_JWT_FAMILY);
    assert_int_equal(got.issued, NOW);
    assert_int_equal(got.expires, NOW + 3600);
}

static void test_a_key_read_again_signs_the_same(void **state)
{
    fixture *f = *state;
    const mls_jwt_claims claims = usual_claims();
    mls_jwt_key *again;
    const char *token;

    assert_null(mls_jwt_key_read(&again, f->private, strlen(f->private),
                                 f->pool));
    assert_string_equal(mls_jwt_key_id(again), mls_jwt_key_id(f->key));
    assert_null(mls_jwt_sign(&token, again, &claims, f->pool));
    assert_null(verify_at(f, token, NOW));
}

static const struct {
    const char *name;
    int64_t issued, not_before, expires, now;
    int accepted;
} times[] = {
    { "fresh", NOW, NOW, NOW + 10, NOW, 1 },
    { "last second", NOW, NOW, NOW + 10, NOW + 9, 1 },
    { "expired now", NOW, NOW, NOW + 10, NOW + 10, 0 },
    { "expired long ago", NOW, NOW, NOW + 10, NOW + 1000, 0 },
    { "clock 60 s behind", NOW, NOW, NOW + 100, NOW - 60, 1 },
    { "clock 61 s behind", NOW - 5, NOW, NOW + 100, NOW - 61, 0 },
    { "issued later than valid", NOW + 61, NOW, NOW + 100, NOW, 0 },
    { "expiry far below zero", NOW, NOW, INT64_MIN, NOW, 0 },
    { "not before far above", NOW, INT64_MAX, INT64_MAX, NOW, 0 },
};

static void test_times_are_kept(void **state)
{
    fixture *f = *state;

    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
        mls_jwt_claims claims = usual_claims();
        claims.issued = times[i].issued;
        claims.not_before = times[i].not_before;
        claims.expires = times[i].expires;
        const mls_err *err = verify_at(f, sign(f, &claims), times[i].now);
        if ((err == NULL) != times[i].accepted) {
            fail_msg("%s: %s", times[i].name, err ? err->message : "accepted");
        }
    }
}

/* A token of this key with any header and claims, signed well. */
static const char *forge(fixture *f, const char *header, const char *claims)
{
    cjose_err failure = { 0 };
    mls_json *json;

    assert_null(mls_json_parse(&json, header, strlen(header), f->pool));
    cjose_header_t *parsed = cjose_header_new(&failure);
    static const char *const texts[] = { "alg", "kid", "typ", "jku", "x5u",
                                         "zip", "extra" };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        const char *text = mls_json_string(json, texts[i]);
        if (text) {
            assert_true(cjose_header_set(parsed, texts[i], text, &failure));
        }
    }
    static const char *const raws[] = { "crit", "jwk", "x5c" };
    for (size_t i = 0; i < sizeof(raws) / sizeof(*raws); i++) {
        if (mls_json_has(json, raws[i])) {
            assert_true(cjose_header_set_raw(
                parsed, raws[i],
                mls_json_text(mls_json_get(json, raws[i]), f->pool),
                &failure));
        }
    }
    cjose_jws_t *jws = cjose_jws_sign(f->jwk, parsed,
                                      (const uint8_t *)claims,
                                      strlen(claims), &failure);
    assert_non_null(jws);
    const char *compact;
    assert_true(cjose_jws_export(jws, &compact, &failure));
    const char *token = apr_pstrdup(f->pool, compact);
    cjose_jws_release(jws);
    cjose_header_release(parsed);
    return token;
}

#define GOOD_CLAIMS                                                        \
    "{\"iss\":\"mlserver\",\"aud\":\"" AUDIENCE "\",\"sub\":\"ann\","      \
    "\"prv\":\"file\",\"fam\":\"00112233445566778899aabbccddeeff\","       \
    "\"iat\":1700000000,\"nbf\":1700000000,\"exp\":1700003600,"            \
    "\"jti\":\"1\"}"

/* %s is the key id. */
static const struct {
    const char *name, *header;
    int accepted;
} headers[] = {
    { "usual", "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"JWT\"}", 1 },
    { "without type", "{\"alg\":\"ES256\",\"kid\":\"%s\"}", 1 },
    { "another type", "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"at\"}", 0 },
    { "no key id", "{\"alg\":\"ES256\"}", 0 },
    { "wrong key id", "{\"alg\":\"ES256\",\"kid\":\"x%s\"}", 0 },
    { "crit", "{\"alg\":\"ES256\",\"kid\":\"%s\",\"crit\":[\"exp\"]}", 0 },
    { "embedded key", "{\"alg\":\"ES256\",\"kid\":\"%s\",\"jwk\":{}}", 0 },
    { "key by address",
      "{\"alg\":\"ES256\",\"kid\":\"%s\",\"jku\":\"https://a/\"}", 0 },
    { "certificate by address",
      "{\"alg\":\"ES256\",\"kid\":\"%s\",\"x5u\":\"https://a/\"}", 0 },
    { "certificates", "{\"alg\":\"ES256\",\"kid\":\"%s\",\"x5c\":[\"a\"]}",
      0 },
    { "compressed", "{\"alg\":\"ES256\",\"kid\":\"%s\",\"zip\":\"DEF\"}", 0 },
    { "unknown", "{\"alg\":\"ES256\",\"kid\":\"%s\",\"extra\":\"1\"}", 0 },
};

static void test_headers_are_allowed_by_list(void **state)
{
    fixture *f = *state;

    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
        const char *id = mls_jwt_key_id(f->key);
        const char *mark = strstr(headers[i].header, "%s");
        const char *header = headers[i].header;
        if (mark) {
            header = apr_pstrcat(
                f->pool,
                apr_pstrmemdup(f->pool, header, (apr_size_t)(mark - header)),
                id, mark + 2, NULL);
        }
        const mls_err *err = verify_at(f, forge(f, header, GOOD_CLAIMS), NOW);
        if ((err == NULL) != headers[i].accepted) {
            fail_msg("%s: %s", headers[i].name,
                     err ? err->message : "accepted");
        }
    }
}

/* Algorithms that the signature is not of: the header replaced in a token. */
static void test_other_algorithms_are_refused(void **state)
{
    static const char *const names[] = { "none", "None", "NONE", "HS256",
                                         "RS256", "PS256", "ES384", "ES512",
                                         "es256", "" };
    fixture *f = *state;
    const mls_jwt_claims claims = usual_claims();
    const char *token = sign(f, &claims);
    const char *rest = strchr(token, '.');
    const char *signature = strrchr(token, '.');

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const char *header = apr_psprintf(
            f->pool, "{\"alg\":\"%s\",\"kid\":\"%s\"}", names[i],
            mls_jwt_key_id(f->key));
        const char *first = mls_base64url(header, strlen(header), f->pool);
        assert_non_null(verify_at(f, apr_pstrcat(f->pool, first, rest, NULL),
                                  NOW));
        assert_non_null(verify_at(
            f, apr_pstrcat(f->pool, first,
                           apr_pstrmemdup(f->pool, rest,
                                          (apr_size_t)(signature - rest + 1)),
                           NULL), NOW));
    }
}

static const struct {
    const char *name, *from, *to;
} claims_changed[] = {
    { "another issuer", "\"mlserver\"", "\"other\"" },
    { "another audience", "0f8fad5b", "1f8fad5b" },
    { "audience in a list", "\"" AUDIENCE "\"", "[\"" AUDIENCE "\"]" },
    { "no subject", "\"sub\":\"ann\",", "" },
    { "empty subject", "\"ann\"", "\"\"" },
    { "subject a number", "\"ann\"", "1" },
    { "subject with a zero", "\"ann\"", "\"a\\u0000nn\"" },
    { "no provider", "\"prv\":\"file\",", "" },
    { "short family", "00112233445566778899aabbccddeeff", "0011" },
    { "family not hex", "00112233", "0011223x" },
    { "expiry a text", "\"exp\":1700003600", "\"exp\":\"1700003600\"" },
    { "expiry a fraction", "1700003600", "1700003600.5" },
    { "expiry beyond 64 bits", "1700003600", "99999999999999999999" },
    { "no expiry", "\"exp\":1700003600,", "" },
    { "no not-before", "\"nbf\":1700000000,", "" },
    { "no issue time", "\"iat\":1700000000,", "" },
    { "no id", ",\"jti\":\"1\"", "" },
    { "subject twice", "\"sub\":\"ann\",", "\"sub\":\"ann\",\"sub\":\"bo\"," },
    { "not an object", GOOD_CLAIMS, "[1]" },
    { "not JSON", GOOD_CLAIMS, "{" },
};

static void test_claims_must_be_right(void **state)
{
    fixture *f = *state;
    const char *header = apr_psprintf(f->pool,
                                      "{\"alg\":\"ES256\",\"kid\":\"%s\"}",
                                      mls_jwt_key_id(f->key));

    assert_null(verify_at(f, forge(f, header, GOOD_CLAIMS), NOW));
    for (size_t i = 0; i < sizeof(claims_changed) / sizeof(*claims_changed);
         i++) {
        const char *from = claims_changed[i].from;
        const char *at = strstr(GOOD_CLAIMS, from);
        assert_non_null(at);
        const char *claims = apr_pstrcat(
            f->pool,
            apr_pstrmemdup(f->pool, GOOD_CLAIMS,
                           (apr_size_t)(at - GOOD_CLAIMS)),
            claims_changed[i].to, at + strlen(from), NULL);
        if (!verify_at(f, forge(f, header, claims), NOW)) {
            fail_msg("%s: accepted", claims_changed[i].name);
        }
    }
}

static void test_every_changed_character_is_refused(void **state)
{
    fixture *f = *state;
    const mls_jwt_claims claims = usual_claims();
    char *token = apr_pstrdup(f->pool, sign(f, &claims));
    const size_t length = strlen(token);

    for (size_t i = 0; i < length; i++) {
        const char was = token[i];
        token[i] = was == 'A' ? 'B' : 'A';
        assert_non_null(verify_at(f, token, NOW));
        token[i] = '\0';
        assert_non_null(verify_at(f, token, NOW)); /* truncated here */
        token[i] = was;
    }
    assert_null(verify_at(f, token, NOW));
    assert_non_null(verify_at(f, apr_pstrcat(f->pool, token, "=", NULL),
                              NOW));
    assert_non_null(verify_at(f, apr_pstrcat(f->pool, token, ".", NULL),
                              NOW));
    assert_non_null(verify_at(f, apr_pstrcat(f->pool, token, ".AA", NULL),
                              NOW));
}

static void test_an_unknown_key_is_told(void **state)
{
    fixture *f = *state;
    const mls_jwt_claims claims = usual_claims();
    mls_jwt_key *other;
    mls_jwt_claims got;
    const char *token;
    int unknown = 0;

    assert_null(mls_jwt_key_make(&other, f->pool));
    assert_null(mls_jwt_sign(&token, other, &claims, f->pool));
    const mls_err *err = mls_jwt_verify(&got, &unknown, f->keys, token,
                                        strlen(token), AUDIENCE, NOW,
                                        f->pool);
    assert_non_null(err);
    assert_int_equal(err->code, MLS_EUNAUTHORIZED);
    assert_int_equal(unknown, 1);
    assert_non_null(mls_jwt_verify(&got, &unknown, NULL, token, strlen(token),
                                   AUDIENCE, NOW, f->pool));
    assert_int_equal(unknown, 1);
}

static void test_key_sets_must_be_public_and_distinct(void **state)
{
    fixture *f = *state;
    mls_jwt_key *pair[2];
    mls_jwt_keys *keys;
    const char *set;

    pair[0] = f->key;
    assert_null(mls_jwt_key_make(&pair[1], f->pool));
    assert_null(mls_jwt_key_set(&set, pair, 2, f->pool));
    assert_null(strstr(set, "\"d\""));
    assert_null(mls_jwt_keys_read(&keys, set, strlen(set), f->pool));
    pair[1] = f->key; /* written once */
    assert_null(mls_jwt_key_set(&set, pair, 2, f->pool));
    assert_null(mls_jwt_keys_read(&keys, set, strlen(set), f->pool));
    const char *one = apr_pstrmemdup(f->pool, set + 9, strlen(set) - 11);
    set = apr_psprintf(f->pool, "{\"keys\":[%s,%s]}", one, one);
    assert_non_null(mls_jwt_keys_read(&keys, set, strlen(set), f->pool));
    set = apr_psprintf(f->pool, "{\"keys\":[%s]}", one);
    assert_null(mls_jwt_keys_read(&keys, set, strlen(set), f->pool));
    set = apr_psprintf(f->pool, "{\"keys\":[%s]}", f->private);
    assert_non_null(mls_jwt_keys_read(&keys, set, strlen(set), f->pool));

    mls_jwt_key *many[MLS_JWT_KEYS_MAX + 1];
    for (int i = 0; i <= MLS_JWT_KEYS_MAX; i++) {
        assert_null(mls_jwt_key_make(&many[i], f->pool));
    }
    assert_null(mls_jwt_key_set(&set, many, MLS_JWT_KEYS_MAX, f->pool));
    assert_true(strlen(set) < 64 * 1024); /* what a child reads */
    assert_null(mls_jwt_keys_read(&keys, set, strlen(set), f->pool));
    assert_null(mls_jwt_key_set(&set, many, MLS_JWT_KEYS_MAX + 1, f->pool));
    assert_non_null(mls_jwt_keys_read(&keys, set, strlen(set), f->pool));

    static const char *const wrong[] = {
        "", "[]", "{}", "{\"keys\":[]}", "{\"keys\":[{}]}", "{\"keys\":1}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\",\"kid\":\"a\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"a\","
        "\"x\":\"AA\",\"y\":\"AA\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\",\"kid\":\"a\"}]}",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        assert_non_null(mls_jwt_keys_read(&keys, wrong[i], strlen(wrong[i]),
                                          f->pool));
    }
    mls_jwt_key *key;
    assert_non_null(mls_jwt_key_read(&key, "{}", 2, f->pool));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_signed_is_accepted),
        cmocka_unit_test(test_a_key_read_again_signs_the_same),
        cmocka_unit_test(test_times_are_kept),
        cmocka_unit_test(test_headers_are_allowed_by_list),
        cmocka_unit_test(test_other_algorithms_are_refused),
        cmocka_unit_test(test_claims_must_be_right),
        cmocka_unit_test(test_every_changed_character_is_refused),
        cmocka_unit_test(test_an_unknown_key_is_told),
        cmocka_unit_test(test_key_sets_must_be_public_and_distinct),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, setup, teardown);
}
