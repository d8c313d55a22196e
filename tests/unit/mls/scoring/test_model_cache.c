/* SPDX-License-Identifier: Apache-2.0 */
/* The model cache, alone and with the index under threads (for the thread
 * sanitizer: make SAN=thread).
 *
 * libmlscore's calls are replaced by ones that count and that notice a model
 * used after it was closed. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "base/ident.h"
#include "scoring/model_cache.h"

#define STATE_ID "0f8fad5b-d9cb-469f-a165-70867728950e"

/* ---- libmlscore replaced ---- */

enum { ALIVE = 0x5eed };

struct mlscore_model {
    int alive; /* plain: the sanitizer sees a close that comes too early */
    char name[65];
};

struct mlscore_context {
    int uses;
};

static atomic_int opened, failed, closed, contexts_made, contexts_freed;

mlscore_status mlscore_model_open(mlscore_model **out, const char *path,
                                  mlscore_error *err)
{
    const char *name = strrchr(path, '/') + 1;

    if (strncmp(name, "bad0", 4) == 0) {
        atomic_fetch_add(&failed, 1);
        err->status = MLSCORE_EIMAGE;
        strcpy(err->message, "checksum is wrong");
        return MLSCORE_EIMAGE;
    }
    mlscore_model *model = calloc(1, sizeof(*model));
    assert_non_null(model);
    model->alive = ALIVE;
    strcpy(model->name, name);
    atomic_fetch_add(&opened, 1);
    *out = model;
    return MLSCORE_OK;
}

void mlscore_model_close(mlscore_model *model)
{
    if (model) {
        atomic_fetch_add(&closed, 1);
        model->alive = 0;
        free(model);
    }
}

mlscore_status mlscore_context_create(mlscore_context **out,
                                      mlscore_error *err)
{
    *out = calloc(1, sizeof(**out));
    atomic_fetch_add(&contexts_made, 1);
    return MLSCORE_OK;
}

void mlscore_context_free(mlscore_context *context)
{
    if (context) {
        atomic_fetch_add(&contexts_freed, 1);
        free(context);
    }
}

/* ---- fixture ---- */

enum { THREADS = 6 };

