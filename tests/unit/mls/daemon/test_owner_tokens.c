/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens under a clock that the test turns: rotation, grace, theft, lifetimes,
 * revocation. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "daemon/owner_private.h"
#include "registry/bdb/tables.h"

#define STATE_ID "0f8fad5b-d9cb-469f-a165-70867728950e"
#define START (1700000000 * (apr_time_t)APR_USEC_PER_SEC)

enum { ACCESS = 3600, IDLE = 86400, MAXIMUM = 10 * 86400 };

struct fixture {
    apr_pool_t *pool;
    char folder[64];
    mls_owner owner;
    mls_paths paths;
    mls_jwt_keys *public_keys;
    apr_time_t now;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    mls_jwt_key *signing;
    const char *jwks;

    apr_pool_create(&f->pool, NULL);
    strcpy(f->folder, "/tmp/mls-tokens-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    mls_paths_make(&f->paths, f->folder, f->folder, f->pool);
    assert_int_equal(mkdir(f->paths.registry, 0700), 0);
    assert_int_equal(mkdir(f->paths.keys, 0700), 0);
    assert_null(mls_bdb_open(&f->owner.bdb, f->paths.registry, NULL, NULL,
                             f->pool));
    assert_null(mls_keys_open(&f->owner.keys, &f->paths, f->pool));
    signing = (mls_jwt_key *)mls_keys_signing(f->owner.keys);
    assert_null(mls_jwt_key_set(&jwks, &signing, 1, f->pool));
    assert_null(mls_jwt_keys_read(&f->public_keys, jwks, strlen(jwks),
                                  f->pool));
    f->owner.state_id = STATE_ID;
    f->now = START;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];

    assert_null(mls_bdb_close(f->owner.bdb, f->pool));
    apr_snprintf(command, sizeof(command), "rm -rf %s", f->folder);
    assert_int_equal(system(command), 0);
    apr_pool_destroy(f->pool);
    free(f);
    return 0;
}

/* ---- calling operations as the writer does, at f->now ---- */

struct run {
    mls_call call;
    mls_op_run op;
};

static mls_err *run_body(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    struct run *run = baton;

    run->call.answer = mls_json_object(pool);
    run->call.flips = apr_array_make(pool, 2, sizeof(mls_flip));
    run->call.refusal = NULL;
    return run->op(&run->call, txn, pool);
}

static mls_err *call(struct fixture *f, mls_call *out, const char *op,
                     mls_json *request)
{
    const mls_op *found = mls_op_find(op);
    struct run run = { .call = { .owner = &f->owner, .request = request,
                                 .now = f->now },
                       .op = found->run };

    mls_err *err = mls_bdb_write(f->owner.bdb, run_body, &run, f->pool);
    if (!err && !run.call.refusal && found->finish) {
        err = found->finish(&run.call, f->pool);
    }
    *out = run.call;
    return err ? err : run.call.refusal;
}

static mls_json *with_lifetimes(struct fixture *f)
{
    mls_json *request = mls_json_object(f->pool);

    mls_json_set_int(request, "accessLifetime", ACCESS);
    mls_json_set_int(request, "refreshIdle", IDLE);
    mls_json_set_int(request, "refreshMaximum", MAXIMUM);
    return request;
}

static mls_json *subject_of(struct fixture *f, const char *name)
{
    const mls_subject subject = { "file", name };

    return mls_subject_to_json(&subject, f->pool);
}

static const char *issue(struct fixture *f, const char *name, mls_call *out)
{
    mls_json *request = with_lifetimes(f);

    mls_json_set(request, "subject", subject_of(f, name));
    assert_null(call(f, out, "token.issue", request));
    return mls_json_string(out->answer, "refresh");
}

static mls_err *refresh(struct fixture *f, const char *token, mls_call *out)
{
    mls_json *request = with_lifetimes(f);

    mls_json_set_string(request, "refresh", token);
    return call(f, out, "token.refresh", request);
}

static const char *next_of(struct fixture *f, const char *token)
{
    mls_call out;
    mls_err *err = refresh(f, token, &out);

    if (err) {
        fail_msg("%s", mls_err_text(err, f->pool));
    }
    return mls_json_string(out.answer, "refresh");
}

static void assert_refused(struct fixture *f, const char *token)
{
    mls_call out;
    const mls_err *err = refresh(f, token, &out);

    assert_non_null(err);
    assert_int_equal(err->code, MLS_EUNAUTHORIZED);
}

