/* SPDX-License-Identifier: Apache-2.0 */
/* The shared table of roles: what is put is found, what is torn is not, a
 * silent directory is left alone. */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_pools.h>
#include <apr_strings.h>

#include "auth/membership.h"

typedef struct fixture {
    apr_pool_t *pool;
    void *memory;
    mls_membership *table;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof(*f));

    apr_initialize();
    apr_pool_create(&f->pool, NULL);
    f->memory = aligned_alloc(64, (mls_membership_size(1024) + 63) / 64 * 64);
    *state = f;
    return mls_membership_init(&f->table, f->memory, 1024, f->pool) != NULL;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    apr_pool_destroy(f->pool);
    free(f->memory);
    free(f);
    apr_terminate();
    return 0;
}

static void test_what_is_put_is_found(void **state)
{
    fixture *f = *state;
    const mls_member wanted = { MLS_ROLE_OWNER, 4095, 0xffff, 1800000000 };
    const uint64_t key = mls_membership_key(f->table, 7, "ldap", "alice");
    mls_member found;

    assert_false(mls_membership_find(&found, f->table, key));
    mls_membership_put(f->table, key, &wanted);
    assert_true(mls_membership_find(&found, f->table, key));
    assert_int_equal(found.role, MLS_ROLE_OWNER);
    assert_int_equal(found.rule, 4095);
    assert_int_equal(found.epoch, 0xffff);
    assert_int_equal(found.checked, 1800000000);

    const mls_member later = { MLS_ROLE_NONE, 0, 1, 1800000060 };

    mls_membership_put(f->table, key, &later);
    assert_true(mls_membership_find(&found, f->table, key));
    assert_int_equal(found.role, MLS_ROLE_NONE);
    assert_int_equal(found.checked, 1800000060);
}

static void test_others_are_others(void **state)
{
    fixture *f = *state;
    const uint64_t key = mls_membership_key(f->table, 7, "ldap", "alice");

    assert_true(key != mls_membership_key(f->table, 8, "ldap", "alice"));
    assert_true(key != mls_membership_key(f->table, 7, "file", "alice"));
    assert_true(key != mls_membership_key(f->table, 7, "ldap", "alicf"));
    assert_true(key != mls_membership_key(f->table, 7, "ldapa", "lice"));
}

/* The newest stay; nobody is found with another's role. */
static void test_more_than_there_is_room_for(void **state)
{
    fixture *f = *state;
    mls_member found;
    int kept = 0;

    for (int i = 0; i < 5000; i++) {
        const mls_member member = { (mls_role)(i % 4), (unsigned)i % 4096,
                                    3, 1000 + i };

        mls_membership_put(f->table,
                           mls_membership_key(f->table, 1, "ldap",
                                              apr_itoa(f->pool, i)),
                           &member);
    }
    for (int i = 0; i < 5000; i++) {
        if (mls_membership_find(&found, f->table,
                                mls_membership_key(f->table, 1, "ldap",
                                                   apr_itoa(f->pool, i)))) {
            assert_int_equal(found.role, i % 4);
            assert_int_equal(found.checked, 1000 + i);
            kept++;
        }
    }
    assert_in_range(kept, 900, 1024);
    assert_true(mls_membership_find(
        &found, f->table, mls_membership_key(f->table, 1, "ldap", "4999")));
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 200000, USERS = 8 };

static _Atomic int wrong;

/* Each user always has the same role, so any other is torn. */
static void *hammer(void *baton)
{
    mls_membership *table = baton;
    uint64_t keys[USERS];
    mls_member found;

    for (int i = 0; i < USERS; i++) {
        const char name[2] = { (char)('a' + i), '\0' };

        /* In one bucket, so that they push each other out. */
        keys[i] = mls_membership_key(table, 1, "ldap", name) & ~UINT64_C(255);
    }
    for (int i = 0; i < ROUNDS; i++) {
        const int user = i % USERS;
        const mls_member member = { (mls_role)(user % 4), (unsigned)user, 1,
                                    1000 + i };

        mls_membership_put(table, keys[user], &member);
        if (mls_membership_find(&found, table, keys[(user + 3) % USERS])
            && found.rule != (unsigned)((user + 3) % USERS)) {
            atomic_fetch_add(&wrong, 1);
        }
    }
    return NULL;
}

static void test_threads_never_see_anothers_role(void **state)
{
    fixture *f = *state;
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, hammer, f->table), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&wrong), 0);
}

/* ---- silence ---- */

static void test_a_silent_directory_is_left_alone(void **state)
{
    fixture *f = *state;

    assert_true(mls_membership_may_ask(f->table, 5, 100, 10));
    mls_membership_note(f->table, 5, 100, 10, 0);
    assert_false(mls_membership_may_ask(f->table, 5, 101, 10));
    assert_false(mls_membership_may_ask(f->table, 5, 109, 10));
    /* One tries, the others wait for what comes of it. */
    assert_true(mls_membership_may_ask(f->table, 5, 110, 10));
    assert_false(mls_membership_may_ask(f->table, 5, 110, 10));
    assert_false(mls_membership_may_ask(f->table, 5, 119, 10));
    mls_membership_note(f->table, 5, 112, 10, 1);
    assert_true(mls_membership_may_ask(f->table, 5, 112, 10));
    assert_true(mls_membership_may_ask(f->table, 5, 112, 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_put_is_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_others_are_others, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_more_than_there_is_room_for,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_threads_never_see_anothers_role,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_silent_directory_is_left_alone, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