typedef struct fixture {
    apr_pool_t *pool;
    char folder[64];
    mls_epochs *epochs;
    mls_index_writer *writer;
    mls_index *index;
    mls_model_cache *cache;
    uint64_t generation;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    int rebuild = 0;

    strcpy(f->folder, "/tmp/mls-cache-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    apr_pool_create(&f->pool, NULL);
    const char *path = apr_pstrcat(f->pool, f->folder, "/index", NULL);
    assert_null(mls_epochs_create(&f->epochs, THREADS, f->pool));
    assert_null(mls_index_writer_open(&f->writer, path, STATE_ID, 0, &rebuild,
                                      f->pool));
    assert_null(mls_index_writer_commit_rebuild(f->writer, 0, f->pool));
    assert_null(mls_index_open(&f->index, path, f->epochs, f->pool));
    assert_null(mls_model_cache_create(
        &f->cache, apr_pstrcat(f->pool, f->folder, "/images", NULL), f->index,
        f->epochs, f->pool));
    opened = failed = closed = contexts_made = contexts_freed = 0;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    char command[128];

    apr_pool_destroy(f->pool);
    assert_int_equal(opened, closed);
    assert_int_equal(contexts_made, contexts_freed);
    snprintf(command, sizeof(command), "rm -rf %s", f->folder);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

/* The image's digest tells which it is: `image` in its first bytes. */
static mls_index_entry entry_of(uint64_t generation, unsigned image,
                                uint32_t flags)
{
    mls_index_entry entry = { .generation = generation, .flags = flags };

    entry.image[0] = (unsigned char)(image >> 8);
    entry.image[1] = (unsigned char)image;
    entry.image[8] = 1;
    return entry;
}

static void publish(fixture *f, const char *name, unsigned image,
                    uint32_t flags)
{
    const mls_index_entry entry = entry_of(++f->generation, image, flags);

    assert_null(mls_index_writer_put(f->writer, name, "1", &entry, f->pool));
}

static void withdraw(fixture *f, const char *name)
{
    assert_null(mls_index_writer_delete(f->writer, name, "1",
                                        ++f->generation, f->pool));
}

/* The image's number, or a negative error code. */
static int score(fixture *f, const char *name)
{
    const mlscore_model *model = NULL;
    mls_index_entry entry;
    unsigned char number[2];

    const int ticket = mls_epoch_enter(f->epochs);
    mls_err *err = mls_model_cache_get(&model, &entry, f->cache, name, "1",
                                       f->pool);
    if (err) {
        mls_epoch_leave(f->epochs, ticket);
        return -err->code;
    }
    assert_int_equal(model->alive, ALIVE);
    const char first[5] = { model->name[0], model->name[1], model->name[2],
                            model->name[3] };
    assert_true(mls_hex_decode(number, 2, first));
    assert_memory_equal(number, entry.image, 2);
    mls_epoch_leave(f->epochs, ticket);
    return number[0] << 8 | number[1];
}

/* ---- alone ---- */

static void test_a_model_is_opened_once(void **state)
{
    fixture *f = *state;

    publish(f, "churn", 7, MLS_INDEX_REALTIME);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(score(f, "churn"), 7);
    }
    assert_int_equal(opened, 1);
    assert_int_equal(closed, 0);
}

static void test_unknown_and_standard_services_are_told_apart(void **state)
{
    fixture *f = *state;
    const mlscore_model *model;
    mls_index_entry entry;

    publish(f, "code", 0, MLS_INDEX_STANDARD);
    mls_err *err = mls_model_cache_get(&model, &entry, f->cache, "code", "1",
                                       f->pool);
    assert_non_null(err);
    assert_int_equal(err->code, MLS_ENOTFOUND);
    assert_int_equal(entry.flags, MLS_INDEX_STANDARD);
    err = mls_model_cache_get(&model, &entry, f->cache, "none", "1", f->pool);
    assert_non_null(err);
    assert_int_equal(err->code, MLS_ENOTFOUND);
    assert_int_equal(entry.flags, 0);
    assert_int_equal(score(f, "none"), -MLS_ENOTFOUND);
}

static void test_a_redeployed_version_is_seen_and_the_old_image_goes(
    void **state)
{
    fixture *f = *state;

    publish(f, "churn", 7, MLS_INDEX_REALTIME);
    assert_int_equal(score(f, "churn"), 7);
    publish(f, "churn", 8, MLS_INDEX_REALTIME);
    assert_int_equal(score(f, "churn"), 8);
    mls_epochs_collect(f->epochs);
    assert_int_equal(opened, 2);
    assert_int_equal(closed, 1);
}

static void test_a_request_finishes_on_the_old_image(void **state)
{
    fixture *f = *state;
    const mlscore_model *model = NULL;

    publish(f, "churn", 7, MLS_INDEX_REALTIME);
    const int ticket = mls_epoch_enter(f->epochs);
    assert_null(mls_model_cache_get(&model, NULL, f->cache, "churn", "1",
                                    f->pool));
    publish(f, "churn", 8, MLS_INDEX_REALTIME);
    assert_int_equal(score(f, "churn"), 8);
    withdraw(f, "churn");
    assert_int_equal(score(f, "churn"), -MLS_ENOTFOUND);
    mls_epochs_collect(f->epochs);
    assert_int_equal(closed, 0);
    assert_int_equal(model->alive, ALIVE);
    mls_epoch_leave(f->epochs, ticket);
    mls_epochs_collect(f->epochs);
    assert_int_equal(closed, 2);
}

static void test_a_deleted_version_goes_on_the_next_look(void **state)
{
    fixture *f = *state;

    publish(f, "churn", 7, MLS_INDEX_REALTIME);
    assert_int_equal(score(f, "churn"), 7);
    withdraw(f, "churn");
    assert_int_equal(score(f, "churn"), -MLS_ENOTFOUND);
    mls_epochs_collect(f->epochs);
    assert_int_equal(closed, 1);
}

static void test_a_version_that_became_standard_goes(void **state)
{
    fixture *f = *state;

    publish(f, "churn", 7, MLS_INDEX_REALTIME);
    assert_int_equal(score(f, "churn"), 7);
    publish(f, "churn", 0, MLS_INDEX_STANDARD);
    assert_int_equal(score(f, "churn"), -MLS_ENOTFOUND);
    mls_epochs_collect(f->epochs);
    assert_int_equal(closed, 1);
}

static void test_deleted_versions_nobody_asks_for_go_on_a_miss(void **state)
{
    fixture *f = *state;
    char name[32];

    for (unsigned i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "service-%u", i);
        publish(f, name, i, MLS_INDEX_REALTIME);
        assert_int_equal(score(f, name), i);
    }
    for (unsigned i = 0; i < 150; i++) {
        snprintf(name, sizeof(name), "service-%u", i);
        withdraw(f, name);
    }
    publish(f, "another", 1000, MLS_INDEX_REALTIME);
    assert_int_equal(score(f, "another"), 1000);
    mls_epochs_collect(f->epochs);
    assert_int_equal(opened, 201);
    assert_int_equal(closed, 150);
    for (unsigned i = 150; i < 200; i++) {
        snprintf(name, sizeof(name), "service-%u", i);
        assert_int_equal(score(f, name), i);
    }
    assert_int_equal(opened, 201);
}