static mls_jwt_claims verified(struct fixture *f, const mls_call *out)
{
    const char *access = mls_json_string(out->answer, "access");
    mls_jwt_claims claims;

    const mls_err *err = mls_jwt_verify(&claims, NULL, f->public_keys, access,
                                        strlen(access), STATE_ID,
                                        apr_time_sec(f->now), f->pool);
    if (err) {
        fail_msg("%s", mls_err_text(err, f->pool));
    }
    return claims;
}

static void pass(struct fixture *f, int64_t seconds)
{
    f->now += apr_time_from_sec(seconds);
}

/* ---- tests ---- */

static void test_a_login_gives_a_valid_access_token(void **state)
{
    struct fixture *f = *state;
    mls_call out;

    issue(f, "alice", &out);
    const mls_jwt_claims claims = verified(f, &out);
    assert_string_equal(claims.name, "alice");
    assert_string_equal(claims.provider, "file");
    assert_int_equal(claims.issued, apr_time_sec(f->now));
    assert_int_equal(claims.expires, apr_time_sec(f->now) + ACCESS);
    assert_int_equal(mls_json_int(out.answer, "expires", 0),
                     apr_time_from_sec(claims.expires));
}

static void test_rotation_keeps_the_family(void **state)
{
    struct fixture *f = *state;
    mls_call first, second;

    const char *token = issue(f, "alice", &first);
    pass(f, 1000);
    assert_null(refresh(f, token, &second));
    assert_string_not_equal(mls_json_string(second.answer, "refresh"), token);
    assert_memory_equal(verified(f, &first).family,
                        verified(f, &second).family, MLS_JWT_FAMILY);
    assert_int_equal(second.flips->nelts, 0);
}

static void test_repeated_within_grace_it_is_the_same_successor(void **state)
{
    struct fixture *f = *state;
    mls_call out;

    const char *token = issue(f, "alice", &out);
    const char *next = next_of(f, token);
    pass(f, 15);
    assert_string_equal(next_of(f, token), next);
    pass(f, 15);
    assert_string_equal(next_of(f, token), next);
    /* the successor goes on as if nothing had been */
    const char *third = next_of(f, next);
    assert_string_equal(next_of(f, next), third);
    next_of(f, third);
}

static void test_a_repeat_is_no_use_that_extends_grace(void **state)
{
    struct fixture *f = *state;
    mls_call out;

    const char *token = issue(f, "alice", &out);
    next_of(f, token);
    pass(f, 20);
    next_of(f, token);
    pass(f, 20);
    assert_refused(f, token);
}

static void test_a_late_repeat_is_theft_and_ends_the_family(void **state)
{
    struct fixture *f = *state;
    mls_call out;

    const char *token = issue(f, "alice", &out);
    const mls_jwt_claims claims = verified(f, &out);
    const char *next = next_of(f, token);
    pass(f, 31);
    assert_int_equal(refresh(f, token, &out)->code, MLS_EUNAUTHORIZED);
    assert_int_equal(out.flips->nelts, 1);
    const mls_flip *flip = &APR_ARRAY_IDX(out.flips, 0, mls_flip);
    assert_int_equal(flip->kind, MLS_FLIP_FAMILY);
    assert_memory_equal(flip->family, claims.family, MLS_JWT_FAMILY);
    assert_true(flip->expires >= claims.expires);
    assert_refused(f, next); /* whoever has it: the thief or the victim */
}

static void test_an_ancestor_is_theft_as_well(void **state)
{
    struct fixture *f = *state;
    mls_call out;

    const char *token = issue(f, "alice", &out), *newest = token;
    for (int i = 0; i < 5; i++) {
        pass(f, 100);
        newest = next_of(f, newest);
    }
    assert_refused(f, token);
    assert_refused(f, newest);
}

static void test_another_family_is_not_touched_by_theft(void **state)
{
    struct fixture *f = *state;
    mls_call out;

    const char *stolen = issue(f, "alice", &out);
    const char *other = issue(f, "alice", &out);
    next_of(f, stolen);
    pass(f, 100);
    assert_refused(f, stolen);
    next_of(f, other);
}

static void test_unused_tokens_expire(void **state)
{
    struct fixture *f = *state;
    mls_call out;

    const char *early = issue(f, "alice", &out);
    const char *late = issue(f, "alice", &out);
    pass(f, IDLE - 1);
    next_of(f, early);
    pass(f, 2);
    assert_refused(f, late);
}

