/* SPDX-License-Identifier: Apache-2.0 */
/* The audit's table: pages in order and complete, bounds, counts that agree,
 * and records that are what they were. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "registry/bdb/audit_table.h"
#include "registry/bdb/tables.h"

struct fixture {
    apr_pool_t *pool;
    char folder[64];
    mls_bdb *bdb;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    apr_pool_create(&f->pool, NULL);
    strcpy(f->folder, "/tmp/mls-audit-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    assert_null(mls_bdb_open(&f->bdb, f->folder, NULL, NULL, f->pool));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    assert_null(mls_bdb_close(f->bdb, f->pool));
    assert_int_equal(
        system(apr_pstrcat(f->pool, "rm -rf ", f->folder, NULL)), 0);
    apr_pool_destroy(f->pool);
    free(f);
    return 0;
}

/* A body that the tests run: what to do stands in the struct. */
struct work {
    const mls_audit *records;
    int count;
    uint32_t number; /* of the first */
    int64_t most;
    apr_time_t before;
    int64_t counted;
    char class;
    mls_audit_query query;
    mls_json *page;
    const char *next;
};

static void run(struct fixture *f, mls_txn_body body, struct work *work)
{
    mls_err *err = mls_bdb_write(f->bdb, body, work, f->pool);

    if (err) {
        fail_msg("%s", mls_err_text(err, f->pool));
    }
}

static mls_err *put_body(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    const struct work *work = baton;

    for (int i = 0; i < work->count; i++) {
        const mls_audit *one = &work->records[i];

        MLS_TRY(mls_audit_table_put(
            txn, mls_audit_key(one, work->number + (uint32_t)i, pool),
            mls_json_text(mls_audit_to_json(one, pool), pool), pool));
    }
    return NULL;
}

static mls_err *prune_body(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    const struct work *work = baton;

    return mls_audit_table_prune(txn, work->most, work->before, pool);
}

static mls_err *count_body(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    struct work *work = baton;

    return mls_audit_table_count(&work->counted, txn, work->class, pool);
}

static mls_err *page_body(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    struct work *work = baton;

    return mls_audit_table_page(&work->page, &work->next, txn, &work->query,
                                pool);
}

static int64_t count(struct fixture *f, char class)
{
    struct work work = { .class = class };

    run(f, count_body, &work);
    return work.counted;
}

static mls_audit record(apr_time_t time, const char *user)
{
    return (mls_audit){ .time = time,
                        .subject = { user ? "file" : NULL, user },
                        .operation = "login",
                        .outcome = user ? MLS_AUDIT_SUCCESS
                                        : MLS_AUDIT_REFUSED,
                        .status = user ? 200 : 401 };
}

static void put(struct fixture *f, const mls_audit *records, int number)
{
    struct work work = { .records = records, .count = number };

    run(f, put_body, &work);
}

/* Every page of a query, `limit` records each: the times found. */
static apr_array_header_t *all(struct fixture *f, mls_audit_query query)
{
    apr_array_header_t *times =
        apr_array_make(f->pool, 16, sizeof(apr_time_t));
    struct work work = { .query = query };

    for (int pages = 0; pages < 10000; pages++) {
        assert_null(mls_bdb_read(f->bdb, page_body, &work, f->pool));
        assert_true(mls_json_length(work.page) <= (size_t)query.limit);
        for (size_t i = 0; i < mls_json_length(work.page); i++) {
            APR_ARRAY_PUSH(times, apr_time_t) =
                mls_json_int(mls_json_at(work.page, i), "time", 0);
        }
        if (!work.next) {
            return times;
        }
        work.query.cursor = apr_pstrdup(f->pool, work.next);
    }
    fail_msg("pages without end");
    return NULL;
}

