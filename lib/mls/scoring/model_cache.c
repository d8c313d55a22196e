/* SPDX-License-Identifier: Apache-2.0 */
/* Mapped images by version of a service.
 *
 * A table of pointers to immutable records, open-addressed by the index's keyed
 * hash. Readers load pointers; whoever misses takes the mutex, replaces a
 * pointer or the whole table, and retires what was replaced through the
 * epochs. Images are shared by digest and counted under the mutex: two versions
 * made from the same file are mapped once. */

#include "scoring/model_cache.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "base/ident.h"
#include "base/thread_hint.h"
#include "scoring/bad_images.h"

enum {
    TABLE_MIN = 64,
    ATTEMPTS = 4, /* when a version changes while its image is opened */
    SCANS = 64    /* for a context, while others move */
};

/* One mapped file. */
typedef struct image {
    struct image *next; /* of all images; under the mutex */
    unsigned char digest[MLS_INDEX_DIGEST];
    mlscore_model *model;
    unsigned records; /* that point here; under the mutex */
} image;

/* A version's model; never changed after it is published. What a hit looks at
 * comes first, 64 bytes. */
typedef struct record {
    unsigned char key[MLS_INDEX_KEY];
    uint64_t generation;
    const mlscore_model *model;
    unsigned char digest[MLS_INDEX_DIGEST];
    image *image;
} record;

typedef struct table {
    size_t mask;
    size_t used; /* under the mutex */
    _Atomic(record *) slot[];
} table;

struct mls_model_cache {
    mls_index *index;
    mls_epochs *epochs;
    const char *images;
    _Atomic(table *) table;
    apr_thread_mutex_t *mutex; /* guards changes, and what follows */
    image *first;
    uint64_t swept; /* the index's generation at the last sweep */
    mls_bad_images bad;
    /* contexts */
    _Atomic(mlscore_context *) *contexts; /* free ones; NULL slots are not */
    unsigned threads;
    _Atomic unsigned made;
};

/* ---- tables ---- */

static table *new_table(size_t slots)
{
    table *t = malloc(sizeof(*t) + slots * sizeof(t->slot[0]));

    if (t) {
        t->mask = slots - 1;
        t->used = 0;
        for (size_t i = 0; i < slots; i++) {
            atomic_init(&t->slot[i], NULL);
        }
    }
    return t;
}

/* The slot of a key, or the empty one where it would go. A table is never
 * full, so there is one. */
static size_t slot_of(table *t, const unsigned char key[MLS_INDEX_KEY],
                      record **found)
{
    uint64_t start;

    memcpy(&start, key, sizeof(start));
    for (size_t at = (size_t)start & t->mask;; at = (at + 1) & t->mask) {
        record *r = atomic_load_explicit(&t->slot[at], memory_order_acquire);
        if (!r || memcmp(r->key, key, MLS_INDEX_KEY) == 0) {
            *found = r;
            return at;
        }
    }
}

static record *lookup(mls_model_cache *cache,
                      const unsigned char key[MLS_INDEX_KEY])
{
    record *found;

    slot_of(atomic_load_explicit(&cache->table, memory_order_acquire), key,
            &found);
    return found;
}

/* The digest too: a registry that was restored from a backup gives generations
 * again that this process may have seen. */
static inline int is_same(const record *r, const mls_index_entry *entry)
{
    return r && r->generation == entry->generation
           && memcmp(r->digest, entry->image, MLS_INDEX_DIGEST) == 0;
}

/* ---- dropping; with the mutex held ---- */

static void close_image(void *baton)
{
    image *i = baton;

    mlscore_model_close(i->model);
    free(i);
}

static void drop_image(mls_model_cache *cache, image *gone)
{
    if (--gone->records) {
        return;
    }
    image **link = &cache->first;
    while (*link != gone) {
        link = &(*link)->next;
    }
    *link = gone->next;
    mls_epoch_retire(cache->epochs, close_image, gone);
}