static void test_versions_of_one_file_share_its_image(void **state)
{
    fixture *f = *state;

    publish(f, "one", 7, MLS_INDEX_REALTIME);
    publish(f, "two", 7, MLS_INDEX_REALTIME);
    assert_int_equal(score(f, "one"), 7);
    assert_int_equal(score(f, "two"), 7);
    assert_int_equal(opened, 1);
    withdraw(f, "one");
    assert_int_equal(score(f, "one"), -MLS_ENOTFOUND);
    assert_int_equal(score(f, "two"), 7);
    mls_epochs_collect(f->epochs);
    assert_int_equal(closed, 0);
    publish(f, "two", 7, MLS_INDEX_REALTIME); /* the same file again */
    assert_int_equal(score(f, "two"), 7);
    mls_epochs_collect(f->epochs);
    assert_int_equal(opened - closed, 1);
    withdraw(f, "two");
    assert_int_equal(score(f, "two"), -MLS_ENOTFOUND);
    mls_epochs_collect(f->epochs);
    assert_int_equal(opened - closed, 0);
}

static void test_a_generation_given_again_is_another_model(void **state)
{
    fixture *f = *state;

    publish(f, "churn", 7, MLS_INDEX_REALTIME);
    assert_int_equal(score(f, "churn"), 7);
    f->generation--; /* as after restoring a backup */
    publish(f, "churn", 8, MLS_INDEX_REALTIME);
    assert_int_equal(score(f, "churn"), 8);
}

static void test_a_damaged_image_is_told_and_the_next_one_works(void **state)
{
    fixture *f = *state;
    const mlscore_model *model;

    publish(f, "churn", 0xbad0, MLS_INDEX_REALTIME);
    mls_err *err = mls_model_cache_get(&model, NULL, f->cache, "churn", "1",
                                       f->pool);
    assert_non_null(err);
    assert_int_equal(err->code, MLS_ECORRUPT);
    assert_non_null(strstr(err->message, "/images/ba/bad0"));
    assert_non_null(strstr(err->message, "checksum is wrong"));
    publish(f, "churn", 3, MLS_INDEX_REALTIME);
    assert_int_equal(score(f, "churn"), 3);
}

static void write_bad_file(const fixture *f, const char *text)
{
    char digest[2 * MLS_INDEX_DIGEST + 1];
    const mls_index_entry entry = entry_of(1, 0xbad0, MLS_INDEX_REALTIME);

    mls_hex_encode(digest, entry.image, MLS_INDEX_DIGEST);
    const char *command = apr_psprintf(
        f->pool, "mkdir -p %s/images/ba && echo %s > %s/images/ba/%s",
        f->folder, text, f->folder, digest);
    assert_int_equal(system(command), 0);
}

/* Two versions of one damaged file; it is read again when it is another file,
 * and when it is written to. */
static void test_a_damaged_image_is_read_once(void **state)
{
    fixture *f = *state;
    const mlscore_model *model;

    write_bad_file(f, "one");
    publish(f, "churn", 0xbad0, MLS_INDEX_REALTIME);
    publish(f, "sales", 0xbad0, MLS_INDEX_REALTIME);
    for (int round = 1; round <= 3; round++) {
        for (int i = 0; i < 5; i++) {
            mls_err *err = mls_model_cache_get(
                &model, NULL, f->cache, i % 2 ? "churn" : "sales", "1",
                f->pool);

            assert_non_null(err);
            assert_int_equal(err->code, MLS_ECORRUPT);
            assert_non_null(strstr(err->message, "checksum is wrong"));
        }
        assert_int_equal(failed, round);
        apr_sleep(20000); /* beyond the resolution of file times */
        if (round == 1) {
            write_bad_file(f, "two"); /* of the same size */
        }
        else {
            assert_int_equal(system(apr_psprintf(
                f->pool, "cd %s/images/ba && cp * .new && mv .new bad0*",
                f->folder)), 0);
        }
    }
}

static void test_contexts_are_lent_and_taken_back(void **state)
{
    fixture *f = *state;
    mlscore_context *lent[THREADS], *one = NULL;

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < THREADS; i++) {
            assert_null(mls_model_cache_context(&lent[i], f->cache, f->pool));
            for (int j = 0; j < i; j++) {
                assert_ptr_not_equal(lent[i], lent[j]);
            }
        }
        mls_err *err = mls_model_cache_context(&one, f->cache, f->pool);
        assert_non_null(err);
        assert_int_equal(err->code, MLS_EBUSY);
        for (int i = 0; i < THREADS; i++) {
            mls_model_cache_return(f->cache, lent[i]);
        }
    }
    assert_int_equal(contexts_made, THREADS);
    mls_model_cache_return(f->cache, NULL);
}

