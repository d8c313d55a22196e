/* SPDX-License-Identifier: Apache-2.0 */
/* The shared table: slots, overflow, sums, minutes, failures, many threads and
 * processes at once. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "usage/usage_table.h"

enum { SERVICES = 64, STRIPES = 4 };

static const apr_time_t start = APR_INT64_C(1700000040) * APR_USEC_PER_SEC;

typedef struct fixture {
    apr_pool_t *pool;
    void *memory;
    size_t size;
    mls_usage *usage;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));

    apr_pool_create(&f->pool, NULL);
    f->size = mls_usage_size(SERVICES, STRIPES);
    f->memory = mmap(NULL, f->size, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(f->memory != MAP_FAILED);
    assert_null(mls_usage_init(&f->usage, f->memory, SERVICES, STRIPES, start,
                               f->pool));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;

    munmap(f->memory, f->size);
    apr_pool_destroy(f->pool);
    free(f);
    return 0;
}

static void count(fixture *f, unsigned slot, int status, int64_t total,
                  apr_time_t ended)
{
    mls_usage_sample sample = { .status = status, .ended = ended };

    for (int i = 0; i < MLS_STAGES; i++) {
        sample.nanoseconds[i] = -1;
    }
    sample.nanoseconds[MLS_STAGE_RUN] = total / 2;
    sample.nanoseconds[MLS_STAGE_TOTAL] = total;
    mls_usage_record(f->usage, slot, slot, &sample);
}

static mls_usage_totals *totals_of(fixture *f, unsigned slot)
{
    mls_usage_totals *totals = apr_palloc(f->pool, sizeof(*totals));

    assert_true(mls_usage_read(totals, f->usage, slot, f->pool));
    return totals;
}

static void test_sums(void **state)
{
    fixture *f = *state;
    const unsigned slot = mls_usage_slot(f->usage, "iris", "1.0");

    assert_true(slot > 0);
    assert_int_equal(mls_usage_slot(f->usage, "iris", "1.0"), slot);
    assert_int_equal(mls_usage_find(f->usage, "iris", "1.0"), (int)slot);
    assert_int_equal(mls_usage_find(f->usage, "iris", "2.0"), -1);
    count(f, slot, 200, 20000, start);
    count(f, slot, 200, 20000, start);
    count(f, slot, 400, 40000, start);
    count(f, slot, 418, 40000, start); /* not in the list */
    count(f, slot, 206, 40000, start);

    const mls_usage_totals *totals = totals_of(f, slot);

    assert_string_equal(totals->name, "iris");
    assert_string_equal(totals->version, "1.0");
    assert_int_equal(totals->requests, 5);
    assert_int_equal(totals->errors, 2);
    assert_int_equal(totals->nanoseconds[MLS_STAGE_TOTAL], 160000);
    assert_int_equal(totals->nanoseconds[MLS_STAGE_RUN], 80000);
    assert_int_equal(mls_histogram_count(totals->buckets[MLS_STAGE_RUN]), 5);
    assert_int_equal(mls_histogram_count(totals->buckets[MLS_STAGE_WAIT]), 0);
    for (unsigned i = 0; i < MLS_USAGE_STATUSES; i++) {
        const int status = mls_usage_status(i);

        assert_int_equal(totals->statuses[i],
                         status == 200                      ? 2
                         : status == 400 || (!status && i < 2) ? 1
                                                            : 0);
    }
}

/* "ab" of "c" is not "a" of "bc"; the longest names come out whole. */
static void test_names(void **state)
{
    fixture *f = *state;
    char longest[129];

    memset(longest, 'n', 128);
    longest[128] = '\0';
    assert_int_not_equal(mls_usage_slot(f->usage, "ab", "c"),
                         mls_usage_slot(f->usage, "a", "bc"));
    const mls_usage_totals *totals =
        totals_of(f, mls_usage_slot(f->usage, longest, longest));

    assert_string_equal(totals->name, longest);
    assert_string_equal(totals->version, longest);
}

