/* SPDX-License-Identifier: Apache-2.0 */
/* Tables in a real environment: what was committed is there, what failed is
 * not, counts follow, pages miss nothing. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "registry/bdb/bdb_env.h"
#include "registry/bdb/bdb_txn.h"
#include "registry/bdb/tables.h"

struct fixture {
    apr_pool_t *pool;
    char folder[64];
    mls_bdb *bdb;
};

static void remove_folder(const struct fixture *f)
{
    char command[128];

    apr_snprintf(command, sizeof(command), "rm -rf %s", f->folder);
    assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    apr_pool_create(&f->pool, NULL);
    strcpy(f->folder, "/tmp/mls-tables-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    assert_null(mls_bdb_open(&f->bdb, f->folder, NULL, NULL, f->pool));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    assert_null(mls_bdb_close(f->bdb, f->pool));
    remove_folder(f);
    apr_pool_destroy(f->pool);
    free(f);
    return 0;
}

static void reopen(struct fixture *f)
{
    assert_null(mls_bdb_close(f->bdb, f->pool));
    assert_null(mls_bdb_open(&f->bdb, f->folder, NULL, NULL, f->pool));
}

static void write_with(struct fixture *f, mls_txn_body body, void *baton)
{
    mls_err *err = mls_bdb_write(f->bdb, body, baton, f->pool);

    if (err) {
        fail_msg("%s", mls_err_text(err, f->pool));
    }
    assert_null(mls_bdb_flush(f->bdb, f->pool));
}

/* ---- meta ---- */

static mls_err *start_body(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    const char **id = baton;

    MLS_TRY(mls_meta_table_start(txn, pool));
    MLS_TRY(mls_meta_table_state_id(id, txn, pool));
    return NULL;
}

static void test_a_new_registry_gets_an_id_and_keeps_it(void **state)
{
    struct fixture *f = *state;
    const char *id, *again;

    write_with(f, start_body, &id);
    id = apr_pstrdup(f->pool, id);
    reopen(f);
    write_with(f, start_body, &again);
    assert_string_equal(id, again);
}

static mls_err *newer_body(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    return mls_meta_table_put(txn, "schema",
                              apr_psprintf(pool, "%d", MLS_SCHEMA + 1), pool);
}

static void test_a_newer_schema_is_refused(void **state)
{
    struct fixture *f = *state;
    const char *id;

    write_with(f, start_body, &id);
    write_with(f, newer_body, NULL);
    const mls_err *err = mls_bdb_write(f->bdb, start_body, &id, f->pool);
    assert_non_null(err);
    assert_int_equal(err->code, MLS_ECORRUPT);
    assert_non_null(strstr(mls_err_text(err, f->pool), "newer version"));
}

static mls_err *next_body(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    return mls_meta_table_next(baton, txn, pool);
}

static mls_err *fail_after_next(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    MLS_TRY(mls_meta_table_next(baton, txn, pool));
    return mls_err_make(pool, MLS_EINVALID, NULL, "no");
}

static void test_generations_rise_over_restarts_and_failures(void **state)
{
    struct fixture *f = *state;
    uint64_t first, failed, second, third;
    const char *id;

    write_with(f, start_body, &id);
    write_with(f, next_body, &first);
    const mls_err *err =
        mls_bdb_write(f->bdb, fail_after_next, &failed, f->pool);
    assert_int_equal(err->code, MLS_EINVALID);
    write_with(f, next_body, &second);
    reopen(f);
    write_with(f, next_body, &third);
    assert_true(first < second && second < third);
}

/* ---- services ---- */

struct many {
    int from, to;
    const char *code;
};

static mls_err *put_many(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    const struct many *many = baton;

    for (int i = many->from; i < many->to; i++) {
        const mls_service service = {
            .name = apr_psprintf(pool, "s%d", i % 5),
            .version = apr_psprintf(pool, "%d", i),
            .publisher = { "file", "a" }, .code = many->code
        };
        MLS_TRY(mls_services_table_put(txn, &service, (uint64_t)i, pool));
    }
    return NULL;
}

