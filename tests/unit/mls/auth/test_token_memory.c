/* SPDX-License-Identifier: Apache-2.0 */
/* Remembered tokens: exact, bounded, and whole under threads (for the thread
 * sanitizer: make SAN=thread). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_thread_proc.h>

#include "auth/token_memory.h"

static int setup(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL);
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

static mls_token_memory *memory_of(apr_pool_t *pool, unsigned slots)
{
    mls_token_memory *memory = NULL;

    assert_null(mls_token_memory_create(&memory, slots, pool));
    return memory;
}

/* A token and a record that belong together. */
static size_t make_token(char out[900], mls_token_record *record,
                         unsigned number, size_t length, int64_t expires)
{
    for (size_t i = 0; i < length; i++) {
        out[i] = (char)('a' + (number * 31 + i * 7 + i * i * number) % 26);
    }
    const int digits = snprintf(out, length, "%08u", number);
    out[digits] = '.';
    memset(record, 0, sizeof(*record));
    memset(record->family, (int)(number & 255), sizeof(record->family));
    memset(record->subject, (int)(number * 3 & 255), sizeof(record->subject));
    record->key_id = number * 5;
    record->issued = number;
    record->expires = expires;
    record->provider_length = 4;
    memcpy(record->text, "file", 5);
    record->name_length = (size_t)snprintf(record->text + 5, 100, "user-%u",
                                           number);
    return length;
}

static int same(const mls_token_record *a, const mls_token_record *b)
{
    return memcmp(a->family, b->family, sizeof(a->family)) == 0
           && memcmp(a->subject, b->subject, sizeof(a->subject)) == 0
           && a->key_id == b->key_id && a->issued == b->issued
           && a->expires == b->expires
           && a->provider_length == b->provider_length
           && a->name_length == b->name_length
           && memcmp(a->text, b->text,
                     a->provider_length + a->name_length + 2) == 0;
}

static void test_every_length_is_found_whole_and_only_whole(void **state)
{
    mls_token_memory *memory = memory_of(*state, 64);
    mls_token_record record, found;
    char token[900];

    for (size_t length = 10; length < 900; length++) {
        make_token(token, &record, (unsigned)length, length, 100);
        assert_false(mls_token_memory_find(&found, memory, token, length));
        mls_token_memory_put(memory, token, length, &record, 0);
        assert_true(mls_token_memory_find(&found, memory, token, length));
        assert_true(same(&record, &found));
        assert_false(mls_token_memory_find(&found, memory, token, length - 1));
        token[length / 2] ^= 1;
        assert_false(mls_token_memory_find(&found, memory, token, length));
    }
}

static void test_what_does_not_fit_is_not_remembered(void **state)
{
    mls_token_memory *memory = memory_of(*state, 64);
    mls_token_record record, found;
    static char token[5000];

    memset(token, 'x', sizeof(token));
    memset(&record, 0, sizeof(record));
    mls_token_memory_put(memory, token, sizeof(token), &record, 0);
    assert_false(mls_token_memory_find(&found, memory, token, sizeof(token)));
    mls_token_memory_put(memory, token, 0, &record, 0);
    assert_false(mls_token_memory_find(&found, memory, token, 0));
    record.name_length = MLS_TOKEN_TEXT;
    mls_token_memory_put(memory, token, 100, &record, 0);
    assert_false(mls_token_memory_find(&found, memory, token, 100));
}

static void test_no_slots_remember_nothing(void **state)
{
    mls_token_memory *memory = memory_of(*state, 0);
    mls_token_record record, found;
    char token[900];

    make_token(token, &record, 1, 400, 100);
    mls_token_memory_put(memory, token, 400, &record, 0);
    assert_false(mls_token_memory_find(&found, memory, token, 400));
}

static void test_too_many_slots_are_refused(void **state)
{
    mls_token_memory *memory;

    assert_non_null(mls_token_memory_create(&memory, 1u << 31, *state));
}

static void test_the_last_one_put_is_there_however_full(void **state)
{
    mls_token_memory *memory = memory_of(*state, 16);
    mls_token_record record, found;
    char token[900];

    for (unsigned i = 0; i < 5000; i++) {
        make_token(token, &record, i, 400, 100);
        mls_token_memory_put(memory, token, 400, &record, 0);
        assert_true(mls_token_memory_find(&found, memory, token, 400));
        assert_true(same(&record, &found));
    }
}

static void test_expired_ones_make_room_first(void **state)
{
    mls_token_memory *memory = memory_of(*state, 4); /* one set */
    mls_token_record record, found;
    char token[900];

    for (unsigned i = 0; i < 4; i++) {
        make_token(token, &record, i, 400, i == 2 ? 50 : 1000);
        mls_token_memory_put(memory, token, 400, &record, 0);
    }
    make_token(token, &record, 9, 400, 1000);
    mls_token_memory_put(memory, token, 400, &record, 60);
    for (unsigned i = 0; i < 4; i++) {
        make_token(token, &record, i, 400, 0);
        assert_int_equal(mls_token_memory_find(&found, memory, token, 400),
                         i != 2);
    }
}

enum { THREADS = 6, ROUNDS = 20000, TOKENS = 24 };

typedef struct shared {
    mls_token_memory *memory;
    atomic_int wrong;
    atomic_uint hits, next;
} shared;

/* More tokens than slots: everybody reads and overwrites everybody's. */
static void *APR_THREAD_FUNC stress(apr_thread_t *thread, void *baton)
{
    shared *s = baton;
    unsigned number = atomic_fetch_add(&s->next, 1);
    char token[900];

    for (int i = 0; i < ROUNDS; i++) {
        mls_token_record record, found;
        number = number * 1664525u + 1013904223u;
        const unsigned which = (number >> 16) % TOKENS;
        const size_t length = make_token(token, &record, which,
                                         300 + which * 17, 100);
        if (mls_token_memory_find(&found, s->memory, token, length)) {
            atomic_fetch_add(&s->hits, 1);
            if (!same(&record, &found)) {
                atomic_fetch_add(&s->wrong, 1);
            }
        }
        else {
            mls_token_memory_put(s->memory, token, length, &record, 0);
        }
    }
    return NULL;
}

static void test_threads_find_whole_records(void **state)
{
    apr_pool_t *pool = *state;
    shared s = { .memory = memory_of(pool, 16) };
    apr_thread_t *threads[THREADS];
    apr_status_t status;

    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(apr_thread_create(&threads[i], NULL, stress, &s,
                                           pool), APR_SUCCESS);
    }
    for (int i = 0; i < THREADS; i++) {
        apr_thread_join(&status, threads[i]);
    }
    assert_int_equal(atomic_load(&s.wrong), 0);
    assert_true(atomic_load(&s.hits) > 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_length_is_found_whole_and_only_whole),
        TEST(test_what_does_not_fit_is_not_remembered),
        TEST(test_no_slots_remember_nothing),
        TEST(test_too_many_slots_are_refused),
        TEST(test_the_last_one_put_is_there_however_full),
        TEST(test_expired_ones_make_room_first),
        TEST(test_threads_find_whole_records),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