static void test_overflow_is_counted_together(void **state)
{
    fixture *f = *state;
    mls_usage_totals totals;
    unsigned other = 0, sum = 0;

    for (int i = 0; i < 10 * SERVICES; i++) {
        const unsigned slot =
            mls_usage_slot(f->usage, apr_itoa(f->pool, i), "v");

        assert_true(slot < mls_usage_slots(f->usage));
        other += slot == 0;
        count(f, slot, 200, 5000, start);
    }
    assert_true(other >= 9 * SERVICES);
    assert_int_equal(totals_of(f, 0)->requests, other);
    assert_string_equal(totals_of(f, 0)->name, "(other)");
    for (unsigned i = 0; i < mls_usage_slots(f->usage); i++) {
        if (mls_usage_read(&totals, f->usage, i, f->pool)) {
            sum += (unsigned)totals.requests;
        }
    }
    assert_int_equal(sum, 10 * SERVICES);
}

static void test_nothing_is_told_of_an_empty_table(void **state)
{
    fixture *f = *state;
    mls_usage_totals totals;

    for (unsigned i = 0; i < mls_usage_slots(f->usage); i++) {
        assert_false(mls_usage_read(&totals, f->usage, i, f->pool));
    }
    assert_int_equal(mls_usage_since(f->usage), start);
}

static void test_attach(void **state)
{
    fixture *f = *state;

    assert_ptr_equal(mls_usage_attach(f->memory, SERVICES, STRIPES),
                     f->usage);
    assert_null(mls_usage_attach(f->memory, SERVICES * 2, STRIPES));
    assert_null(mls_usage_attach(f->memory, SERVICES, STRIPES * 2));
}

/* ---- minutes ---- */

static apr_time_t minute(int number)
{
    return start + apr_time_from_sec(60 * number);
}

static void test_points(void **state)
{
    fixture *f = *state;
    const unsigned slot = mls_usage_slot(f->usage, "s", "1");
    mls_usage_point points[8];

    count(f, slot, 200, 10000, minute(0));
    count(f, slot, 500, 10000, minute(0));
    count(f, slot, 200, 90000, minute(1));
    count(f, slot, 200, 10000, minute(5)); /* after four of silence */
    mls_usage_points(points, 8, f->usage, slot, minute(6) + 5);

    static const unsigned requests[] = { 0, 2, 1, 0, 0, 0, 1, 0 };
    for (int i = 0; i < 8; i++) {
        assert_int_equal(points[i].minute,
                         apr_time_sec(minute(i - 1)) / 60);
        assert_int_equal(points[i].requests, requests[i]);
        assert_int_equal(points[i].errors, i == 1);
        assert_int_equal(points[i].p50 < 0, !requests[i]);
    }
    assert_true(points[1].p99 < 0.011 && points[2].p50 > 0.08);
}

static void test_the_running_minute_counts(void **state)
{
    fixture *f = *state;
    const unsigned slot = mls_usage_slot(f->usage, "s", "1");
    mls_usage_point point;

    count(f, slot, 200, 10000, minute(0));
    for (int i = 1; i <= 3; i++) {
        count(f, slot, 404, 10000, minute(1));
        mls_usage_points(&point, 1, f->usage, slot, minute(1));
        assert_int_equal(point.requests, i);
        assert_int_equal(point.errors, i);
    }
    /* Half a minute later: three and half of the one before. */
    assert_true(mls_usage_rate(f->usage, slot,
                               minute(1) + apr_time_from_sec(30)) == 3.5 / 60);
    assert_true(mls_usage_rate(f->usage, slot, minute(9)) == 0);
}

static void test_a_day_is_kept(void **state)
{
    enum { DAYS = 2 * MLS_USAGE_MINUTES };
    fixture *f = *state;
    const unsigned slot = mls_usage_slot(f->usage, "s", "1");
    mls_usage_point *points =
        apr_palloc(f->pool, MLS_USAGE_MINUTES * sizeof(*points));

    for (int i = 0; i < DAYS; i++) {
        for (int j = 0; j < 1 + i % 3; j++) {
            count(f, slot, 200, 10000, minute(i));
        }
    }
    mls_usage_points(points, MLS_USAGE_MINUTES, f->usage, slot,
                     minute(DAYS - 1));
    for (int i = 0; i < MLS_USAGE_MINUTES; i++) {
        assert_int_equal(points[i].requests,
                         1 + (MLS_USAGE_MINUTES + i) % 3);
    }
}