/* ---- under threads ---- */

enum { SERVICES = 20, UPDATES = 4000 };

typedef struct shared {
    fixture *f;
    atomic_int stop, wrong;
    atomic_uint scored, absent;
    _Atomic uint64_t floor[SERVICES]; /* generation that must be visible */
} shared;

static int context_is_alone(fixture *f, apr_pool_t *pool)
{
    mlscore_context *context = NULL;

    if (mls_model_cache_context(&context, f->cache, pool)) {
        return 0;
    }
    /* Plain: the sanitizer sees two threads with one context. */
    const int alone = ++context->uses == 1;
    --context->uses;
    mls_model_cache_return(f->cache, context);
    return alone;
}

static void *APR_THREAD_FUNC score_all(apr_thread_t *thread, void *baton)
{
    shared *s = baton;
    fixture *f = s->f;
    apr_pool_t *pool;
    char name[32];
    unsigned n = 0;

    apr_pool_create(&pool, NULL);
    while (!atomic_load(&s->stop)) {
        const unsigned which = n++ % SERVICES;
        const mlscore_model *model = NULL;
        mls_index_entry entry;
        snprintf(name, sizeof(name), "service-%u", which);
        const uint64_t floor = atomic_load(&s->floor[which]);
        const int ticket = mls_epoch_enter(f->epochs);
        mls_err *err = mls_model_cache_get(&model, &entry, f->cache, name,
                                           "1", pool);
        if (err && err->code == MLS_ENOTFOUND) {
            atomic_fetch_add(&s->absent, 1);
        }
        else if (err) {
            atomic_fetch_add(&s->wrong, 1);
        }
        else if (model->alive != ALIVE || entry.generation < floor
                 || !context_is_alone(f, pool)) {
            atomic_fetch_add(&s->wrong, 1);
        }
        mls_epoch_leave(f->epochs, ticket);
        atomic_fetch_add(&s->scored, 1);
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
    return NULL;
}

/* Redeploys, deletions and growth of the index while threads score. */
static void test_threads_score_while_versions_change(void **state)
{
    fixture *f = *state;
    shared s = { .f = f };
    apr_thread_t *threads[THREADS];
    apr_status_t status;
    char name[32];

    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(apr_thread_create(&threads[i], NULL, score_all, &s,
                                           f->pool), APR_SUCCESS);
    }
    for (unsigned i = 0; i < UPDATES || s.scored < UPDATES; i++) {
        const unsigned which = i * 7 % SERVICES;
        snprintf(name, sizeof(name), "service-%u", which);
        if (i % 10 == 9) {
            withdraw(f, name);
        }
        else {
            publish(f, name, i % 97, MLS_INDEX_REALTIME);
        }
        /* Whoever begins now sees it, or something newer. */
        atomic_store(&s.floor[which], f->generation);
        snprintf(name, sizeof(name), "filler-%u", i);
        publish(f, name, 0, MLS_INDEX_STANDARD);
        if (i % 500 == 499) {
            apr_sleep(1000);
        }
    }
    atomic_store(&s.stop, 1);
    for (int i = 0; i < THREADS; i++) {
        apr_thread_join(&status, threads[i]);
    }
    assert_int_equal(s.wrong, 0);
    assert_true(s.absent > 0 && s.absent < s.scored);
    /* Nothing is kept that no version names. */
    publish(f, "last", 1, MLS_INDEX_REALTIME);
    assert_int_equal(score(f, "last"), 1);
    mls_epochs_collect(f->epochs);
    assert_true(opened - closed <= SERVICES + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_model_is_opened_once),
        TEST(test_unknown_and_standard_services_are_told_apart),
        TEST(test_a_redeployed_version_is_seen_and_the_old_image_goes),
        TEST(test_a_request_finishes_on_the_old_image),
        TEST(test_a_deleted_version_goes_on_the_next_look),
        TEST(test_a_version_that_became_standard_goes),
        TEST(test_deleted_versions_nobody_asks_for_go_on_a_miss),
        TEST(test_versions_of_one_file_share_its_image),
        TEST(test_a_generation_given_again_is_another_model),
        TEST(test_a_damaged_image_is_told_and_the_next_one_works),
        TEST(test_a_damaged_image_is_read_once),
        TEST(test_contexts_are_lent_and_taken_back),
        TEST(test_threads_score_while_versions_change),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
