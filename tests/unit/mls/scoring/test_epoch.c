/* SPDX-License-Identifier: Apache-2.0 */
/* Epochs: what is retired goes when, and only when, nobody can see it. The
 * stress tests are for the thread sanitizer (make SAN=thread). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_thread_proc.h>

#include "scoring/epoch.h"

static int setup(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL);
}

static int teardown(void **state)
{
    if (*state) {
        apr_pool_destroy(*state);
    }
    return 0;
}

static mls_epochs *new_epochs(apr_pool_t *pool, unsigned threads)
{
    mls_epochs *epochs = NULL;

    assert_null(mls_epochs_create(&epochs, threads, pool));
    return epochs;
}

static void count_release(void *baton)
{
    ++*(int *)baton;
}

static void test_no_more_threads_than_agreed_get_in(void **state)
{
    mls_epochs *epochs = new_epochs(*state, 3);
    int tickets[3];

    assert_int_equal(mls_epochs_threads(epochs), 3);
    for (int i = 0; i < 3; i++) {
        tickets[i] = mls_epoch_enter(epochs);
        assert_true(tickets[i] >= 0);
    }
    assert_int_equal(mls_epoch_enter(epochs), -1);
    mls_epoch_leave(epochs, -1); /* harmless */
    mls_epoch_leave(epochs, tickets[1]);
    assert_int_equal(mls_epoch_enter(epochs), tickets[1]);
    assert_int_equal(mls_epoch_enter(epochs), -1);
}

static void test_zero_threads_are_refused(void **state)
{
    mls_epochs *epochs;

    assert_non_null(mls_epochs_create(&epochs, 0, *state));
}

static void test_with_nobody_inside_it_goes_at_once(void **state)
{
    mls_epochs *epochs = new_epochs(*state, 2);
    int released = 0;

    mls_epoch_retire(epochs, count_release, &released);
    assert_int_equal(released, 1);
}

static void test_it_waits_for_those_who_were_inside(void **state)
{
    mls_epochs *epochs = new_epochs(*state, 4);
    int first = 0, second = 0;

    const int before = mls_epoch_enter(epochs);
    mls_epoch_retire(epochs, count_release, &first);
    const int between = mls_epoch_enter(epochs);
    mls_epoch_retire(epochs, count_release, &second);
    const int after = mls_epoch_enter(epochs);
    mls_epochs_collect(epochs);
    assert_int_equal(first + second, 0);

    mls_epoch_leave(epochs, before);
    mls_epochs_collect(epochs);
    assert_int_equal(first, 1);
    assert_int_equal(second, 0);
    mls_epoch_leave(epochs, between);
    mls_epochs_collect(epochs);
    assert_int_equal(second, 1);
    mls_epoch_leave(epochs, after);
    mls_epochs_collect(epochs);
    assert_int_equal(first, 1);
}

static void test_the_pool_releases_what_is_left(void **state)
{
    mls_epochs *epochs = new_epochs(*state, 2);
    int released = 0;

    mls_epoch_enter(epochs);
    mls_epoch_retire(epochs, count_release, &released);
    mls_epoch_retire(epochs, count_release, &released);
    assert_int_equal(released, 0);
    apr_pool_destroy(*state);
    *state = NULL;
    assert_int_equal(released, 2);
}

typedef struct chain {
    mls_epochs *epochs;
    int left;
} chain;

static void retire_again(void *baton)
{
    chain *c = baton;

    if (c->left-- > 0) {
        mls_epoch_retire(c->epochs, retire_again, c);
    }
}

static void test_a_release_may_retire(void **state)
{
    chain c = { new_epochs(*state, 2), 5 };

    mls_epoch_retire(c.epochs, retire_again, &c);
    assert_int_equal(c.left, -1);
}

/* ---- stress ---- */

enum { READERS = 6, ROUNDS = 20000, ALIVE = 0x5eed };

/* Plain members: the sanitizer sees a release that does not happen after the
 * last read, and the readers see one that came too early. */
typedef struct thing {
    int alive;
    uint64_t number;
} thing;