/* The clock is set back hours: what was is left alone, counting goes on. A
 * little is not worth a point of its own: it may be a straggler. */
static void test_a_clock_that_goes_back(void **state)
{
    fixture *f = *state;
    const unsigned slot = mls_usage_slot(f->usage, "s", "1");
    mls_usage_point point;

    count(f, slot, 200, 10000, minute(200));
    count(f, slot, 200, 10000, minute(198));
    mls_usage_points(&point, 1, f->usage, slot, minute(200));
    assert_int_equal(point.requests, 2);
    count(f, slot, 200, 10000, minute(0));
    count(f, slot, 200, 10000, minute(0));
    mls_usage_points(&point, 1, f->usage, slot, minute(0));
    assert_int_equal(point.requests, 2);
    assert_int_equal(totals_of(f, slot)->requests, 4);
}

/* ---- failures ---- */

static mls_usage_failure failure_of(int number, apr_pool_t *pool)
{
    return (mls_usage_failure){
        .time = start + number,
        .status = 400 + number % 100,
        .request_id = apr_psprintf(pool, "id-%d", number),
        .message = apr_psprintf(pool, "message %d", number),
        .console = "printed\n",
    };
}

static void test_failures_newest_first(void **state)
{
    enum { MANY = MLS_USAGE_FAILURES + 5 };
    fixture *f = *state;
    const unsigned slot = mls_usage_slot(f->usage, "s", "1");
    mls_usage_failure found[MLS_USAGE_FAILURES];

    assert_int_equal(mls_usage_failures(found, f->usage, slot, f->pool), 0);
    for (int i = 0; i < MANY; i++) {
        const mls_usage_failure failure = failure_of(i, f->pool);

        mls_usage_fail(f->usage, slot, &failure);
        mls_usage_fail(f->usage, 0, &failure);
    }
    assert_int_equal(mls_usage_failures(found, f->usage, 0, f->pool), 0);
    assert_int_equal(mls_usage_failures(found, f->usage, slot, f->pool),
                     MLS_USAGE_FAILURES);
    for (int i = 0; i < MLS_USAGE_FAILURES; i++) {
        const mls_usage_failure wanted = failure_of(MANY - 1 - i, f->pool);

        assert_int_equal(found[i].time, wanted.time);
        assert_int_equal(found[i].status, wanted.status);
        assert_string_equal(found[i].request_id, wanted.request_id);
        assert_string_equal(found[i].message, wanted.message);
        assert_string_equal(found[i].console, "printed\n");
        assert_string_equal(found[i].trace, "");
    }
}

/* Of output the end is kept, of messages the beginning, of UTF-8 whole
 * characters. */
static void test_long_texts_are_cut(void **state)
{
    fixture *f = *state;
    const unsigned slot = mls_usage_slot(f->usage, "s", "1");
    mls_usage_failure found[MLS_USAGE_FAILURES];
    char *text = apr_palloc(f->pool, 100002);

    for (int i = 0; i < 50000; i++) {
        memcpy(text + 2 * i, "\xc3\xa4", 2);
    }
    text[100000] = 'Z';
    text[100001] = '\0';
    const mls_usage_failure failure = { .time = start, .status = 500,
                                        .request_id = "x", .message = text,
                                        .console = text, .trace = text };

    mls_usage_fail(f->usage, slot, &failure);
    assert_int_equal(mls_usage_failures(found, f->usage, slot, f->pool), 1);

    const char *const kept[] = { found[0].message, found[0].console,
                                 found[0].trace };
    for (int i = 0; i < 3; i++) {
        const size_t length = strlen(kept[i]);

        assert_in_range(length, 1000, 2000);
        assert_int_equal((unsigned char)kept[i][0], 0xc3);
        assert_int_equal(kept[i][length - 1] == 'Z', i > 0);
        assert_int_equal(length % 2, i > 0);
    }
}

/* ---- at once ---- */

enum { THREADS = 8, EACH = 20000 };

typedef struct worker {
    fixture *f;
    unsigned number;
} worker;

