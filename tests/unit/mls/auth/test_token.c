/* SPDX-License-Identifier: Apache-2.0 */
/* Verified, remembered, expired, revoked: tokens as a child sees them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "auth/jwt.h"
#include "auth/token.h"

#define STATE_ID "0f8fad5b-d9cb-469f-a165-70867728950e"

typedef struct fixture {
    apr_pool_t *pool;
    char folder[64];
    const char *index_path, *keys_path;
    mls_epochs *epochs;
    mls_index_writer *writer;
    mls_index *index;
    mls_jwt_key *key;
    int64_t now;
} fixture;

static void write_keys(fixture *f, mls_jwt_key *const *keys, size_t count)
{
    const char *set, *temporary = apr_pstrcat(f->pool, f->keys_path, ".new",
                                              NULL);

    assert_null(mls_jwt_key_set(&set, keys, count, f->pool));
    FILE *file = fopen(temporary, "w");
    assert_non_null(file);
    assert_true(fputs(set, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(temporary, f->keys_path), 0);
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    int rebuild = 0;

    strcpy(f->folder, "/tmp/mls-token-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    apr_pool_create(&f->pool, NULL);
    f->index_path = apr_pstrcat(f->pool, f->folder, "/index", NULL);
    f->keys_path = apr_pstrcat(f->pool, f->folder, "/keys.jwks", NULL);
    f->now = (int64_t)time(NULL);
    assert_null(mls_epochs_create(&f->epochs, 4, f->pool));
    assert_null(mls_index_writer_open(&f->writer, f->index_path, STATE_ID, 0,
                                      &rebuild, f->pool));
    assert_null(mls_index_writer_commit_rebuild(f->writer, 0, f->pool));
    assert_null(mls_index_open(&f->index, f->index_path, f->epochs, f->pool));
    assert_null(mls_jwt_key_make(&f->key, f->pool));
    write_keys(f, &f->key, 1);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", f->folder);
    apr_pool_destroy(f->pool);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static mls_token_verifier *verifier_with(fixture *f, unsigned slots)
{
    mls_token_verifier *verifier = NULL;

    assert_null(mls_token_verifier_create(&verifier, f->keys_path, f->index,
                                          slots, f->pool));
    return verifier;
}

static const char *sign_with(fixture *f, const mls_jwt_key *key,
                             const char *name, int family, int64_t lifetime)
{
    mls_jwt_claims claims = {
        .audience = STATE_ID, .name = name, .provider = "file", .id = "1",
        .issued = f->now, .not_before = f->now, .expires = f->now + lifetime
    };
    const char *token = NULL;

    memset(claims.family, family, sizeof(claims.family));
    assert_null(mls_jwt_sign(&token, key, &claims, f->pool));
    return token;
}

static const char *sign(fixture *f, const char *name, int family)
{
    return sign_with(f, f->key, name, family, 3600);
}

/* 0 or the error's code. */
static int verify_at(fixture *f, mls_token_verifier *verifier,
                     const char *token, int64_t now, mls_identity *identity)
{
    const int ticket = mls_epoch_enter(f->epochs);
    const mls_err *err = mls_token_verify(identity, verifier, token,
                                          strlen(token), now, f->pool);

    mls_epoch_leave(f->epochs, ticket);
    return err ? err->code : 0;
}

static int verify(fixture *f, mls_token_verifier *verifier, const char *token)
{
    mls_identity identity;

    return verify_at(f, verifier, token, f->now, &identity);
}

static const unsigned memories[] = { 0, 1, 64 };
enum { MEMORIES = sizeof(memories) / sizeof(*memories) };

static void test_a_token_says_the_same_each_time(void **state)
{
    fixture *f = *state;

    for (int m = 0; m < MEMORIES; m++) {
        mls_token_verifier *verifier = verifier_with(f, memories[m]);
        const char *token = sign(f, "J\xc3\xb6rg", 5);
        for (int i = 0; i < 3; i++) {
            mls_identity who;
            memset(&who, 0, sizeof(who));
            assert_int_equal(verify_at(f, verifier, token, f->now, &who), 0);
            assert_string_equal(who.subject.provider, "file");
            assert_string_equal(who.subject.name, "J\xc3\xb6rg");
            assert_int_equal(who.family[0], 5);
            assert_int_equal(who.family[15], 5);
            assert_int_equal(who.issued, f->now);
            assert_int_equal(who.expires, f->now + 3600);
        }
    }
}