static mls_err *put_then_fail(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    MLS_TRY(put_many(txn, baton, pool));
    return mls_err_make(pool, MLS_EINVALID, NULL, "no");
}

struct count {
    const char *name;
    int pages, records;
};

static int count_in(const char *texts, const char *what)
{
    int count = 0;

    while ((texts = strstr(texts, what))) {
        count++;
        texts++;
    }
    return count;
}

static mls_err *count_pages(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    struct count *count = baton;
    const char *after = NULL, *texts;

    count->pages = count->records = 0;
    do {
        MLS_TRY(mls_services_table_page(&texts, &after, txn, count->name,
                                        after, pool));
        count->pages++;
        count->records += count_in(texts, "\"serial\":");
    } while (after);
    return NULL;
}

static void assert_services(struct fixture *f, const char *name, int records,
                            int pages)
{
    struct count count = { name, 0, 0 };

    assert_null(mls_bdb_read(f->bdb, count_pages, &count, f->pool));
    assert_int_equal(count.records, records);
    if (pages) {
        assert_int_equal(count.pages, pages);
    }
}

static void test_pages_miss_nothing(void **state)
{
    struct fixture *f = *state;
    struct many many = { 0, 2500, "x" };

    assert_services(f, NULL, 0, 1);
    write_with(f, put_many, &many);
    assert_services(f, NULL, 2500, 3);
    assert_services(f, "s3", 500, 1);
    assert_services(f, "s", 0, 1);
    assert_services(f, "s33", 0, 1);
}

static void test_a_record_larger_than_a_page_gets_one_alone(void **state)
{
    struct fixture *f = *state;
    char *code = malloc(3 << 20);
    memset(code, 'x', (3 << 20) - 1);
    code[(3 << 20) - 1] = '\0';
    struct many many = { 0, 3, code };

    write_with(f, put_many, &many);
    assert_services(f, NULL, 3, 3);
    free(code);
}

static void test_a_failed_body_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct many many = { 0, 100, "x" };

    assert_non_null(mls_bdb_write(f->bdb, put_then_fail, &many, f->pool));
    assert_services(f, NULL, 0, 1);
    reopen(f);
    assert_services(f, NULL, 0, 1);
}

/* The child commits, flushes and dies without closing anything. */
static void test_what_was_flushed_outlives_the_process(void **state)
{
    struct fixture *f = *state;
    int status;

    assert_null(mls_bdb_close(f->bdb, f->pool));
    const pid_t pid = fork();
    if (pid == 0) {
        struct many many = { 0, 300, "x" };
        mls_bdb *bdb;
        if (mls_bdb_open(&bdb, f->folder, NULL, NULL, f->pool)
            || mls_bdb_write(bdb, put_many, &many, f->pool)
            || mls_bdb_flush(bdb, f->pool)) {
            _exit(1);
        }
        kill(getpid(), SIGKILL);
    }
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status));
    assert_null(mls_bdb_open(&f->bdb, f->folder, NULL, NULL, f->pool));
    assert_services(f, NULL, 300, 1);
}

/* ---- references ---- */

#define D1 "1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "2222222222222222222222222222222222222222222222222222222222222222"

static mls_err *count_references(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    mls_json **digests = baton;
    const char *next;
    int64_t references;

    MLS_TRY(mls_blobs_table_add(txn, MLS_BLOB, D1, 1, pool));
    MLS_TRY(mls_blobs_table_add(txn, MLS_BLOB, D1, 1, pool));
    MLS_TRY(mls_blobs_table_add(txn, MLS_BLOB, D2, 1, pool));
    MLS_TRY(mls_blobs_table_add(txn, MLS_IMAGE, D1, 1, pool));
    MLS_TRY(mls_blobs_table_add(txn, MLS_BLOB, NULL, 1, pool));
    MLS_TRY(mls_blobs_table_get(&references, txn, MLS_BLOB, D1, pool));
    assert_int_equal(references, 2);
    MLS_TRY(mls_blobs_table_add(txn, MLS_BLOB, D2, -1, pool));
    MLS_TRY(mls_blobs_table_get(&references, txn, MLS_BLOB, D2, pool));
    assert_int_equal(references, 0);
    MLS_TRY(mls_blobs_table_page(digests, &next, txn, MLS_BLOB, NULL, pool));
    assert_int_equal(mls_json_length(*digests), 1);
    assert_string_equal(mls_json_string_of(mls_json_at(*digests, 0)), D1);
    assert_null(next);
    MLS_TRY(mls_blobs_table_page(digests, &next, txn, MLS_IMAGE, NULL, pool));
    assert_int_equal(mls_json_length(*digests), 1);
    return NULL;
}

