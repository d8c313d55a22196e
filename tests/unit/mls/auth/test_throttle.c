/* SPDX-License-Identifier: Apache-2.0 */
/* Throttling: free attempts, growing delays, forgetting, a full table. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "auth/throttle.h"

static int setup(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL);
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

enum { FREE = 3, MOST = 60, START = 1700000000 };

static mls_throttle *table_of(apr_pool_t *pool, unsigned keys)
{
    mls_throttle *table = NULL;
    void *memory = apr_palloc(pool, mls_throttle_size(keys));

    assert_null(mls_throttle_init(&table, memory, keys, pool));
    return table;
}

static void test_free_attempts_then_doubling_delays(void **state)
{
    static const unsigned delays[] = { 1, 2, 4, 8, 16, 32, 60, 60 };
    mls_throttle *table = table_of(*state, 100);
    const uint64_t key = mls_throttle_key(table, "alice", "10.0.0.1");
    int64_t now = START;

    for (int i = 0; i < FREE; i++) {
        assert_int_equal(mls_throttle_attempt(table, key, now, FREE, MOST),
                         0);
    }
    for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        assert_int_equal(mls_throttle_attempt(table, key, now, FREE, MOST),
                         delays[i]);
        /* Asking too early costs nothing more. */
        assert_int_equal(mls_throttle_attempt(table, key, now, FREE, MOST),
                         delays[i]);
        now += delays[i];
        assert_int_equal(mls_throttle_attempt(table, key, now, FREE, MOST),
                         0);
    }
}

static void test_another_address_is_another_key(void **state)
{
    mls_throttle *table = table_of(*state, 100);
    const uint64_t attacker = mls_throttle_key(table, "alice", "10.0.0.1");
    const uint64_t victim = mls_throttle_key(table, "alice", "10.0.0.2");

    for (int i = 0; i < 100; i++) {
        mls_throttle_attempt(table, attacker, START, FREE, MOST);
    }
    assert_true(mls_throttle_attempt(table, attacker, START, FREE, MOST));
    assert_false(mls_throttle_attempt(table, victim, START, FREE, MOST));
    assert_true(mls_throttle_key(table, "ab", "c") !=
                mls_throttle_key(table, "a", "bc"));
}

static void test_success_forgets(void **state)
{
    mls_throttle *table = table_of(*state, 100);
    const uint64_t key = mls_throttle_key(table, "bob", "::1");

    for (int i = 0; i < FREE; i++) {
        mls_throttle_attempt(table, key, START, FREE, MOST);
    }
    mls_throttle_success(table, key, 0);
    assert_false(mls_throttle_attempt(table, key, START, FREE, MOST));
    assert_true(mls_throttle_attempt(table, key, START, FREE, MOST));
    mls_throttle_success(table, key, 1);
    for (int i = 0; i < FREE; i++) {
        assert_false(mls_throttle_attempt(table, key, START, FREE, MOST));
    }
    mls_throttle_success(table, key + 1, 1); /* never seen: nothing */
}

static void test_a_quiet_key_is_forgotten(void **state)
{
    mls_throttle *table = table_of(*state, 100);
    const uint64_t key = mls_throttle_key(table, "carol", "10.0.0.1");

    for (int i = 0; i < FREE; i++) {
        mls_throttle_attempt(table, key, START, FREE, MOST);
    }
    assert_true(mls_throttle_attempt(table, key, START, FREE, MOST));
    for (int i = 0; i < FREE; i++) {
        assert_false(mls_throttle_attempt(table, key, START + 16 * 60, FREE,
                                          MOST));
    }
    assert_true(mls_throttle_attempt(table, key, START + 16 * 60, FREE,
                                     MOST));
}

static void test_off_and_a_clock_set_back(void **state)
{
    mls_throttle *table = table_of(*state, 100);
    const uint64_t key = mls_throttle_key(table, "dave", "10.0.0.1");

    for (int i = 0; i < 1000; i++) {
        assert_false(mls_throttle_attempt(table, key, START, 0, MOST));
    }
    for (int i = 0; i < FREE; i++) {
        mls_throttle_attempt(table, key, START, FREE, MOST);
    }
    assert_int_equal(mls_throttle_attempt(table, key, START - 5000, FREE,
                                          MOST),
                     1);
}

/* However many keys there are, the one that is tried last stays known. */
static void test_a_flood_does_not_wash_out_a_busy_key(void **state)
{
    mls_throttle *table = table_of(*state, 64);
    const uint64_t key = mls_throttle_key(table, "erin", "10.0.0.1");

    for (int i = 0; i < FREE; i++) {
        mls_throttle_attempt(table, key, START + 1, FREE, MOST);
    }
    for (int i = 0; i < 7; i++) { /* the rest of its bucket */
        mls_throttle_attempt(table, key + ((uint64_t)(i + 1) << 32), START,
                             FREE, MOST);
    }
    mls_throttle_attempt(table, key + ((uint64_t)99 << 32), START + 1, FREE,
                         MOST);
    assert_true(mls_throttle_attempt(table, key, START + 1, FREE, MOST));
}

static void test_cost_is_an_average(void **state)
{
    mls_throttle *table = table_of(*state, 64);

    assert_int_equal(mls_throttle_cost(table), 0);
    mls_throttle_note_cost(table, 800);
    assert_int_equal(mls_throttle_cost(table), 800);
    mls_throttle_note_cost(table, 1600);
    assert_int_equal(mls_throttle_cost(table), 900);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_free_attempts_then_doubling_delays),
    cmocka_unit_test(test_another_address_is_another_key),
    cmocka_unit_test(test_success_forgets),
    cmocka_unit_test(test_a_quiet_key_is_forgotten),
    cmocka_unit_test(test_off_and_a_clock_set_back),
    cmocka_unit_test(test_a_flood_does_not_wash_out_a_busy_key),
    cmocka_unit_test(test_cost_is_an_average),
};

int main(void)
{
    apr_initialize();
    atexit(apr_terminate);
    return cmocka_run_group_tests(tests, setup, teardown);
}