static void test_a_record_comes_back_as_it_was(void **state)
{
    struct fixture *f = *state;
    const mls_audit before = {
        1234567890123456, "id", { "ldap", "ann" }, "Owner", "::1", "login",
        "t/1", "t", MLS_AUDIT_FAILED, 409, 77, "a \"detail\"\n"
    };
    mls_audit after;

    assert_null(mls_audit_from_json(
        &after, mls_audit_to_json(&before, f->pool), f->pool));
    assert_true(before.time == after.time && after.status == 409
                && after.duration == 77);
    assert_string_equal(after.request_id, "id");
    assert_string_equal(after.subject.provider, "ldap");
    assert_string_equal(after.subject.name, "ann");
    assert_string_equal(after.role, "Owner");
    assert_string_equal(after.address, "::1");
    assert_string_equal(after.operation, "login");
    assert_string_equal(after.target, "t/1");
    assert_string_equal(after.service, "t");
    assert_string_equal(after.outcome, MLS_AUDIT_FAILED);
    assert_string_equal(after.detail, "a \"detail\"\n");
}

static void test_a_newer_layout_is_refused(void **state)
{
    struct fixture *f = *state;
    const mls_audit one = record(1, "ann");
    mls_json *json = mls_audit_to_json(&one, f->pool);
    mls_audit out;

    mls_json_set_int(json, "v", 2);
    assert_int_equal(mls_audit_from_json(&out, json, f->pool)->code,
                     MLS_ECORRUPT);
}

/* Two classes, random times, several of one time: each page size gives all of
 * them once, the newest first. */
static void test_pages_are_complete_and_in_order(void **state)
{
    enum { COUNT = 500 };
    struct fixture *f = *state;
    mls_audit records[COUNT];
    unsigned seed = 7;

    for (int i = 0; i < COUNT; i++) {
        seed = seed * 1103515245 + 12345;
        records[i] = record(1 + (seed >> 16) % 300, seed & 256 ? "ann" : NULL);
    }
    put(f, records, COUNT);
    for (int limit = 1; limit < 600; limit = limit * 3 + 1) {
        const mls_audit_query query = { .limit = limit };
        const apr_array_header_t *times = all(f, query);

        assert_int_equal(times->nelts, COUNT);
        for (int i = 1; i < COUNT; i++) {
            assert_true(APR_ARRAY_IDX(times, i - 1, apr_time_t)
                        >= APR_ARRAY_IDX(times, i, apr_time_t));
        }
    }
}

static void test_times_are_bounds(void **state)
{
    struct fixture *f = *state;
    mls_audit records[20];

    for (int i = 0; i < 20; i++) {
        records[i] = record(100 + i, i % 2 ? "ann" : NULL);
    }
    put(f, records, 20);
    const mls_audit_query query = { .limit = 3, .from = 105, .to = 110 };
    const apr_array_header_t *times = all(f, query);

    assert_int_equal(times->nelts, 5);
    assert_int_equal(APR_ARRAY_IDX(times, 0, apr_time_t), 109);
    assert_int_equal(APR_ARRAY_IDX(times, 4, apr_time_t), 105);
}

static void test_a_record_put_twice_counts_once(void **state)
{
    struct fixture *f = *state;
    const mls_audit one = record(5, "ann");

    put(f, &one, 1);
    put(f, &one, 1);
    assert_int_equal(count(f, '1'), 1);
    assert_int_equal(count(f, '0'), 0);
}

static void test_a_page_gives_up_and_goes_on(void **state)
{
    enum { COUNT = MLS_AUDIT_LOOK + 50 };
    struct fixture *f = *state;
    mls_audit *records = calloc(COUNT, sizeof(*records));

    /* the one asked for is the oldest, behind more than a page looks at */
    for (int i = 0; i < COUNT; i++) {
        records[i] = record(10 + i, i ? "ann" : "bob");
    }
    put(f, records, COUNT);
    free(records);
    struct work work = { .query = { .limit = 10, .user = "bob" } };

    assert_null(mls_bdb_read(f->bdb, page_body, &work, f->pool));
    assert_int_equal(mls_json_length(work.page), 0);
    assert_non_null(work.next);
    const apr_array_header_t *times = all(f, work.query);

    assert_int_equal(times->nelts, 1);
    assert_int_equal(APR_ARRAY_IDX(times, 0, apr_time_t), 10);
}