typedef struct shared {
    mls_epochs *epochs;
    _Atomic(thing *) current;
    atomic_int stop, wrong;
    atomic_uint_fast64_t reads;
} shared;

static thing *new_thing(uint64_t number)
{
    thing *t = malloc(sizeof(*t));

    assert_non_null(t);
    t->alive = ALIVE;
    t->number = number;
    return t;
}

static void release_thing(void *baton)
{
    thing *t = baton;

    t->alive = 0;
    free(t);
}

static void *APR_THREAD_FUNC read_things(apr_thread_t *thread, void *baton)
{
    shared *s = baton;
    uint64_t last = 0, reads = 0;

    while (!atomic_load(&s->stop)) {
        const int ticket = mls_epoch_enter(s->epochs);
        if (ticket < 0) {
            atomic_fetch_add(&s->wrong, 1);
            continue;
        }
        for (int i = 0; i < 3; i++) {
            const thing *t = atomic_load_explicit(&s->current,
                                                  memory_order_acquire);
            if (t->alive != ALIVE || t->number < last) {
                atomic_fetch_add(&s->wrong, 1);
            }
            last = t->number;
            reads++;
        }
        mls_epoch_leave(s->epochs, ticket);
    }
    atomic_fetch_add(&s->reads, reads);
    return NULL;
}

static void test_readers_never_see_what_was_released(void **state)
{
    apr_pool_t *pool = *state;
    shared s = { .epochs = new_epochs(pool, READERS) };
    apr_thread_t *threads[READERS];
    apr_status_t status;

    atomic_init(&s.current, new_thing(1));
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(apr_thread_create(&threads[i], NULL, read_things, &s,
                                           pool), APR_SUCCESS);
    }
    for (uint64_t i = 2; i < ROUNDS; i++) {
        thing *old = atomic_exchange(&s.current, new_thing(i));
        mls_epoch_retire(s.epochs, release_thing, old);
    }
    atomic_store(&s.stop, 1);
    for (int i = 0; i < READERS; i++) {
        apr_thread_join(&status, threads[i]);
    }
    assert_int_equal(atomic_load(&s.wrong), 0);
    assert_true(atomic_load(&s.reads) > 0);
    release_thing(atomic_load(&s.current));
}

/* Several threads retire and read at once, as children that all miss do. */
static void *APR_THREAD_FUNC replace_things(apr_thread_t *thread, void *baton)
{
    shared *s = baton;

    for (int i = 0; i < ROUNDS / 10; i++) {
        const int ticket = mls_epoch_enter(s->epochs);
        thing *old = atomic_exchange(&s->current, new_thing(1));
        mls_epoch_retire(s->epochs, release_thing, old);
        const thing *t = atomic_load(&s->current);
        if (ticket < 0 || t->alive != ALIVE || old->alive != ALIVE) {
            atomic_fetch_add(&s->wrong, 1);
        }
        mls_epoch_leave(s->epochs, ticket);
    }
    return NULL;
}

static void test_many_may_retire_at_once(void **state)
{
    apr_pool_t *pool = *state;
    shared s = { .epochs = new_epochs(pool, READERS) };
    apr_thread_t *threads[READERS];
    apr_status_t status;

    atomic_init(&s.current, new_thing(1));
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(apr_thread_create(&threads[i], NULL, replace_things,
                                           &s, pool), APR_SUCCESS);
    }
    for (int i = 0; i < READERS; i++) {
        apr_thread_join(&status, threads[i]);
    }
    assert_int_equal(atomic_load(&s.wrong), 0);
    release_thing(atomic_load(&s.current));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_no_more_threads_than_agreed_get_in),
        TEST(test_zero_threads_are_refused),
        TEST(test_with_nobody_inside_it_goes_at_once),
        TEST(test_it_waits_for_those_who_were_inside),
        TEST(test_the_pool_releases_what_is_left),
        TEST(test_a_release_may_retire),
        TEST(test_readers_never_see_what_was_released),
        TEST(test_many_may_retire_at_once),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
