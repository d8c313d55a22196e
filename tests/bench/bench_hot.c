/* SPDX-License-Identifier: Apache-2.0 */
/* What every scoring request pays before it scores: entering an epoch, finding
 * a version in the mapped index, getting its model from the cache, verifying a
 * token. One thread, the best of several passes. Prints `name: value unit`
 * lines.
 *
 * Opening a model is replaced: a hit does not open any. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "auth/jwt.h"
#include "auth/token.h"
#include "scoring/model_cache.h"

#define STATE_ID "0f8fad5b-d9cb-469f-a165-70867728950e"

enum { VERSIONS = 100000, HOT = 64, CALLS = 200000, FIRST = 500, PASSES = 7 };

mlscore_status mlscore_model_open(mlscore_model **out, const char *path,
                                  mlscore_error *err)
{
    *out = malloc(1);
    return *out ? MLSCORE_OK : MLSCORE_ENOMEM;
}

void mlscore_model_close(mlscore_model *model)
{
    free(model);
}

typedef struct bench {
    apr_pool_t *pool;
    mls_epochs *epochs;
    mls_index_writer *writer;
    mls_index *index;
    mls_model_cache *cache;
    mls_token_verifier *verifier;
    const char *token;
    size_t token_length;
    int64_t now;
    char (*names)[24];
    char folder[64];
} bench;

static void must(mls_err *err)
{
    if (err) {
        fprintf(stderr, "bench_hot: %s\n", err->message);
        exit(1);
    }
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Nanoseconds of one call of `run`, which makes `calls`. */
static double best(bench *b, void (*run)(bench *b), int calls)
{
    double least = 1e9;

    for (int pass = 0; pass < PASSES; pass++) {
        const double start = seconds();
        run(b);
        const double each = (seconds() - start) / calls * 1e9;
        least = each < least ? each : least;
    }
    return least;
}

static void find(bench *b, unsigned versions)
{
    unsigned at = 0;

    for (int i = 0; i < CALLS; i++) {
        mls_index_entry entry;
        at = (at + 7919) % versions;
        const char *name = b->names[at];
        if (!mls_index_find(b->index, name, strlen(name), "1.0", 3, &entry)) {
            exit(1);
        }
    }
}

static void find_hot(bench *b)
{
    find(b, HOT);
}

static void find_any(bench *b)
{
    find(b, VERSIONS);
}

static void enter_and_leave(bench *b)
{
    for (int i = 0; i < CALLS; i++) {
        mls_epoch_leave(b->epochs, mls_epoch_enter(b->epochs));
    }
}

static void get_model(bench *b)
{
    for (int i = 0; i < CALLS; i++) {
        const mlscore_model *model;
        must(mls_model_cache_get(&model, NULL, b->cache,
                                 b->names[i % HOT], "1.0", b->pool));
    }
}

static void verify(bench *b, mls_token_verifier *verifier, int calls)
{
    apr_pool_t *pool;

    apr_pool_create(&pool, b->pool);
    for (int i = 0; i < calls; i++) {
        mls_identity who;
        must(mls_token_verify(&who, verifier, b->token, b->token_length,
                              b->now, pool));
        if (i % 64 == 63) {
            apr_pool_clear(pool);
        }
    }
    apr_pool_destroy(pool);
}

static void verify_remembered(bench *b)
{
    verify(b, b->verifier, CALLS);
}

static void verify_first(bench *b)
{
    mls_token_verifier *forgetful;
    const char *keys = apr_pstrcat(b->pool, b->folder, "/keys.jwks", NULL);

    must(mls_token_verifier_create(&forgetful, keys, b->index, 0, b->pool));
    verify(b, forgetful, FIRST);
}

static void make_index(bench *b)
{
    const char *path = apr_pstrcat(b->pool, b->folder, "/index", NULL);
    int rebuild;

    must(mls_epochs_create(&b->epochs, 16, b->pool));
    must(mls_index_writer_open(&b->writer, path, STATE_ID, 0, &rebuild,
                               b->pool));
    b->names = apr_palloc(b->pool, VERSIONS * sizeof(*b->names));
    for (unsigned i = 0; i < VERSIONS; i++) {
        const mls_index_entry entry = { .generation = i + 1,
                                        .flags = MLS_INDEX_REALTIME,
                                        .image = { (unsigned char)i } };
        snprintf(b->names[i], sizeof(b->names[i]), "churn-model-%u", i);
        must(mls_index_writer_put(b->writer, b->names[i], "1.0", &entry,
                                  b->pool));
    }
    must(mls_index_writer_commit_rebuild(b->writer, VERSIONS, b->pool));
    must(mls_index_open(&b->index, path, b->epochs, b->pool));
    must(mls_model_cache_create(&b->cache, "/images", b->index, b->epochs,
                                b->pool));
}

static void make_token(bench *b)
{
    const char *path = apr_pstrcat(b->pool, b->folder, "/keys.jwks", NULL);
    mls_jwt_key *key;
    const char *set;

    b->now = (int64_t)time(NULL);
    const mls_jwt_claims claims = {
        .audience = STATE_ID, .name = "ann.example", .provider = "ldap",
        .id = "6b1f0c2a", .family = { 1, 2, 3 }, .issued = b->now,
        .not_before = b->now, .expires = b->now + 3600
    };
    must(mls_jwt_key_make(&key, b->pool));
    must(mls_jwt_key_set(&set, &key, 1, b->pool));
    FILE *file = fopen(path, "w");
    if (!file || fputs(set, file) < 0 || fclose(file) != 0) {
        exit(1);
    }
    must(mls_jwt_sign(&b->token, key, &claims, b->pool));
    b->token_length = strlen(b->token);
    must(mls_token_verifier_create(&b->verifier, path, b->index, 1024,
                                   b->pool));
}

int main(void)
{
    bench b = { .folder = "/tmp/bench-hot-XXXXXX" };

    apr_initialize();
    if (!mkdtemp(b.folder) || apr_pool_create(&b.pool, NULL)) {
        return 1;
    }
    make_index(&b);
    make_token(&b);
    const int ticket = mls_epoch_enter(b.epochs);
    printf("index-find-ns: %.1f ns\n", best(&b, find_hot, CALLS));
    printf("index-find-cold-ns: %.1f ns\n", best(&b, find_any, CALLS));
    printf("epoch-ns: %.1f ns\n", best(&b, enter_and_leave, CALLS));
    printf("cache-hit-ns: %.1f ns\n", best(&b, get_model, CALLS));
    printf("token-characters: %d\n", (int)b.token_length);
    printf("token-remembered-ns: %.1f ns\n",
           best(&b, verify_remembered, CALLS));
    printf("token-first-us: %.1f us\n", best(&b, verify_first, FIRST) / 1000);
    mls_epoch_leave(b.epochs, ticket);
    unlink(apr_pstrcat(b.pool, b.folder, "/index", NULL));
    unlink(apr_pstrcat(b.pool, b.folder, "/keys.jwks", NULL));
    rmdir(b.folder);
    apr_pool_destroy(b.pool);
    return 0;
}