static void test_the_oldest_go_and_strangers_have_a_quarter(void **state)
{
    struct fixture *f = *state;
    mls_audit records[200];

    for (int i = 0; i < 200; i++) {
        records[i] = record(1000 + i, i % 2 ? "ann" : NULL);
    }
    put(f, records, 200);
    struct work work = { .most = 40 };

    run(f, prune_body, &work);
    assert_int_equal(count(f, '0'), 10);
    assert_int_equal(count(f, '1'), 30);
    const mls_audit_query query = { .limit = 1000 };
    const apr_array_header_t *times = all(f, query);

    assert_int_equal(times->nelts, 40);
    assert_int_equal(APR_ARRAY_IDX(times, 0, apr_time_t), 1199);
    run(f, prune_body, &work); /* nothing is left to do */
    assert_int_equal(count(f, '0') + count(f, '1'), 40);
}

/* However many strangers knock, nothing of people with a name goes. */
static void test_strangers_push_nobody_out(void **state)
{
    enum { COUNT = 3000 };
    struct fixture *f = *state;
    mls_audit *records = calloc(COUNT, sizeof(*records));

    for (int i = 0; i < COUNT; i++) {
        records[i] = record(1000 + i, i < 75 ? "ann" : NULL);
    }
    put(f, records, COUNT);
    free(records);
    struct work work = { .most = 100 };

    run(f, prune_body, &work);
    assert_int_equal(count(f, '1'), 75);
    assert_int_equal(count(f, '0'), 25);
}

static void test_what_is_too_old_goes(void **state)
{
    struct fixture *f = *state;
    mls_audit records[100];

    for (int i = 0; i < 100; i++) {
        records[i] = record(1 + i, i % 2 ? "ann" : NULL);
    }
    put(f, records, 100);
    struct work work = { .most = 1000, .before = 91 };

    run(f, prune_body, &work);
    assert_int_equal(count(f, '0'), 5);
    assert_int_equal(count(f, '1'), 5);
    const mls_audit_query query = { .limit = 1000 };
    const apr_array_header_t *times = all(f, query);

    assert_int_equal(times->nelts, 10);
    assert_int_equal(APR_ARRAY_IDX(times, 9, apr_time_t), 91);
}

static void test_what_a_query_matches(void **state)
{
    struct fixture *f = *state;
    mls_audit one = record(5, "a:b");

    one.target = "s/1";
    one.service = "s";
    const struct {
        mls_audit_query query;
        int matches;
    } cases[] = {
        { { .user = "a:b" }, 1 },      { { .user = "file:a:b" }, 1 },
        { { .user = "b" }, 0 },        { { .user = "ldap:a:b" }, 0 },
        { { .service = "s" }, 1 },     { { .service = "s/1" }, 1 },
        { { .service = "s/2" }, 0 },   { { .service = "1" }, 0 },
        { { .operation = "login" }, 1 }, { { .operation = "log" }, 0 },
        { { .outcome = "success" }, 1 }, { { .outcome = "failed" }, 0 },
        { { .from = 5 }, 1 },          { { .from = 6 }, 0 },
        { { .to = 6 }, 1 },            { { .to = 5 }, 0 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(mls_audit_matches(&cases[i].query, &one, f->pool),
                         cases[i].matches);
    }
    one.service = NULL; /* "s/1" is then no service */
    assert_false(mls_audit_matches(&cases[5].query, &one, f->pool));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_a_record_comes_back_as_it_was),
        TEST(test_a_newer_layout_is_refused),
        TEST(test_pages_are_complete_and_in_order),
        TEST(test_times_are_bounds),
        TEST(test_a_record_put_twice_counts_once),
        TEST(test_a_page_gives_up_and_goes_on),
        TEST(test_the_oldest_go_and_strangers_have_a_quarter),
        TEST(test_strangers_push_nobody_out),
        TEST(test_what_is_too_old_goes),
        TEST(test_what_a_query_matches),
    };

    apr_initialize();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