static void work(const worker *w)
{
    for (int i = 0; i < EACH; i++) {
        const char *name = i % 2 ? "odd" : "even";
        const unsigned slot = mls_usage_slot(w->f->usage, name, "1");
        mls_usage_sample sample = { .status = i % 10 ? 200 : 500,
                                    .ended = minute(i / (EACH / 20)) };
        const mls_usage_failure failure = {
            .time = i, .status = 500, .request_id = name, .message = name,
            .console = name, .trace = name,
        };

        for (int s = 0; s < MLS_STAGES; s++) {
            sample.nanoseconds[s] = 1000 + i;
        }
        mls_usage_record(w->f->usage, slot, w->number, &sample);
        if (i % 10 == 0) {
            mls_usage_fail(w->f->usage, slot, &failure);
        }
    }
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *baton)
{
    work(baton);
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

/* Every call is in the sums and in exactly one minute. */
static void check_all_counted(fixture *f, unsigned workers)
{
    static const char *const names[] = { "even", "odd" };

    for (int n = 0; n < 2; n++) {
        const int slot = mls_usage_find(f->usage, names[n], "1");
        mls_usage_point points[21];
        mls_usage_failure found[MLS_USAGE_FAILURES];
        unsigned sum = 0, errors = 0;

        assert_true(slot > 0);
        assert_int_equal(totals_of(f, (unsigned)slot)->requests,
                         workers * EACH / 2);
        mls_usage_points(points, 21, f->usage, (unsigned)slot, minute(20));
        for (int i = 0; i < 21; i++) {
            sum += points[i].requests;
            errors += points[i].errors;
        }
        assert_int_equal(sum, workers * EACH / 2);
        assert_int_equal(errors, n ? 0 : workers * EACH / 10);
        const unsigned count_found =
            mls_usage_failures(found, f->usage, (unsigned)slot, f->pool);

        for (unsigned i = 0; i < count_found; i++) {
            assert_string_equal(found[i].message, names[n]);
            assert_string_equal(found[i].trace, names[n]);
        }
    }
}

static void test_threads(void **state)
{
    fixture *f = *state;
    apr_thread_t *threads[THREADS];
    worker workers[THREADS];
    mls_usage_point points[30];
    mls_usage_failure found[MLS_USAGE_FAILURES];

    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (worker){ f, i };
        assert_int_equal(apr_thread_create(&threads[i], NULL, run,
                                           &workers[i], f->pool),
                         APR_SUCCESS);
    }
    for (int i = 0; i < 50; i++) { /* a reader meanwhile */
        const int slot = mls_usage_find(f->usage, "even", "1");

        if (slot > 0) {
            totals_of(f, (unsigned)slot);
            mls_usage_points(points, 30, f->usage, (unsigned)slot,
                             minute(0));
            mls_usage_failures(found, f->usage, (unsigned)slot, f->pool);
        }
    }
    for (int i = 0; i < THREADS; i++) {
        apr_status_t status;

        apr_thread_join(&status, threads[i]);
    }
    check_all_counted(f, THREADS);
}

/* Children of httpd are processes; one that is killed in the middle takes
 * nothing of the others along. */
static void test_processes(void **state)
{
    enum { PROCESSES = 4 };
    fixture *f = *state;

    for (unsigned i = 0; i < PROCESSES; i++) {
        const pid_t pid = fork();

        if (!pid) {
            const worker w = { f, i };

            work(&w);
            _exit(0);
        }
        assert_true(pid > 0);
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;

        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    check_all_counted(f, PROCESSES);
}

int main(void)
{
#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_TABLE(test_sums),
        WITH_TABLE(test_names),
        WITH_TABLE(test_overflow_is_counted_together),
        WITH_TABLE(test_nothing_is_told_of_an_empty_table),
        WITH_TABLE(test_attach),
        WITH_TABLE(test_points),
        WITH_TABLE(test_the_running_minute_counts),
        WITH_TABLE(test_a_day_is_kept),
        WITH_TABLE(test_a_clock_that_goes_back),
        WITH_TABLE(test_failures_newest_first),
        WITH_TABLE(test_long_texts_are_cut),
        WITH_TABLE(test_threads),
        WITH_TABLE(test_processes),
    };

    apr_initialize();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);

    apr_terminate();
    return failed;
}