static mls_err *below_zero(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    return mls_blobs_table_add(txn, MLS_BLOB, D2, -1, pool);
}

static void test_references_are_counted(void **state)
{
    struct fixture *f = *state;
    mls_json *digests;

    write_with(f, count_references, &digests);
    const mls_err *err = mls_bdb_write(f->bdb, below_zero, NULL, f->pool);
    assert_non_null(err);
    assert_int_equal(err->code, MLS_ECORRUPT);
}

/* ---- repeated requests ---- */

static mls_err *remember(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    mls_json *answer = mls_json_object(pool);

    mls_json_set_int(answer, "generation", 5);
    MLS_TRY(mls_requests_table_put(txn, "one", answer, 100, pool));
    return mls_requests_table_put(txn, "two", answer, 200, pool);
}

static mls_err *forget(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    mls_json *answer;
    int removed;

    MLS_TRY(mls_requests_table_sweep(&removed, txn, 150, pool));
    assert_int_equal(removed, 1);
    MLS_TRY(mls_requests_table_get(&answer, txn, "one", pool));
    assert_null(answer);
    MLS_TRY(mls_requests_table_get(&answer, txn, "two", pool));
    assert_int_equal(mls_json_int(answer, "generation", 0), 5);
    return NULL;
}

static void test_answers_are_remembered_for_a_while(void **state)
{
    write_with(*state, remember, NULL);
    write_with(*state, forget, NULL);
}

/* ---- the lock ---- */

static void test_the_lock_is_exclusive_and_names_the_holder(void **state)
{
    struct fixture *f = *state;
    const char *path = apr_pstrcat(f->pool, f->folder, "/LOCK", NULL);
    char pid[32];
    int first, second;

    apr_snprintf(pid, sizeof(pid), "pid %ld", (long)getpid());
    assert_null(mls_bdb_lock(&first, path, 0, f->pool));
    const mls_err *err = mls_bdb_lock(&second, path, 50000, f->pool);
    assert_non_null(err);
    assert_int_equal(err->code, MLS_EBUSY);
    assert_non_null(strstr(mls_err_text(err, f->pool), pid));
    close(first);
    assert_null(mls_bdb_lock(&second, path, 0, f->pool));
    close(second);
}

static void test_a_lock_on_a_file_that_moved_away_is_none(void **state)
{
    struct fixture *f = *state;
    const char *path = apr_pstrcat(f->pool, f->folder, "/LOCK", NULL);
    const char *away = apr_pstrcat(f->pool, f->folder, "/OLD", NULL);
    int first, second;

    assert_null(mls_bdb_lock(&first, path, 0, f->pool));
    assert_int_equal(rename(path, away), 0);
    assert_null(mls_bdb_lock(&second, path, 0, f->pool));
    const mls_err *err = mls_bdb_lock(&first, path, 0, f->pool);
    assert_non_null(err);
    close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_a_new_registry_gets_an_id_and_keeps_it),
        TEST(test_a_newer_schema_is_refused),
        TEST(test_generations_rise_over_restarts_and_failures),
        TEST(test_pages_miss_nothing),
        TEST(test_a_record_larger_than_a_page_gets_one_alone),
        TEST(test_a_failed_body_leaves_nothing),
        TEST(test_what_was_flushed_outlives_the_process),
        TEST(test_references_are_counted),
        TEST(test_answers_are_remembered_for_a_while),
        TEST(test_the_lock_is_exclusive_and_names_the_holder),
        TEST(test_a_lock_on_a_file_that_moved_away_is_none),
    };

    apr_initialize();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
