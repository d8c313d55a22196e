/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_DAEMON_COMPILE_H
#define MLS_DAEMON_COMPILE_H

/**
 * An upload, in a helper process that the supervisor forks for it:
 * store the bytes as a blob, compile them in a cell, store the image. The
 * helper only copies and digests; what reads the model is the cell.
 */

#include <stdint.h>

#include "blob/blob.h"
#include "daemon/daemon.h"

/** The two stores of a state. */
void mls_stores_make(mls_blob_store *blobs, mls_blob_store *images,
                     const mls_paths *paths, apr_pool_t *pool);

typedef struct mls_compile_result {
    const char *blob;
    int64_t blob_size;
    const char *image;
    int64_t image_size;
    const char *model; /* JSON of mlscore inspect */
} mls_compile_result;

/** Compile the stored bytes open as `blob`. `verify` is a memory file of rows
 *  or -1. `caller` (or -1) is a socket: when its other end goes, the work is
 *  ended with MLS_EUNAVAILABLE. Fills image, image_size and model. */
mls_err *mls_compile_blob(mls_compile_result *result,
                          const mls_daemon *daemon, int reduced, int blob,
                          int verify, int caller, apr_pool_t *pool);

/** What the supervisor hands to the helper. */
typedef struct mls_compile_job {
    const mls_daemon *daemon;
    int reduced;
    int store_only; /* no model: a snapshot, say */
    int connection;
    int model;
    int verify; /* -1: none */
    const char *subject; /* "provider:name" */
    const char *request_id;
} mls_compile_job;

/** The helper's whole life: do the job, send the answer. Returns its exit
 *  code, 0 when an answer was sent or nobody waits for it any more. */
int mls_compile_helper(const mls_compile_job *job, apr_pool_t *pool);

#endif
