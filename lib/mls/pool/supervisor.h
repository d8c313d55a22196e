/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_POOL_SUPERVISOR_H
#define MLS_POOL_SUPERVISOR_H

/**
 * The pool supervisor, seen from a child of httpd: storing and compiling an
 * uploaded model. (Running code follows in the same place.)
 */

#include <apr_pools.h>

#include "base/err.h"

typedef struct mls_supervisor mls_supervisor;

/** A handle for the supervisor listening at `socket_path`; connects per call.
 *  Thread-safe. */
mls_err *mls_supervisor_open(mls_supervisor **out, const char *socket_path,
                             apr_pool_t *pool);

/** An uploaded model, stored and compiled. */
typedef struct mls_compiled {
    const char *blob;   /* lower-case hex SHA-256 of the stored bytes */
    apr_int64_t blob_size;
    const char *image;  /* lower-case hex SHA-256 of the image */
    apr_int64_t image_size;
    const char *model;  /* JSON: what `mlscore inspect --json` says */
} mls_compiled;

/** Pass descriptors on: `model_fd` is the upload from its start to its end,
 *  `verify_fd` rows to reproduce (CSV or JSON) or -1. The supervisor's helper
 *  copies the model into a blob, digests it, compiles it in a sandbox and
 *  stores the image. What it stored stays unreferenced, and is swept after an
 *  hour, unless a registry record names it. `subject` is for quotas.
 *  MLS_EMODEL with the compiler's reason, MLS_EBUSY, MLS_ENOSPACE,
 *  MLS_ETIMEOUT, MLS_EUNAVAILABLE. Waits at most `timeout` seconds. */
mls_err *mls_supervisor_compile(mls_compiled **out,
                                mls_supervisor *supervisor, int model_fd,
                                int verify_fd, const char *subject,
                                const char *request_id, int timeout,
                                apr_pool_t *pool);

/** Store the bytes of `fd` as a blob, for a session's snapshot. The same rules
 *  as for a model, without compiling. */
mls_err *mls_supervisor_store(const char **blob, apr_int64_t *size,
                              mls_supervisor *supervisor, int fd,
                              const char *subject, const char *request_id,
                              apr_pool_t *pool);

/** Counters of the supervisor as a JSON object. */
mls_err *mls_supervisor_status(const char **json, mls_supervisor *supervisor,
                               apr_pool_t *pool);

#endif
