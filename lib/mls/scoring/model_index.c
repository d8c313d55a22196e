/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of the mapped index: look-ups, and following a newer file. */

#include "scoring/model_index.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "base/hash.h"
#include "scoring/model_index_format.h"

/* When a newer file cannot be opened, how long until the next try. */
#define RETRY_AFTER apr_time_from_msec(100)

struct mls_index {
    _Atomic(index_file *) current;
    mls_epochs *epochs;
    const char *path;
    char state_id[INDEX_STATE_ID];
    apr_thread_mutex_t *mutex; /* guards replacing, and what follows */
    apr_time_t retry;          /* not before this time */
    _Atomic int failed;        /* the last try did */
};

static void close_and_free(void *baton)
{
    index_file *file = baton;

    mls_index_file_close(file);
    free(file);
}

static apr_status_t close_index(void *baton)
{
    mls_index *index = baton;

    close_and_free(atomic_load(&index->current));
    return APR_SUCCESS;
}

static mls_err *open_file(index_file **out, const char *path,
                          apr_pool_t *pool)
{
    index_file *file = malloc(sizeof(*file));

    if (!file) {
        return mls_err_make(pool, APR_ENOMEM, NULL, "out of memory");
    }
    mls_err *err = mls_index_file_open(file, path, 0, pool);
    if (err) {
        free(file);
        return err;
    }
    *out = file;
    return NULL;
}

mls_err *mls_index_open(mls_index **out, const char *path, mls_epochs *epochs,
                        apr_pool_t *pool)
{
    mls_index *index = apr_pcalloc(pool, sizeof(*index));
    index_file *file = NULL;

    const apr_status_t status = apr_thread_mutex_create(
        &index->mutex, APR_THREAD_MUTEX_DEFAULT, pool);
    if (status != APR_SUCCESS) {
        return mls_err_apr(pool, status, "cannot create a mutex");
    }
    MLS_TRY(open_file(&file, path, pool));
    index->epochs = epochs;
    index->path = apr_pstrdup(pool, path);
    memcpy(index->state_id, file->header->state_id, INDEX_STATE_ID);
    atomic_init(&index->current, file);
    atomic_init(&index->failed, 0);
    apr_pool_cleanup_register(pool, index, close_index,
                              apr_pool_cleanup_null);
    *out = index;
    return NULL;
}

static int is_superseded(const index_file *file)
{
    return atomic_load_explicit(&file->header->superseded,
                                memory_order_acquire) != 0;
}

/* With the mutex held: map the file that has the name now. A failure keeps
 * the old file, which is never wrong, only old. */
static void reopen(mls_index *index)
{
    index_file *old = atomic_load_explicit(&index->current,
                                           memory_order_relaxed);
    index_file *file = NULL;
    apr_pool_t *scratch;

    if (!is_superseded(old) || apr_time_now() < index->retry
        || apr_pool_create(&scratch, NULL) != APR_SUCCESS) {
        return;
    }
    mls_err *err = open_file(&file, index->path, scratch);
    apr_pool_destroy(scratch);
    if (!err && (strcmp(file->header->state_id, index->state_id) != 0
                 || (file->inode == old->inode
                     && file->device == old->device))) {
        close_and_free(file); /* another state's, or the same file again */
        file = NULL;
    }
    if (!file) {
        index->retry = apr_time_now() + RETRY_AFTER;
        atomic_store(&index->failed, 1);
        return;
    }
    atomic_store(&index->failed, 0);
    atomic_store(&index->current, file);
    mls_epoch_retire(index->epochs, close_and_free, old);
}

/* Another thread may be replacing it: waiting for that, which is a local
 * mmap, lets a request see what was published before it began. While the new
 * file cannot be opened nobody waits. */
static index_file *follow(mls_index *index)
{
    if (atomic_load_explicit(&index->failed, memory_order_relaxed)) {
        if (apr_thread_mutex_trylock(index->mutex) != APR_SUCCESS) {
            return atomic_load_explicit(&index->current,
                                        memory_order_acquire);
        }
    }
    else {
        apr_thread_mutex_lock(index->mutex);
    }
    reopen(index);
    apr_thread_mutex_unlock(index->mutex);
    return atomic_load_explicit(&index->current, memory_order_acquire);
}

static inline index_file *current(mls_index *index)
{
    index_file *file = atomic_load_explicit(&index->current,
                                            memory_order_acquire);

    return __builtin_expect(is_superseded(file), 0) ? follow(index) : file;
}

static void key_words(uint64_t out[2], const unsigned char key[MLS_INDEX_KEY])
{
    memcpy(out, key, MLS_INDEX_KEY);
}

int mls_index_find(mls_index *index, const char *name, size_t name_length,
                   const char *version, size_t version_length,
                   mls_index_entry *entry)
{
    const index_file *file = current(index);
    index_record record;
    uint64_t key[2];

    memset(entry, 0, sizeof(*entry));
    mls_siphash128_pair(file->header->hash_key, name, name_length, version,
                        version_length, entry->key);
    key_words(key, entry->key);
    if (!mls_index_file_find(&record, file, key, 0)) {
        return 0;
    }
    const uint64_t flags = record.word[INDEX_SERVICE_FLAGS];
    if ((uint32_t)flags == 0) {
        return 0; /* deleted */
    }
    memcpy(entry->image, &record.word[INDEX_SERVICE_IMAGE],
           MLS_INDEX_DIGEST);
    entry->generation = record.word[INDEX_SERVICE_GENERATION];
    entry->flags = (uint32_t)flags;
    entry->owner = (uint32_t)(flags >> 32);
    return 1;
}

int mls_index_is_current(mls_index *index,
                         const unsigned char key[MLS_INDEX_KEY],
                         uint64_t generation)
{
    index_record record;
    uint64_t words[2];

    key_words(words, key);
    return mls_index_file_find(&record, current(index), words, 0)
           && (uint32_t)record.word[INDEX_SERVICE_FLAGS] != 0
           && record.word[INDEX_SERVICE_GENERATION] == generation;
}

int mls_index_revoked(mls_index *index,
                      const unsigned char family[MLS_INDEX_FAMILY],
                      const unsigned char subject[MLS_INDEX_KEY],
                      int64_t issued)
{
    const index_file *file = current(index);
    index_record record;
    uint64_t key[2];

    key_words(key, family);
    if (mls_index_file_find(&record, file, key, INDEX_KIND_FAMILY)) {
        return 1;
    }
    key_words(key, subject);
    return mls_index_file_find(&record, file, key, INDEX_KIND_SUBJECT)
           && issued < (int64_t)record.word[INDEX_REVOKED_NOT_BEFORE];
}

void mls_index_subject(mls_index *index, const char *provider,
                       const char *name, unsigned char out[MLS_INDEX_KEY])
{
    mls_siphash128_pair(current(index)->header->hash_key, provider,
                        strlen(provider), name, strlen(name), out);
}

uint64_t mls_index_key_id(mls_index *index)
{
    return current(index)->key_id;
}

uint64_t mls_index_count(mls_index *index)
{
    return mls_index_file_total(current(index), INDEX_TOTAL_SERVICES);
}

uint64_t mls_index_generation(mls_index *index)
{
    return mls_index_file_total(current(index), INDEX_TOTAL_GENERATION);
}

const char *mls_index_state_id(mls_index *index)
{
    return index->state_id;
}

mls_epochs *mls_index_epochs(mls_index *index)
{
    return index->epochs;
}
