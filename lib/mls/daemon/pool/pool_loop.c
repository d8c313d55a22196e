/* SPDX-License-Identifier: Apache-2.0 */
/* The pool's loop: requests in, datagrams to the right place, time passing. */

#include "daemon/pool/pool_private.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

void pool_log(mls_pool *pool, const char *format, ...)
{
    char line[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    pool->config.log(pool->config.baton, line);
}

mls_err *mls_pool_create(mls_pool **out, const mls_pool_config *config,
                         apr_pool_t *pool)
{
    mls_pool *made = apr_pcalloc(pool, sizeof(*made));

    made->pool = pool;
    made->config = *config;
    MLS_TRY(pool_filter_make(&made->filter, 0, pool));
    MLS_TRY(pool_filter_make(&made->load_filter, 1, pool));
    made->changed = 1;
    pool_interpreters_ask(made);
    *out = made;
    return NULL;
}

void mls_pool_stop(mls_pool *pool)
{
    while (pool->runtimes) {
        pool_runtime_end(pool, pool->runtimes, "the server is stopping");
    }
    while (pool->requests) {
        pool_answer_error(pool->requests, "unavailable",
                          "the server is stopping");
        pool_request_end(pool, pool->requests);
    }
}

/* ---- answers ---- */

void pool_answer(pool_request *request, mls_json *answer)
{
    if (request->connection >= 0) {
        pool_send(request->connection, answer, NULL, 0, request->pool);
    }
}

void pool_answer_error(pool_request *request, const char *code,
                       const char *message)
{
    mls_json *answer = mls_json_object(request->pool);

    mls_json_set_bool(answer, "ok", 0);
    mls_json_set_string(answer, "code", code);
    mls_json_set_string(answer, "message", message);
    pool_answer(request, answer);
}

static void close_descriptor(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

void pool_request_end(mls_pool *pool, pool_request *request)
{
    pool_request **link = &pool->requests;

    while (*link && *link != request) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = request->next;
    }
    if (request->worker) {
        request->worker->request = NULL;
    }
    close_descriptor(&request->connection);
    close_descriptor(&request->stream);
    close_descriptor(&request->file);
    pool->changed = 1;
    apr_pool_destroy(request->pool);
}

/* ---- requests ---- */

int mls_pool_takes(const char *operation)
{
    return strcmp(operation, "run") == 0 ||
           strncmp(operation, "session.", 8) == 0 ||
           strcmp(operation, "pool.set") == 0 ||
           strcmp(operation, "pool.status") == 0;
}

static pool_request *request_make(mls_pool *pool, int connection,
                                  const mls_json *json, const int *fds,
                                  int count)
{
    apr_pool_t *own;

    apr_pool_create(&own, pool->pool);
    pool_request *request = apr_pcalloc(own, sizeof(*request));
    request->pool = own;
    request->connection = connection;
    request->stream = count > 0 ? fds[0] : -1;
    request->file = count > 1 ? fds[1] : -1;
    for (int i = 2; i < count; i++) {
        close(fds[i]);
    }
    const char *id = mls_json_string(json, "requestId");
    request->id = apr_pstrdup(own, id ? id : "-");
    int64_t wait = mls_json_int(json, "deadlineMs", 30000);
    if (wait < 1 || wait > 86400000) {
        wait = 30000;
    }
    request->deadline = apr_time_now() + wait * 1000;
    request->next = pool->requests;
    pool->requests = request;
    pool->changed = 1;
    return request;
}

void mls_pool_request(mls_pool *pool, int connection, const mls_json *json,
                      const int *fds, int count)
{
    pool_request *request = request_make(pool, connection, json, fds, count);
    const char *operation = mls_json_string(json, "op");

    if (strcmp(operation, "run") == 0) {
        pool_service_run(pool, request, json);
    }
    else if (strcmp(operation, "pool.set") == 0) {
        pool_service_set(pool, request, json);
    }
    else if (strcmp(operation, "pool.status") == 0) {
        mls_json *answer = mls_json_object(request->pool);
        mls_json_set_bool(answer, "ok", 1);
        mls_json_set(answer, "status", mls_pool_status(pool, request->pool));
        pool_answer(request, answer);
        pool_request_end(pool, request);
    }
    else {
        pool_session_request(pool, request, operation, json);
    }
}

/* The child of httpd speaks once more, {"op":"done"}, or goes away. */
static void request_readable(mls_pool *pool, pool_request *request)
{
    char byte[256];
    ssize_t got = recv(request->connection, byte, sizeof(byte), MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got > 0) {
        request->done = 1;
        return;
    }
    request->gone = 1;
    pool_worker *worker = request->worker;
    if (!worker || request->done) {
        pool_request_end(pool, request);
        return;
    }
    /* Nobody waits for the answer any more: do not spend more on it. */
    for (pool_runtime *r = pool->runtimes; r; r = r->next) {
        for (pool_worker *w = r->workers; w; w = w->next) {
            if (w == worker) {
                pool_log(pool, "request cancelled: id=%s reason=caller-gone",
                         request->id);
                pool_runtime_kill_worker(pool, r, w);
                pool_request_end(pool, request);
                return;
            }
        }
    }
    pool_request_end(pool, request);
}

/* ---- the loop ---- */

static int add_fd(struct pollfd *fds, int room, int used, int fd)
{
    if (used < 0 || used >= room) {
        return -1;
    }
    fds[used].fd = fd;
    fds[used].events = POLLIN;
    fds[used].revents = 0;
    return used + 1;
}

static void lower(int *timeout, apr_time_t now, apr_time_t when)
{
    apr_interval_time_t left = when > now ? (when - now) / 1000 + 1 : 0;

    if (*timeout < 0 || left < *timeout) {
        *timeout = (int)left;
    }
}

int mls_pool_poll(mls_pool *pool, struct pollfd *fds, int room, int *timeout)
{
    int used = 0;
    apr_time_t now = apr_time_now();

    for (pool_request *q = pool->requests; q; q = q->next) {
        used = add_fd(fds, room, used, q->connection);
        lower(timeout, now, q->deadline);
    }
    for (pool_runtime *r = pool->runtimes; r; r = r->next) {
        if (r->control >= 0) {
            used = add_fd(fds, room, used, r->control);
        }
        for (pool_worker *w = r->workers; w; w = w->next) {
            if (w->channel >= 0) {
                used = add_fd(fds, room, used, w->channel);
            }
        }
    }
    if (pool->runtimes) {
        lower(timeout, now, now + apr_time_from_sec(1));
    }
    if (pool->changed) {
        lower(timeout, now, now + apr_time_from_msec(200));
    }
    return used;
}

static void readable(mls_pool *pool, int fd)
{
    for (pool_request *q = pool->requests; q; q = q->next) {
        if (q->connection == fd) {
            request_readable(pool, q);
            return;
        }
    }
    for (pool_runtime *r = pool->runtimes; r; r = r->next) {
        if (r->control == fd) {
            pool_runtime_readable(pool, r);
            return;
        }
        for (pool_worker *w = r->workers; w; w = w->next) {
            if (w->channel == fd) {
                pool_worker_readable(pool, r, w);
                return;
            }
        }
    }
}

static void request_late(mls_pool *pool, pool_request *request)
{
    pool_worker *worker = request->worker;

    pool_log(pool, "request cancelled: id=%s reason=deadline", request->id);
    pool_answer_error(request, "timeout",
                      "the call took longer than its time limit");
    for (pool_runtime *r = pool->runtimes; worker && r; r = r->next) {
        for (pool_worker *w = r->workers; w; w = w->next) {
            if (w == worker) {
                pool_runtime_kill_worker(pool, r, w);
                worker = NULL;
                break;
            }
        }
    }
    pool_request_end(pool, request);
}

static void requests_late(mls_pool *pool, apr_time_t now)
{
    pool_request *next;

    for (pool_request *q = pool->requests; q; q = next) {
        next = q->next;
        if (q->deadline <= now) {
            request_late(pool, q);
        }
    }
}

static int has_work(const pool_runtime *runtime)
{
    for (const pool_worker *w = runtime->workers; w; w = w->next) {
        if (w->state == WORKER_BUSY) {
            return 1;
        }
    }
    return 0;
}

static int is_unused(const mls_pool *pool, const pool_runtime *runtime,
                     apr_time_t now)
{
    const pool_service *service = runtime->service;

    if (service && service->dedicated && service->initial > 0
        && runtime->state == RUNTIME_READY) {
        return 0; /* a pool of its own is kept */
    }
    return runtime->used
               + apr_time_from_sec(pool->config.limits->idle_time)
           < now;
}

/* Ask for its memory now and then, while there is anything new to ask. */
static void measure(mls_pool *pool, pool_runtime *runtime, apr_time_t now)
{
    apr_pool_t *scratch;

    if (runtime->state != RUNTIME_READY || !runtime->fork_safe
        || runtime->measured + apr_time_from_sec(15) > now
        || (runtime->memory && !runtime->executing
            && runtime->used < runtime->measured)) {
        return;
    }
    runtime->measured = now;
    apr_pool_create(&scratch, pool->pool);
    pool_send(runtime->control, pool_message(scratch, "measure"), NULL, 0,
              scratch);
    apr_pool_destroy(scratch);
}

static void runtime_ages(mls_pool *pool, pool_runtime *r, apr_time_t now)
{
    const mls_pool_limits *limits = pool->config.limits;
    const int hung = r->state < RUNTIME_READY
                     && r->started + apr_time_from_sec(limits->load_time)
                            < now;
    const int stale =
        r->load_failed && r->started + apr_time_from_sec(5) < now;

    if (hung) {
        const char *reason = apr_psprintf(
            r->pool, "loading took longer than %ld s",
            (long)limits->load_time);
        if (r->service) {
            pool_service_failed(pool, r->service, reason);
        }
        pool_runtime_end(pool, r, reason);
    }
    else if (!r->describing && !has_work(r)
             && (r->state == RUNTIME_RETIRED || stale
                 || is_unused(pool, r, now))) {
        pool_runtime_end(pool, r, NULL);
    }
    else if (r->state == RUNTIME_READY && !r->renewing && limits->age
             && r->started + apr_time_from_sec(limits->age) < now) {
        r->renewing = 1;
        pool_service_renew(pool, r->service);
    }
}

static void runtimes_age(mls_pool *pool, apr_time_t now)
{
    pool_runtime *next;

    for (pool_runtime *r = pool->runtimes; r; r = next) {
        next = r->next;
        measure(pool, r, now);
        if (!r->session) {
            runtime_ages(pool, r, now);
        }
    }
}

void mls_pool_dispatch(mls_pool *pool, const struct pollfd *fds, int count)
{
    for (int i = 0; i < count; i++) {
        if (fds[i].revents) {
            readable(pool, fds[i].fd);
        }
    }
    apr_time_t now = apr_time_now();
    requests_late(pool, now);
    runtimes_age(pool, now);
    pool_session_tick(pool, now);
    for (pool_service *s = pool->services; s; s = s->next) {
        pool_service_schedule(pool, s);
    }
    pool_status_write(pool, now);
}

int mls_pool_reaped(mls_pool *pool, pid_t pid, int status)
{
    for (pool_runtime *r = pool->runtimes; r; r = r->next) {
        if (r->pid != pid) {
            continue;
        }
        const char *reason =
            WIFSIGNALED(status)
                ? apr_psprintf(r->pool, "its process was ended by signal %d",
                               WTERMSIG(status))
                : apr_psprintf(r->pool, "its process ended with status %d",
                               WEXITSTATUS(status));
        r->pid = -1;
        if (r->service && !r->gave_worker) {
            pool_service_failed(pool, r->service, reason);
        }
        pool_runtime_end(pool, r, reason);
        return 1;
    }
    return 0;
}
