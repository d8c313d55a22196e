/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_DAEMON_POOL_H
#define MLS_DAEMON_POOL_H

/**
 * Pools: processes that run published code, inside the pool supervisor.
 *
 * For each service version that is called there is a runtime (a sandboxed
 * zygote with the code and models loaded) and workers forked from it ahead of
 * need; for each session a runtime of its own. A request is a connection from
 * a child of httpd and one end of a stream, which is handed to an idle worker;
 * the pool then only watches: the deadline, the caller, the worker's end.
 *
 * Single-threaded: the supervisor's loop polls the descriptors that
 * mls_pool_poll names and calls mls_pool_dispatch. Nothing here blocks, except
 * asking the registry for a definition when a runtime is started.
 *
 * docs/internals/worker-protocol.md has the messages.
 */

#include <poll.h>
#include <sys/types.h>

#include <apr_pools.h>
#include <apr_time.h>

#include "base/err.h"
#include "base/json.h"
#include "daemon/daemon.h"
#include "daemon/pool/pool_limits.h"

typedef struct mls_pool mls_pool;

/** An interpreter, and what it said of itself when it was asked, once. */
typedef struct mls_pool_interpreter {
    const char *name;     /* "Python" */
    const char *version;  /* as declared: "3.11" */
    const char *path;     /* absolute */
    const char *actual;   /* "3.11.2"; NULL: not asked yet */
    const char *packages; /* JSON array of {name, version}, or NULL */
    const char *problem;  /* why it cannot be used, or NULL */
} mls_pool_interpreter;

/** What the pool needs to know of a service version to run it. */
typedef struct mls_pool_definition {
    const char *json;     /* Service definition of the worker protocol */
    const char *runtime;  /* "Python" or "Python 3.11" */
    const char *snapshot; /* hex SHA-256 of its blob, or NULL */
    apr_uint64_t generation;
    int reuse;            /* workers serve several requests */
    int init_each;        /* init code runs in every fresh process */
    int network;          /* allowed by an Owner or a directive */
    int dedicated;        /* it has a pool of its own: */
    int initial;          /* workers kept, however long nobody calls */
    int maximum;          /* workers it may have; 0: as for any service */
} mls_pool_definition;

typedef struct mls_pool_config {
    const mls_pool_limits *limits;
    mls_pool_interpreter *interpreters; /* the first of a name is meant by
                                         * the name alone */
    int interpreter_count;
    const char *workers;     /* folder that holds python/mlserver_worker */
    const char *blobs;       /* blob store, for snapshots */
    const char *status_path; /* written when counts change, or NULL */
    const char *runtimes_path; /* written when interpreters answered */
    const mls_identities *who; /* whose worker user runtimes become first */
    int sandbox;             /* 0: namespaces are refused here (reduced) */
    int refuse;              /* they are, and MLServerSandbox is required */

    /** Fetch the definition; MLS_ENOTFOUND when the version is gone. */
    mls_err *(*definition)(mls_pool_definition *out, void *baton,
                           const char *name, const char *version,
                           apr_pool_t *pool);
    void *baton;
    /** Log one line. */
    void (*log)(void *baton, const char *line);
} mls_pool_config;

mls_err *mls_pool_create(mls_pool **out, const mls_pool_config *config,
                         apr_pool_t *pool);

/** End everything; called before the supervisor exits. */
void mls_pool_stop(mls_pool *pool);

/** 1 when the operation of a request datagram belongs to the pool ("run",
 *  "session.*", "pool.set", "pool.status"). */
int mls_pool_takes(const char *operation);

/** Take over a request: the connection it came on (owned from here), the
 *  datagram, its descriptors (owned from here). */
void mls_pool_request(mls_pool *pool, int connection, const mls_json *request,
                      const int *descriptors, int descriptor_count);

/** Fill in the descriptors to poll; returns their number, or -1 when there is
 *  no room for them all. *timeout is lowered to the next deadline, in ms. */
int mls_pool_poll(mls_pool *pool, struct pollfd *fds, int room, int *timeout);

/** Handle what poll found (the same array) and what time has brought. */
void mls_pool_dispatch(mls_pool *pool, const struct pollfd *fds, int count);

/** Tell that a child process ended; 1 when it was one of the pool's. */
int mls_pool_reaped(mls_pool *pool, pid_t pid, int status);

/** Counts as a JSON object. */
mls_json *mls_pool_status(mls_pool *pool, apr_pool_t *scratch);

/** The interpreters with their packages: {"items":[...]}. */
mls_json *mls_pool_runtimes(const mls_pool *pool, apr_pool_t *scratch);

#endif