static void test_use_does_not_extend_a_family_for_ever(void **state)
{
    struct fixture *f = *state;
    mls_call out;
    int days = 0;

    const char *token = issue(f, "alice", &out);
    const apr_time_t end = f->now + apr_time_from_sec(MAXIMUM);
    for (;;) {
        pass(f, IDLE / 2);
        if (f->now >= end) {
            break;
        }
        token = next_of(f, token);
        days++;
    }
    assert_int_equal(days, 2 * MAXIMUM / IDLE - 1);
    assert_refused(f, token);
}

static void test_a_logout_ends_the_family(void **state)
{
    struct fixture *f = *state;
    mls_json *request = mls_json_object(f->pool);
    mls_call out;

    const char *token = issue(f, "alice", &out);
    const char *next = next_of(f, token);
    mls_json_set_string(request, "refresh", next);
    assert_null(call(f, &out, "token.revoke", request));
    assert_int_equal(out.flips->nelts, 1);
    assert_refused(f, next);
    assert_refused(f, token);
}

static const char *const wrong_tokens[] = {
    "", "abc", "!!!!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
};

static void test_unknown_tokens_are_refused(void **state)
{
    struct fixture *f = *state;
    mls_call out;

    for (size_t i = 0; i < sizeof(wrong_tokens) / sizeof(*wrong_tokens);
         i++) {
        assert_refused(f, wrong_tokens[i]);
        mls_json *request = mls_json_object(f->pool);
        mls_json_set_string(request, "refresh", wrong_tokens[i]);
        const mls_err *err = call(f, &out, "token.revoke", request);
        assert_int_equal(err->code, MLS_ENOTFOUND);
    }
}

static void revoke_subject(struct fixture *f, const char *name, mls_call *out)
{
    mls_json *request = mls_json_object(f->pool);

    mls_json_set(request, "subject", subject_of(f, name));
    assert_null(call(f, out, "subject.revoke", request));
}

static void test_revoking_a_subject_ends_all_it_has(void **state)
{
    struct fixture *f = *state;
    mls_call out;

    const char *first = issue(f, "alice", &out);
    const char *second = issue(f, "alice", &out);
    const char *bobs = issue(f, "bob", &out);
    pass(f, 5);
    revoke_subject(f, "alice", &out);
    assert_int_equal(out.flips->nelts, 1);
    assert_refused(f, first);
    assert_refused(f, second);
    next_of(f, bobs);
}

/* The index refuses what was issued before not_before; seconds are coarse, so
 * the old token of the same second must fall and the new one must not. */
static void test_a_login_in_the_second_of_a_revocation_works(void **state)
{
    struct fixture *f = *state;
    mls_call old, out, fresh;

    issue(f, "alice", &old);
    f->now += 1000;
    revoke_subject(f, "alice", &out);
    const int64_t not_before =
        APR_ARRAY_IDX(out.flips, 0, mls_flip).not_before;
    f->now += 1000;
    const char *token = issue(f, "alice", &fresh);
    assert_true(verified(f, &old).issued < not_before);
    assert_true(verified(f, &fresh).issued >= not_before);
    next_of(f, token);
}

static void test_revocations_in_one_second_each_end_what_was_before(
    void **state)
{
    struct fixture *f = *state;
    mls_call out, fresh;
    int64_t last = 0;

    for (int i = 0; i < 20; i++) {
        issue(f, "alice", &fresh);
        f->now += 10;
        revoke_subject(f, "alice", &out);
        const int64_t not_before =
            APR_ARRAY_IDX(out.flips, 0, mls_flip).not_before;
        f->now += 10;
        assert_true(verified(f, &fresh).issued < not_before);
        assert_true(not_before > last);
        last = not_before;
    }
    next_of(f, issue(f, "alice", &fresh));
    assert_true(verified(f, &fresh).issued >= last);
}

static void test_endless_revocations_do_not_reach_the_future(void **state)
{
    struct fixture *f = *state;
    mls_json *request = mls_json_object(f->pool);
    mls_err *err = NULL;
    mls_call out;

    mls_json_set(request, "subject", subject_of(f, "alice"));
    for (int i = 0; i < 100 && !err; i++) {
        err = call(f, &out, "subject.revoke", request);
    }
    assert_non_null(err);
    assert_int_equal(err->code, MLS_EBUSY);
    pass(f, 1);
    revoke_subject(f, "alice", &out);
    f->now += 10;
    next_of(f, issue(f, "alice", &out));
}

