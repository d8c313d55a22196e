/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_POOL_POOL_CLIENT_H
#define MLS_POOL_POOL_CLIENT_H

/**
 * Running code, seen from a child of httpd: one call to a worker of a service
 * version, or one operation of a session.
 *
 * The whole request is in memory or in a file before a worker is asked for,
 * so that a slow caller never holds one. docs/internals/worker-protocol.md.
 */

#include <apr_pools.h>

#include "base/err.h"
#include "base/json.h"
#include "registry/registry.h"

typedef struct mls_pool_client mls_pool_client;

/** A handle for the supervisor listening at `socket_path`; connects per call.
 *  Thread-safe. */
mls_err *mls_pool_client_open(mls_pool_client **out, const char *socket_path,
                              apr_pool_t *pool);

/** What every call has. */
typedef struct mls_pool_call {
    const char *request_id;
    int time_limit;    /* milliseconds, for waiting and running together */
    int caller;        /* the HTTP client's socket, watched for its end; -1 */
    int (*gone)(void *baton); /* asked now and then; may be NULL */
    void *baton;
} mls_pool_call;

/** What a worker answered. */
typedef struct mls_pool_result {
    mls_json *json;      /* the result frame */
    const char *console; /* what was printed, when the worker crashed */
    int crashed;         /* it ended without a result; json is NULL */
    const char *reason;  /* then, for users */
    apr_time_t waited;   /* microseconds until a worker took the call */
} mls_pool_result;

/** Run a service version. `body` is the consume call's JSON object. MLS_EBUSY,
 *  MLS_EUNAVAILABLE, MLS_ETIMEOUT, MLS_ENOTFOUND; a caller that went away is
 *  MLS_EGONE. A crash is a result. */
mls_err *mls_pool_run(mls_pool_result **out, mls_pool_client *client,
                      const mls_pool_call *call, const char *service,
                      const char *version, apr_uint64_t generation,
                      const char *body, apr_size_t length, apr_pool_t *pool);

/** One operation without a stream: "session.create" and the like. `request`
 *  has op, provider, user and what the operation needs; *answer is the
 *  supervisor's. */
mls_err *mls_session_control(mls_json **answer, mls_pool_client *client,
                             const mls_pool_call *call, mls_json *request,
                             apr_pool_t *pool);

/** The bytes of a snapshot's blob, open for reading; closed with `pool`. The
 *  caller has made sure that the snapshot is its user's. */
mls_err *mls_session_fetch(int *fd, mls_pool_client *client,
                           const mls_pool_call *call, const char *blob,
                           apr_pool_t *pool);

/** What goes with an operation on a session's stream. */
typedef struct mls_session_data {
    const char *body;   /* JSON of a Q frame, or NULL */
    apr_size_t length;
    int source;         /* descriptor whose bytes are sent as D, or -1 */
    int sink;           /* descriptor that B frames are written to, or -1 */
    int file;           /* descriptor passed on (snapshots), or -1 */
} mls_session_data;

/** One operation of the caller's own session ("execute", "put-object" ...).
 *  `operation` is the `request` object of the protocol. */
mls_err *mls_session_do(mls_pool_result **out, mls_pool_client *client,
                        const mls_pool_call *call, const mls_subject *subject,
                        const char *session, mls_json *operation,
                        const mls_session_data *data, apr_pool_t *pool);

#endif