static void drop_record(mls_model_cache *cache, record *gone)
{
    drop_image(cache, gone->image);
    mls_epoch_retire(cache->epochs, free, gone);
}

/* Copy what is current into a table with room for more. Out of memory:
 * everything stays, which is only wasteful. */
static void sweep(mls_model_cache *cache, size_t room)
{
    table *old = atomic_load_explicit(&cache->table, memory_order_relaxed);
    size_t slots = TABLE_MIN;

    while (slots < 4 * (old->used + room)) {
        slots *= 2;
    }
    table *fresh = new_table(slots);
    if (!fresh) {
        return;
    }
    record **gone = malloc((old->used + 1) * sizeof(*gone));
    if (!gone) {
        free(fresh);
        return;
    }
    size_t count = 0;
    for (size_t i = 0; i <= old->mask; i++) {
        record *r = atomic_load_explicit(&old->slot[i], memory_order_relaxed);
        record *none;
        if (!r) {
            continue;
        }
        if (!mls_index_is_current(cache->index, r->key, r->generation)) {
            gone[count++] = r;
            continue;
        }
        atomic_store_explicit(&fresh->slot[slot_of(fresh, r->key, &none)], r,
                              memory_order_relaxed);
        fresh->used++;
    }
    atomic_store(&cache->table, fresh);
    mls_epoch_retire(cache->epochs, free, old);
    while (count) {
        drop_record(cache, gone[--count]);
    }
    free(gone);
}

/* ---- filling; with the mutex held ---- */

static mls_err *image_failed(const mls_index_entry *entry, const char *path,
                             const mlscore_error *failure,
                             apr_pool_t *scratch)
{
    switch (failure->status) {
    case MLSCORE_ENOMEM:
        return mls_err_make(scratch, APR_ENOMEM, NULL,
                            "out of memory for the image %s", path);
    case MLSCORE_EVERSION:
        return mls_err_make(scratch, MLS_EUNAVAILABLE, NULL,
                            "the image %s was compiled by another release: "
                            "publish the model again: %s",
                            path, failure->message);
    default:
        return mls_err_make(scratch, MLS_ECORRUPT, NULL,
                            "the image %s of generation %" APR_UINT64_T_FMT
                            " cannot be used: %s; publish the model again or "
                            "restore the file", path, entry->generation,
                            failure->message);
    }
}

static mls_err *open_image(image **out, mls_model_cache *cache,
                           const mls_index_entry *entry, apr_pool_t *scratch)
{
    char digest[2 * MLS_INDEX_DIGEST + 1];
    mlscore_error failure = { 0 };

    for (image *i = cache->first; i; i = i->next) {
        if (memcmp(i->digest, entry->image, MLS_INDEX_DIGEST) == 0) {
            *out = i;
            return NULL;
        }
    }
    mls_hex_encode(digest, entry->image, MLS_INDEX_DIGEST);
    const char *path = apr_psprintf(scratch, "%s/%.2s/%s", cache->images,
                                    digest, digest);
    const mlscore_error *known =
        mls_bad_image_find(&cache->bad, entry->image, path);
    if (known) {
        return image_failed(entry, path, known, scratch);
    }
    image *fresh = calloc(1, sizeof(*fresh));
    if (!fresh) {
        return mls_err_make(scratch, APR_ENOMEM, NULL, "out of memory");
    }
    if (mlscore_model_open(&fresh->model, path, &failure) != MLSCORE_OK) {
        free(fresh);
        mls_bad_image_note(&cache->bad, entry->image, path, &failure);
        return image_failed(entry, path, &failure, scratch);
    }
    memcpy(fresh->digest, entry->image, MLS_INDEX_DIGEST);
    fresh->next = cache->first;
    cache->first = fresh;
    *out = fresh;
    return NULL;
}