static void test_a_remembered_token_needs_no_keys(void **state)
{
    fixture *f = *state;
    mls_token_verifier *with = verifier_with(f, 64);
    mls_token_verifier *without = verifier_with(f, 0);
    const char *token = sign(f, "ann", 1);
    mls_jwt_key *other;

    assert_int_equal(verify(f, with, token), 0);
    assert_int_equal(verify(f, without, token), 0);
    /* The key is withdrawn, and both are made to read the file. */
    assert_null(mls_jwt_key_make(&other, f->pool));
    write_keys(f, &other, 1);
    const char *newer = sign_with(f, other, "bob", 2, 3600);
    assert_int_equal(verify(f, with, newer), 0);
    assert_int_equal(verify(f, without, newer), 0);
    assert_int_equal(verify(f, with, token), 0);
    assert_int_equal(verify(f, without, token), MLS_EUNAUTHORIZED);
}

static void test_a_changed_token_is_not_the_remembered_one(void **state)
{
    fixture *f = *state;
    mls_token_verifier *verifier = verifier_with(f, 64);
    char *token = apr_pstrdup(f->pool, sign(f, "ann", 1));
    const size_t length = strlen(token);

    assert_int_equal(verify(f, verifier, token), 0);
    for (size_t i = 0; i < length; i++) {
        const char was = token[i];
        token[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(verify(f, verifier, token), MLS_EUNAUTHORIZED);
        token[i] = was;
    }
    assert_int_equal(verify(f, verifier, token), 0);
}

static void test_expiry_is_looked_at_each_time(void **state)
{
    fixture *f = *state;

    for (int m = 0; m < MEMORIES; m++) {
        mls_token_verifier *verifier = verifier_with(f, memories[m]);
        const char *token = sign_with(f, f->key, "ann", 1, 10);
        mls_identity who;
        assert_int_equal(verify_at(f, verifier, token, f->now, &who), 0);
        assert_int_equal(verify_at(f, verifier, token, f->now + 9, &who), 0);
        assert_int_equal(verify_at(f, verifier, token, f->now + 10, &who),
                         MLS_EUNAUTHORIZED);
    }
}

static void test_revocation_is_looked_at_each_time(void **state)
{
    fixture *f = *state;
    unsigned char family[MLS_INDEX_FAMILY];
    mls_token_verifier *verifiers[MEMORIES];
    const char *family_1 = sign(f, "ann", 1);
    const char *family_2 = sign(f, "ann", 2);
    const char *of_bob = sign(f, "bob", 3);

    for (int m = 0; m < MEMORIES; m++) {
        verifiers[m] = verifier_with(f, memories[m]);
        assert_int_equal(verify(f, verifiers[m], family_1), 0);
        assert_int_equal(verify(f, verifiers[m], family_2), 0);
        assert_int_equal(verify(f, verifiers[m], of_bob), 0);
    }
    memset(family, 1, sizeof(family));
    assert_null(mls_index_writer_revoke_family(f->writer, family,
                                               f->now + 3600, f->pool));
    for (int m = 0; m < MEMORIES; m++) {
        assert_int_equal(verify(f, verifiers[m], family_1),
                         MLS_EUNAUTHORIZED);
        assert_int_equal(verify(f, verifiers[m], family_2), 0);
    }
    assert_null(mls_index_writer_revoke_subject(
        f->writer, "file", "ann", f->now + 1, f->now + 3600, f->pool));
    for (int m = 0; m < MEMORIES; m++) {
        assert_int_equal(verify(f, verifiers[m], family_2),
                         MLS_EUNAUTHORIZED);
        assert_int_equal(verify(f, verifiers[m], of_bob), 0);
    }
}

/* A new index with another hash key: subjects' hashes of before say nothing,
 * and the revocation must hold all the same. */
static void test_revocation_holds_when_the_index_is_made_anew(void **state)
{
    fixture *f = *state;
    mls_token_verifier *verifier = verifier_with(f, 64);
    const char *token = sign(f, "ann", 1);
    mls_index_writer *writer = NULL;
    int rebuild = 0;

    assert_int_equal(verify(f, verifier, token), 0);
    const uint64_t key_id = mls_index_key_id(f->index);
    /* Its header is damaged, so the next writer cannot know the hash key. */
    FILE *file = fopen(f->index_path, "r+");
    assert_non_null(file);
    assert_int_equal(fputc('?', file), '?');
    assert_int_equal(fclose(file), 0);
    assert_null(mls_index_writer_open(&writer, f->index_path, STATE_ID, 0,
                                      &rebuild, f->pool));
    assert_int_equal(rebuild, 1);
    assert_null(mls_index_writer_begin_rebuild(writer, f->pool));
    assert_null(mls_index_writer_revoke_subject(
        writer, "file", "ann", f->now + 1, f->now + 3600, f->pool));
    assert_null(mls_index_writer_commit_rebuild(writer, 1, f->pool));
    assert_int_not_equal(mls_index_key_id(f->index), key_id);
    assert_int_equal(verify(f, verifier, token), MLS_EUNAUTHORIZED);
    assert_int_equal(verify(f, verifier, sign(f, "bob", 1)), 0);
}

static void test_a_new_key_is_noticed(void **state)
{
    fixture *f = *state;
    mls_token_verifier *verifier = verifier_with(f, 0);
    mls_jwt_key *keys[2] = { f->key };

    assert_int_equal(verify(f, verifier, sign(f, "ann", 1)), 0);
    for (int i = 0; i < 5; i++) {
        assert_null(mls_jwt_key_make(&keys[1], f->pool));
        const char *token = sign_with(f, keys[1], "ann", 1, 3600);
        assert_int_equal(verify(f, verifier, token), MLS_EUNAUTHORIZED);
        write_keys(f, keys, 2);
        assert_int_equal(verify(f, verifier, token), 0);
    }
}

static void test_without_keys_it_is_the_server_that_is_not_ready(void **state)
{
    fixture *f = *state;
    const char *token = sign(f, "ann", 1);

    unlink(f->keys_path);
    mls_token_verifier *verifier = verifier_with(f, 16);
    assert_int_equal(verify(f, verifier, token), MLS_EUNAVAILABLE);
    assert_int_equal(verify(f, verifier, "a.b.c"), MLS_EUNAUTHORIZED);
    FILE *file = fopen(f->keys_path, "w");
    assert_non_null(file);
    assert_true(fputs("{\"keys\":[", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(verify(f, verifier, token), MLS_EUNAVAILABLE);
    write_keys(f, &f->key, 1);
    assert_int_equal(verify(f, verifier, token), 0);
    /* A damaged file later does not take the keys away. */
    file = fopen(f->keys_path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(verify(f, verifier, sign(f, "bob", 1)), 0);
    mls_jwt_key *other;
    assert_null(mls_jwt_key_make(&other, f->pool));
    assert_int_equal(verify(f, verifier, sign_with(f, other, "a", 1, 9)),
                     MLS_EUNAUTHORIZED);
}

static void test_a_token_of_another_state_is_refused(void **state)
{
    fixture *f = *state;
    mls_jwt_claims claims = {
        .audience = "3f2504e0-4f89-11d3-9a0c-0305e82c3301", .name = "ann",
        .provider = "file", .id = "1", .issued = f->now,
        .not_before = f->now, .expires = f->now + 100
    };
    const char *token = NULL;

    assert_null(mls_jwt_sign(&token, f->key, &claims, f->pool));
    assert_int_equal(verify(f, verifier_with(f, 16), token),
                     MLS_EUNAUTHORIZED);
}

static void test_names_too_long_to_remember_still_work(void **state)
{
    fixture *f = *state;
    mls_token_verifier *verifier = verifier_with(f, 16);
    static const size_t lengths[] = { 200, 400, 505, 506, 507, 900, 2000 };

    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        char *name = apr_palloc(f->pool, lengths[i] + 1);
        mls_identity who;
        memset(name, 'n', lengths[i]);
        name[lengths[i]] = '\0';
        const char *token = sign(f, name, 1);
        for (int j = 0; j < 2; j++) {
            assert_int_equal(verify_at(f, verifier, token, f->now, &who), 0);
            assert_string_equal(who.subject.name, name);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_token_says_the_same_each_time),
        TEST(test_a_remembered_token_needs_no_keys),
        TEST(test_a_changed_token_is_not_the_remembered_one),
        TEST(test_expiry_is_looked_at_each_time),
        TEST(test_revocation_is_looked_at_each_time),
        TEST(test_revocation_holds_when_the_index_is_made_anew),
        TEST(test_a_new_key_is_noticed),
        TEST(test_without_keys_it_is_the_server_that_is_not_ready),
        TEST(test_a_token_of_another_state_is_refused),
        TEST(test_names_too_long_to_remember_still_work),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
