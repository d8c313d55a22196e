/* SPDX-License-Identifier: Apache-2.0 */
/* Sweeping: files that no record names, and leftovers of crashed writers. */

#include "blob/blob.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

typedef mls_err *(*each_file)(void *baton, const char *digest,
                              apr_pool_t *scratch);

static mls_err *walk_folder(const char *folder, each_file each, void *baton,
                            apr_pool_t *scratch)
{
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    mls_err *err = NULL;
    apr_pool_t *subpool;

    if (!directory) {
        return mls_err_apr(scratch, errno, "read %s", folder);
    }
    apr_pool_create(&subpool, scratch);
    while (!err && (entry = readdir(directory))) {
        if (mls_blob_name_valid(entry->d_name)) {
            apr_pool_clear(subpool);
            err = each(baton, entry->d_name, subpool);
        }
    }
    closedir(directory);
    return err; /* lives in subpool, which lives as long as scratch */
}

static int is_folder_name(const char *name)
{
    return strlen(name) == 2 && strspn(name, "0123456789abcdef") == 2;
}

mls_err *mls_blob_each(const mls_blob_store *store, each_file each,
                       void *baton, apr_pool_t *scratch)
{
    DIR *directory = opendir(store->root);
    const struct dirent *entry;
    mls_err *err = NULL;

    if (!directory) {
        return mls_err_apr(scratch, errno, "read %s", store->root);
    }
    while (!err && (entry = readdir(directory))) {
        if (is_folder_name(entry->d_name)) {
            err = walk_folder(apr_pstrcat(scratch, store->root, "/",
                                          entry->d_name, NULL),
                              each, baton, scratch);
        }
    }
    closedir(directory);
    return err;
}

struct sweep {
    const mls_blob_store *store;
    int (*wanted)(void *baton, const char *digest);
    void *baton;
    apr_time_t before;
    int removed;
    mls_err *first; /* what could not be removed does not stop the rest */
    apr_pool_t *pool;
};

static mls_err *sweep_one(void *baton, const char *digest, apr_pool_t *scratch)
{
    struct sweep *sweep = baton;
    const char *path = mls_blob_path(sweep->store, digest, scratch);
    struct stat status;

    if (sweep->wanted(sweep->baton, digest) || lstat(path, &status)
        || apr_time_from_sec(status.st_mtime) >= sweep->before) {
        return NULL;
    }
    if (!unlink(path)) {
        sweep->removed++;
    }
    else if (!sweep->first) {
        sweep->first = mls_err_apr(sweep->pool, errno, "remove %s", path);
    }
    return NULL;
}

mls_err *mls_blob_sweep(int *removed, const mls_blob_store *store,
                        int (*wanted)(void *baton, const char *digest),
                        void *baton, apr_time_t before, apr_pool_t *scratch)
{
    struct sweep sweep = { store, wanted, baton, before, 0, NULL, scratch };
    int lock;

    *removed = 0;
    MLS_TRY(mls_blob_lock(&lock, store, 1, scratch));
    if (lock < 0) {
        return NULL;
    }
    mls_err *err = mls_blob_each(store, sweep_one, &sweep, scratch);
    close(lock);
    *removed = sweep.removed;
    return err ? err : sweep.first;
}

mls_err *mls_blob_sweep_temporary(int *removed, const mls_blob_store *store,
                                  apr_pool_t *scratch)
{
    DIR *directory = opendir(store->temporary);
    const struct dirent *entry;

    *removed = 0;
    if (!directory) {
        return mls_err_apr(scratch, errno, "read %s", store->temporary);
    }
    while ((entry = readdir(directory))) {
        const char *path =
            apr_pstrcat(scratch, store->temporary, "/", entry->d_name, NULL);
        struct stat status;
        if (strcmp(entry->d_name, "LOCK") && !lstat(path, &status)
            && S_ISREG(status.st_mode) && !unlink(path)) {
            (*removed)++;
        }
    }
    closedir(directory);
    return NULL;
}