static void test_a_successor_is_the_same_after_a_restart(void **state)
{
    struct fixture *f = *state;
    mls_call out;

    const char *token = issue(f, "alice", &out);
    const char *next = next_of(f, token);
    assert_null(mls_keys_open(&f->owner.keys, &f->paths, f->pool));
    pass(f, 5);
    assert_string_equal(next_of(f, token), next);
}

static const struct { const char *key; int64_t value; } wrong_lifetimes[] = {
    { "accessLifetime", 0 }, { "accessLifetime", -1 },
    { "refreshIdle", 0 }, { "refreshMaximum", INT64_MAX },
};

static void test_wrong_lifetimes_are_refused(void **state)
{
    struct fixture *f = *state;
    mls_call out;

    for (size_t i = 0;
         i < sizeof(wrong_lifetimes) / sizeof(*wrong_lifetimes); i++) {
        mls_json *request = with_lifetimes(f);
        mls_json_set(request, "subject", subject_of(f, "alice"));
        mls_json_set_int(request, wrong_lifetimes[i].key,
                         wrong_lifetimes[i].value);
        const mls_err *err = call(f, &out, "token.issue", request);
        assert_non_null(err);
        assert_int_equal(err->code, MLS_EINVALID);
    }
}

static mls_err *sweep_body(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    const struct fixture *f = baton;
    const char *from = NULL;
    int removed;

    return mls_tokens_table_sweep(&from, &removed, txn, f->now, 1000, pool);
}

static mls_err *count_body(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    mls_call *list = baton;

    list->answer = mls_json_object(pool);
    return mls_op_token_list(list, txn, pool);
}

static size_t listed(struct fixture *f)
{
    mls_call list = { .owner = &f->owner, .now = f->now,
                      .request = mls_json_object(f->pool) };

    assert_null(mls_bdb_read(f->owner.bdb, count_body, &list, f->pool));
    return mls_json_length(mls_json_get(list.answer, "families"));
}

static void test_a_sweep_takes_only_what_is_over(void **state)
{
    struct fixture *f = *state;
    mls_call out;

    const char *used = issue(f, "alice", &out);
    issue(f, "bob", &out);
    pass(f, IDLE - 10);
    used = next_of(f, used);
    pass(f, 20);
    assert_null(mls_bdb_write(f->owner.bdb, sweep_body, f, f->pool));
    assert_int_equal(listed(f), 1);
    used = next_of(f, used);
    pass(f, MAXIMUM);
    assert_null(mls_bdb_write(f->owner.bdb, sweep_body, f, f->pool));
    assert_int_equal(listed(f), 0);
    assert_refused(f, used);
}

static void test_no_refresh_token_is_stored(void **state)
{
    struct fixture *f = *state;
    char command[256];
    mls_call out;

    const char *token = issue(f, "alice", &out);
    const char *next = next_of(f, token);
    assert_null(mls_bdb_checkpoint(f->owner.bdb, 0, f->pool));
    assert_null(mls_bdb_flush(f->owner.bdb, f->pool));
    apr_snprintf(command, sizeof(command), "grep -raqF -e '%s' -e '%s' %s",
                 token, next, f->folder);
    assert_int_not_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_a_login_gives_a_valid_access_token),
        TEST(test_rotation_keeps_the_family),
        TEST(test_repeated_within_grace_it_is_the_same_successor),
        TEST(test_a_repeat_is_no_use_that_extends_grace),
        TEST(test_a_late_repeat_is_theft_and_ends_the_family),
        TEST(test_an_ancestor_is_theft_as_well),
        TEST(test_another_family_is_not_touched_by_theft),
        TEST(test_unused_tokens_expire),
        TEST(test_use_does_not_extend_a_family_for_ever),
        TEST(test_a_logout_ends_the_family),
        TEST(test_unknown_tokens_are_refused),
        TEST(test_revoking_a_subject_ends_all_it_has),
        TEST(test_a_login_in_the_second_of_a_revocation_works),
        TEST(test_revocations_in_one_second_each_end_what_was_before),
        TEST(test_endless_revocations_do_not_reach_the_future),
        TEST(test_a_successor_is_the_same_after_a_restart),
        TEST(test_wrong_lifetimes_are_refused),
        TEST(test_a_sweep_takes_only_what_is_over),
        TEST(test_no_refresh_token_is_stored),
    };

    apr_initialize();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