static mls_err *add(const mlscore_model **out, mls_model_cache *cache,
                    const mls_index_entry *entry, apr_pool_t *scratch)
{
    image *its_image = NULL;
    record *old;

    MLS_TRY(open_image(&its_image, cache, entry, scratch));
    its_image->records++;
    record *r = malloc(sizeof(*r));
    if (!r) {
        drop_image(cache, its_image);
        return mls_err_make(scratch, APR_ENOMEM, NULL, "out of memory");
    }
    memcpy(r->key, entry->key, MLS_INDEX_KEY);
    r->generation = entry->generation;
    r->model = its_image->model;
    memcpy(r->digest, entry->image, MLS_INDEX_DIGEST);
    r->image = its_image;

    table *t = atomic_load_explicit(&cache->table, memory_order_relaxed);
    const size_t at = slot_of(t, r->key, &old);
    /* Release: a reader that loads the pointer sees the record. */
    atomic_store(&t->slot[at], r);
    if (old) {
        drop_record(cache, old);
    }
    else {
        t->used++;
    }
    *out = r->model;
    return NULL;
}

/* Another thread may have filled it, and the version may have changed. */
static mls_err *fill(const mlscore_model **out, mls_model_cache *cache,
                     const mls_index_entry *entry, apr_pool_t *scratch)
{
    const uint64_t generation = mls_index_generation(cache->index);
    table *t = atomic_load_explicit(&cache->table, memory_order_relaxed);

    if (cache->swept != generation || 2 * (t->used + 1) > t->mask) {
        sweep(cache, 1);
        cache->swept = generation;
        t = atomic_load_explicit(&cache->table, memory_order_relaxed);
    }
    if (t->used >= t->mask) {
        return mls_err_make(scratch, APR_ENOMEM, NULL, "out of memory");
    }
    const record *r = lookup(cache, entry->key);
    if (is_same(r, entry)) {
        *out = r->model;
        return NULL;
    }
    return add(out, cache, entry, scratch);
}

/* ---- the interface ---- */

static apr_status_t close_cache(void *baton)
{
    mls_model_cache *cache = baton;
    table *t = atomic_load(&cache->table);

    for (size_t i = 0; i <= t->mask; i++) {
        free(atomic_load(&t->slot[i]));
    }
    free(t);
    for (image *i = cache->first, *next; i; i = next) {
        next = i->next;
        close_image(i);
    }
    for (unsigned i = 0; i < cache->threads; i++) {
        mlscore_context_free(atomic_load(&cache->contexts[i]));
    }
    return APR_SUCCESS;
}

mls_err *mls_model_cache_create(mls_model_cache **out, const char *images,
                                mls_index *index, mls_epochs *epochs,
                                apr_pool_t *pool)
{
    mls_model_cache *cache = apr_pcalloc(pool, sizeof(*cache));
    table *t = new_table(TABLE_MIN);

    if (!t) {
        return mls_err_make(pool, APR_ENOMEM, NULL, "out of memory");
    }
    cache->index = index;
    cache->epochs = epochs;
    cache->images = apr_pstrdup(pool, images);
    atomic_init(&cache->table, t);
    cache->threads = mls_epochs_threads(epochs);
    cache->contexts = apr_palloc(pool,
                                 cache->threads * sizeof(*cache->contexts));
    for (unsigned i = 0; i < cache->threads; i++) {
        atomic_init(&cache->contexts[i], NULL);
    }
    atomic_init(&cache->made, 0);
    apr_pool_cleanup_register(pool, cache, close_cache,
                              apr_pool_cleanup_null);
    const apr_status_t status = apr_thread_mutex_create(
        &cache->mutex, APR_THREAD_MUTEX_DEFAULT, pool);
    if (status != APR_SUCCESS) {
        return mls_err_apr(pool, status, "cannot create a mutex");
    }
    *out = cache;
    return NULL;
}

static mls_err *not_found(const mls_index_entry *entry, const char *name,
                          const char *version, apr_pool_t *scratch)
{
    return mls_err_make(scratch, MLS_ENOTFOUND, NULL,
                        entry->flags ? "service %s %s is not a realtime one"
                                     : "there is no service %s %s",
                        name, version);
}

