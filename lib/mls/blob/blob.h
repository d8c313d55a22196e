/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_BLOB_BLOB_H
#define MLS_BLOB_BLOB_H

/**
 * Files named by what they hold: ROOT/<first 2 hex digits>/<SHA-256 in hex>.
 * A file is written under a temporary name in ROOT's tmp folder, synced, then
 * renamed: under its digest it is whole and never changes, it only goes. Two
 * stores are of this kind, uploaded models (blobs) and compiled ones (images).
 *
 * Who refers to a file is the registry's business. A sweep removes what nobody
 * refers to and nobody stored lately; ROOT/tmp/LOCK is held, shared, while a
 * file is found to be there already or a backup runs, and alone by the sweep.
 */

#include <stdint.h>
#include <sys/types.h>

#include <apr_pools.h>
#include <apr_time.h>

#include "base/err.h"

enum { MLS_BLOB_NAME = 64 }; /* characters of a digest */

typedef struct mls_blob_store {
    const char *root;      /* where files are: <root>/<2>/<64> */
    const char *temporary; /* on the same file system */
    mode_t file_mode;
    mode_t folder_mode;
} mls_blob_store;

/** A file that is being written. */
typedef struct mls_blob_temporary {
    const mls_blob_store *store;
    const char *path;
    int fd; /* open for reading and writing */
    const char *digest; /* when it is known; else NULL */
    int64_t size;
} mls_blob_temporary;

/** 1 when `name` is a digest as this store names files. */
int mls_blob_name_valid(const char *name);

/** The path of a file, whether it is there or not. */
const char *mls_blob_path(const mls_blob_store *store, const char *digest,
                          apr_pool_t *pool);

/** Begin a file. It is removed again by mls_blob_abandon, by the end of the
 *  pool, or by mls_blob_sweep_temporary after a crash. */
mls_err *mls_blob_begin(mls_blob_temporary **out, const mls_blob_store *store,
                        apr_pool_t *pool);
void mls_blob_abandon(mls_blob_temporary *temporary);

/** Copy `source` (a regular file, from its start; its position is not used)
 *  into it, digesting. MLS_ETOOLARGE over `most` bytes. */
mls_err *mls_blob_fill(mls_blob_temporary *temporary, int source, int64_t most,
                       apr_pool_t *pool);

/** Digest what was written by other ways than mls_blob_fill, sync, rename. The
 *  descriptor is closed. *digest and *size tell what is stored now; a file
 *  that was there already stays and counts as stored now. MLS_ENOSPACE leaves
 *  nothing behind. */
mls_err *mls_blob_commit(const char **digest, int64_t *size,
                         mls_blob_temporary *temporary, apr_pool_t *pool);

/** Begin, fill and commit at once. */
mls_err *mls_blob_put(const char **digest, int64_t *size,
                      const mls_blob_store *store, int source, int64_t most,
                      apr_pool_t *pool);

/** Open for reading; MLS_ENOTFOUND. With `verify` the contents are digested
 *  first, MLS_ECORRUPT when they are not what the name says. */
mls_err *mls_blob_open(int *fd, const mls_blob_store *store,
                       const char *digest, int verify, apr_pool_t *pool);

/** Remove; what is not there is no error. */
mls_err *mls_blob_delete(const mls_blob_store *store, const char *digest,
                         apr_pool_t *pool);

/** SHA-256 of a whole regular file, in hex, and its size. */
mls_err *mls_blob_digest(const char **digest, int64_t *size, int fd,
                         apr_pool_t *pool);

/** The lock; *fd is closed to give it up. Alone: -1 when somebody has it. */
mls_err *mls_blob_lock(int *fd, const mls_blob_store *store, int alone,
                       apr_pool_t *pool);

/* ---- blob_gc.c ---- */

/** Call `each` for every file; stops at an error. */
mls_err *mls_blob_each(const mls_blob_store *store,
                       mls_err *(*each)(void *baton, const char *digest,
                                        apr_pool_t *scratch),
                       void *baton, apr_pool_t *scratch);

/** Remove what `wanted` says 0 to and was stored before `before`. Does
 *  nothing when the lock is taken. */
mls_err *mls_blob_sweep(int *removed, const mls_blob_store *store,
                        int (*wanted)(void *baton, const char *digest),
                        void *baton, apr_time_t before, apr_pool_t *scratch);

/** Remove leftovers of crashed writers; only while nobody writes. */
mls_err *mls_blob_sweep_temporary(int *removed, const mls_blob_store *store,
                                  apr_pool_t *scratch);

#endif
