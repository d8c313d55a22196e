/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_DAEMON_POOL_PRIVATE_H
#define MLS_DAEMON_POOL_PRIVATE_H

/**
 * The pool's own structures. A runtime, a service and a request each live in
 * a subpool of the pool, destroyed with it.
 */

#include "daemon/pool/pool.h"

typedef struct pool_request pool_request;
typedef struct pool_runtime pool_runtime;
typedef struct pool_service pool_service;
typedef struct pool_worker pool_worker;

/** A request from its arrival to the end of its worker's work. */
struct pool_request {
    apr_pool_t *pool;
    pool_request *next;      /* in mls_pool.requests */
    int connection;          /* SEQPACKET, to the child of httpd */
    int stream;              /* handed over; -1 afterwards */
    int file;                /* session operations: a descriptor, or -1 */
    int done;                /* the child has its result */
    int gone;                /* the connection is closed */
    apr_time_t deadline;
    const char *id;
    pool_service *service;   /* of a run */
    pool_worker *worker;     /* that works on it */
    pool_runtime *session;   /* being started for it */
};

enum pool_worker_state { WORKER_STARTING, WORKER_IDLE, WORKER_BUSY,
                         WORKER_DYING };

struct pool_worker {
    pool_worker *next;
    int id;
    enum pool_worker_state state;
    int channel;
    pool_request *request;
    int served;
};

enum pool_runtime_state {
    RUNTIME_STARTING, /* process made, waiting for hello */
    RUNTIME_LOADING,  /* definition sent, waiting for ready */
    RUNTIME_READY,
    RUNTIME_RETIRED,  /* takes no new requests; ends when none are left */
    RUNTIME_DEAD
};

/** One sandboxed process tree: a service's zygote or a session's manager. */
struct pool_runtime {
    apr_pool_t *pool;
    pool_runtime *next;
    pid_t pid;
    int control;
    enum pool_runtime_state state;
    pool_service *service;  /* NULL for a session */
    apr_uint64_t generation;
    const char *version;    /* of the interpreter */
    mls_pool_interpreter *interpreter;
    int is_session;
    int describing;         /* only tells its packages */
    int renewing;           /* another is being started in its place */
    int fork_safe;
    int reuse;
    int gave_worker;        /* at least one worker came from it */
    int load_failed;        /* answers each request with its load error */
    int next_worker;
    pool_worker *workers;
    apr_time_t started;
    apr_time_t used;
    apr_time_t measured;    /* memory was asked for */
    apr_int64_t memory;     /* bytes of all its processes, as it said */
    apr_int64_t disk;       /* bytes of a session's folder, likewise */
    const mls_pool_definition *definition;
    int snapshot;           /* descriptor to send with load, or -1 */
    /* sessions */
    const char *session;    /* id */
    const char *name;
    const char *provider;
    const char *user;
    int executing;
};

/** A service version that is or was called lately. */
struct pool_service {
    apr_pool_t *pool;
    pool_service *next;
    const char *name;
    const char *version;
    apr_uint64_t generation; /* the newest asked for */
    int failures;
    apr_time_t not_before;   /* back-off after failures */
    const char *failure;     /* the last one, for users */
    apr_time_t used;
    const char *runtime;     /* name, once known */
    int reuse;
    int dedicated;           /* has a pool of its own */
    int initial, maximum;    /* workers */
};

struct mls_pool {
    apr_pool_t *pool;
    mls_pool_config config;
    pool_request *requests;
    pool_runtime *runtimes;
    pool_service *services;
    int filter;              /* memory files with seccomp programs: for a */
    int load_filter;         /* request's code, for init code and models */
    int changed;             /* counts differ from the status file */
    apr_time_t status_written;
    apr_uint64_t served;
    apr_uint64_t refused;
    apr_uint64_t crashed;
};

/* pool_sandbox.c */

/** A sandbox to start. */
typedef struct pool_sandbox {
    const mls_pool_interpreter *interpreter;
    int control;            /* becomes descriptor 3 */
    int network;            /* it keeps the host's network */
    apr_int64_t folder;     /* bytes of its /tmp */
} pool_sandbox;

/** Start a runtime's process in its sandbox. The process dies with the
 *  supervisor, and everything in it with the process. */