/* A cached version that is gone: whoever notices drops it. */
static void forget(mls_model_cache *cache, const mls_index_entry *entry)
{
    if (!lookup(cache, entry->key)) {
        return;
    }
    apr_thread_mutex_lock(cache->mutex);
    record *r = lookup(cache, entry->key);
    if (r && !mls_index_is_current(cache->index, r->key, r->generation)) {
        sweep(cache, 0);
    }
    apr_thread_mutex_unlock(cache->mutex);
}

mls_err *mls_model_cache_get(const mlscore_model **out,
                             mls_index_entry *entry, mls_model_cache *cache,
                             const char *name, const char *version,
                             apr_pool_t *scratch)
{
    const size_t name_length = strlen(name);
    const size_t version_length = strlen(version);
    mls_index_entry own;
    mls_index_entry *e = entry ? entry : &own;
    mls_err *err = NULL;
    uint64_t failed = 0;

    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (!mls_index_find(cache->index, name, name_length, version,
                            version_length, e)
            || !(e->flags & MLS_INDEX_REALTIME)) {
            forget(cache, e);
            return not_found(e, name, version, scratch);
        }
        const record *r = lookup(cache, e->key);
        if (is_same(r, e)) {
            *out = r->model;
            return NULL;
        }
        if (err && e->generation == failed) {
            return err; /* it failed, and not because it was replaced */
        }
        failed = e->generation;
        apr_thread_mutex_lock(cache->mutex);
        err = fill(out, cache, e, scratch);
        apr_thread_mutex_unlock(cache->mutex);
        if (!err) {
            return NULL;
        }
    }
    return err;
}

/* Taking a pointer out as a whole: there is no next pointer that could be
 * stale, hence no ABA. */
static mlscore_context *take_context(mls_model_cache *cache)
{
    const unsigned first = mls_thread_hint(cache->threads);

    for (unsigned i = 0; i < cache->threads; i++) {
        const unsigned at = (first + i) % cache->threads;
        if (atomic_load_explicit(&cache->contexts[at],
                                 memory_order_relaxed)) {
            mlscore_context *context = atomic_exchange_explicit(
                &cache->contexts[at], NULL, memory_order_acq_rel);
            if (context) {
                return context;
            }
        }
    }
    return NULL;
}

/* 1 when one more may be made. */
static int count_context(mls_model_cache *cache)
{
    if (atomic_fetch_add(&cache->made, 1) < cache->threads) {
        return 1;
    }
    atomic_fetch_sub(&cache->made, 1);
    return 0;
}

mls_err *mls_model_cache_context(mlscore_context **out,
                                 mls_model_cache *cache, apr_pool_t *scratch)
{
    mlscore_error failure = { 0 };

    /* One that is returned behind the place we look at is missed. */
    for (int scan = 0; scan < SCANS; scan++) {
        *out = take_context(cache);
        if (*out) {
            return NULL;
        }
        if (!count_context(cache)) {
            continue;
        }
        if (mlscore_context_create(out, &failure) == MLSCORE_OK) {
            return NULL;
        }
        atomic_fetch_sub(&cache->made, 1);
        return mls_err_make(scratch, APR_ENOMEM, NULL,
                            "cannot make a scoring context: %s",
                            failure.message);
    }
    return mls_err_make(scratch, MLS_EBUSY, NULL,
                        "all %u scoring contexts are in use", cache->threads);
}

void mls_model_cache_return(mls_model_cache *cache, mlscore_context *context)
{
    const unsigned first = mls_thread_hint(cache->threads);

    if (!context) {
        return;
    }
    for (unsigned i = 0; i < SCANS * cache->threads; i++) {
        mlscore_context *none = NULL;
        if (atomic_compare_exchange_strong_explicit(
                &cache->contexts[(first + i) % cache->threads], &none,
                context, memory_order_acq_rel, memory_order_relaxed)) {
            return;
        }
    }
    mlscore_context_free(context); /* cannot be: there is a place for each */
    atomic_fetch_sub(&cache->made, 1);
}