mls_err *pool_sandbox_start(pid_t *pid, mls_pool *pool,
                            const pool_sandbox *sandbox, apr_pool_t *scratch);

/** End it and all in it. */
void pool_sandbox_end(const mls_pool *pool, pid_t pid);

/* pool_filter.c */

/** A memory file with the seccomp program for code of users: that of a
 *  request, or (`loading`) init code and models, after which namespaces are
 *  still made. */
mls_err *pool_filter_make(int *fd, int loading, apr_pool_t *scratch);

/* pool_interpreters.c */

/** The one that `runtime` names ("Python", "Python 3.11", NULL: the first);
 *  MLS_EINVALID lists what there is. */
mls_err *pool_interpreter_find(mls_pool_interpreter **out,
                               const mls_pool *pool, const char *runtime,
                               apr_pool_t *scratch);
/** Ask each for its version and packages. */
void pool_interpreters_ask(mls_pool *pool);
/** It answered with a memory file, which is closed, or failed. */
void pool_interpreter_answered(mls_pool *pool, pool_runtime *runtime, int fd);
void pool_interpreter_failed(mls_pool *pool, pool_runtime *runtime,
                             const char *reason);

/* pool_messages.c */

/** Send and receive without waiting. pool_send returns 0 or EAGAIN or EPIPE;
 *  the descriptors stay the caller's. */
int pool_send(int channel, const mls_json *message, const int *fds, int count,
              apr_pool_t *scratch);
mls_json *pool_receive(int channel, int *fds, int *count, int *closed,
                       apr_pool_t *scratch);
mls_json *pool_message(apr_pool_t *scratch, const char *op);
/** Read and act on one datagram of a runtime. */
void pool_runtime_readable(mls_pool *pool, pool_runtime *runtime);

/* pool_runtime.c */

mls_err *pool_runtime_start(pool_runtime **out, mls_pool *pool,
                            const mls_pool_definition *definition,
                            apr_pool_t *scratch);
/** Open a blob by its digest for reading; *fd is -1 when `digest` is NULL. */
mls_err *pool_open_blob(int *fd, const mls_pool *pool, const char *digest,
                        apr_pool_t *scratch);
void pool_runtime_retire(mls_pool *pool, pool_runtime *runtime);
/** Kill, close and forget; requests on it are answered. */
void pool_runtime_end(mls_pool *pool, pool_runtime *runtime,
                      const char *reason);
void pool_runtime_kill_worker(mls_pool *pool, pool_runtime *runtime,
                              pool_worker *worker);

/* pool_status.c */

/** Write the counts' file when they have changed. */
void pool_status_write(mls_pool *pool, apr_time_t now);
void pool_file_write(const char *path, const mls_json *json,
                     apr_pool_t *scratch);

/* pool_service.c */

void pool_service_set(mls_pool *pool, pool_request *request,
                      const mls_json *json);
/** Start a second runtime, which the others are retired for. */
void pool_service_renew(mls_pool *pool, pool_service *service);
int pool_service_limit(const mls_pool *pool, const pool_service *service);

void pool_service_run(mls_pool *pool, pool_request *request,
                      const mls_json *json);
/** Give waiting requests to idle workers, start what is missing. */
void pool_service_schedule(mls_pool *pool, pool_service *service);
void pool_service_failed(mls_pool *pool, pool_service *service,
                         const char *message);

/* pool_worker.c */

void pool_worker_ended(mls_pool *pool, pool_runtime *runtime,
                       pool_worker *worker, int status, int how);
void pool_worker_readable(mls_pool *pool, pool_runtime *runtime,
                          pool_worker *worker);

/* pool_session.c */

void pool_session_request(mls_pool *pool, pool_request *request,
                          const char *operation, const mls_json *json);
void pool_session_ready(mls_pool *pool, pool_runtime *runtime,
                        const char *failure);
void pool_session_tick(mls_pool *pool, apr_time_t now);

/* pool_loop.c */

void pool_answer(pool_request *request, mls_json *answer);
void pool_answer_error(pool_request *request, const char *code,
                       const char *message);
/** Close descriptors and forget. */
void pool_request_end(mls_pool *pool, pool_request *request);
void pool_log(mls_pool *pool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
