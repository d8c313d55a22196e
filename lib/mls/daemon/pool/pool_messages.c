/* SPDX-License-Identifier: Apache-2.0 */
/* What is said to a runtime, and what it says. */

#include "daemon/pool/pool_private.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <apr_strings.h>

#include "pool/dgram.h"

/* ---- datagrams ---- */

int pool_send(int channel, const mls_json *message, const int *fds, int count,
              apr_pool_t *scratch)
{
    mls_err *err = mls_dgram_send(channel, message, fds, count, 0, scratch);

    return !err ? 0 : err->code == MLS_ETIMEOUT ? EAGAIN : EPIPE;
}

mls_json *pool_receive(int channel, int *fds, int *count, int *closed,
                       apr_pool_t *scratch)
{
    mls_json *json = NULL;
    mls_err *err = mls_dgram_receive(&json, fds, count, channel, 0, scratch);

    /* What does not speak the protocol is treated as gone. */
    *closed = err ? err->code != MLS_ETIMEOUT : !json;
    return err ? NULL : json;
}

mls_json *pool_message(apr_pool_t *scratch, const char *op)
{
    mls_json *message = mls_json_object(scratch);

    mls_json_set_string(message, "op", op);
    return message;
}

/* ---- load ---- */

static int definition_file(const char *json)
{
    int fd = memfd_create("definition", MFD_CLOEXEC);
    size_t left = strlen(json);

    while (fd >= 0 && left > 0) {
        ssize_t put = write(fd, json, left);
        if (put < 0) {
            close(fd);
            return -1;
        }
        json += put;
        left -= (size_t)put;
    }
    if (fd >= 0) {
        lseek(fd, 0, SEEK_SET);
    }
    return fd;
}

/* The zygote's processes and those of all its workers count together. */
static int64_t processes_in_all(const mls_pool *pool)
{
    const mls_pool_limits *limits = pool->config.limits;

    return limits->processes * (limits->workers_total + 2);
}

static mls_json *limits_of(const mls_pool *pool, const pool_runtime *runtime,
                           apr_pool_t *scratch)
{
    const mls_pool_limits *limits = pool->config.limits;
    mls_json *json = mls_json_object(scratch);

    mls_json_set_int(json, "files", runtime->session ? limits->session_disk
                                                     : limits->output);
    mls_json_set_int(json, "folder", limits->folder);
    mls_json_set_int(json, "console", limits->console);
    mls_json_set_int(json, "processes", limits->processes);
    mls_json_set_int(json, "processesInAll", processes_in_all(pool));
    mls_json_set_int(json, "cpu", limits->cpu);
    return json;
}

static mls_json *load_message(const mls_pool *pool,
                              const pool_runtime *runtime, apr_pool_t *scratch)
{
    mls_json *message = pool_message(scratch, "load");

    mls_json_set_string(message, "kind",
                        runtime->describing ? "packages"
                        : runtime->session  ? "session"
                                            : "service");
    mls_json_set_string(message, "mode", runtime->reuse ? "reuse" : "fresh");
    mls_json_set_string(message, "init", runtime->definition->init_each
                                             ? "each"
                                             : "per-zygote");
    mls_json_set_bool(message, "isolate", pool->config.sandbox);
    mls_json_set_bool(message, "filter", 1);
    mls_json_set_bool(message, "loadFilter", 1);
    if (runtime->session) {
        mls_json_set_string(message, "id", runtime->session);
    }
    mls_json_set(message, "limits", limits_of(pool, runtime, scratch));
    return message;
}

static int send_load(mls_pool *pool, pool_runtime *runtime,
                     apr_pool_t *scratch)
{
    int fds[MLS_DGRAM_FDS], count = 0, definition = -1;

    fds[count++] = pool->filter;
    fds[count++] = pool->load_filter;
    if (!runtime->session && !runtime->describing) {
        definition = definition_file(runtime->definition->json);
        fds[count++] = definition;
    }
    if (runtime->snapshot >= 0) {
        fds[count++] = runtime->snapshot;
    }
    const int failed = pool_send(runtime->control,
                                 load_message(pool, runtime, scratch), fds,
                                 count, scratch);
    if (definition >= 0) {
        close(definition);
    }
    if (runtime->snapshot >= 0) {
        close(runtime->snapshot);
        runtime->snapshot = -1;
    }
    return failed;
}

/* ---- messages from a runtime ---- */

static pool_worker *find_worker(pool_runtime *runtime, int64_t id)
{
    for (pool_worker *w = runtime->workers; w; w = w->next) {
        if (w->id == id) {
            return w;
        }
    }
    return NULL;
}

static void got_hello(mls_pool *pool, pool_runtime *runtime,
                      const mls_json *message, apr_pool_t *scratch)
{
    const char *version = mls_json_string(message, "version");

    if (mls_json_int(message, "protocol", 0) != 1) {
        pool_runtime_end(pool, runtime,
                         "the runtime speaks another protocol version");
        return;
    }
    runtime->version = apr_pstrdup(runtime->pool, version ? version : "");
    if (!runtime->interpreter->actual) {
        runtime->interpreter->actual = apr_pstrdup(pool->pool,
                                                   runtime->version);
    }
    runtime->state = RUNTIME_LOADING;
    if (send_load(pool, runtime, scratch)) {
        pool_runtime_end(pool, runtime, "the runtime takes no definition");
    }
}

/* It was started to take the place of one that has become old. */
static void retire_older(mls_pool *pool, const pool_runtime *runtime)
{
    for (pool_runtime *r = pool->runtimes; r; r = r->next) {
        if (r->service == runtime->service && r != runtime
            && r->state == RUNTIME_READY && r->renewing) {
            pool_runtime_retire(pool, r);
        }
    }
}

static void got_ready(mls_pool *pool, pool_runtime *runtime,
                      const mls_json *message)
{
    const char *failure = mls_json_string(message, "loadError");

    runtime->state = RUNTIME_READY;
    runtime->fork_safe = mls_json_bool(message, "forkSafe", 0);
    runtime->load_failed = failure != NULL;
    if (failure) {
        pool_log(pool, "runtime loaded with an error: name=%s version=%s",
                 runtime->service ? runtime->service->name : "-",
                 runtime->service ? runtime->service->version : "-");
    }
    if (runtime->session) {
        pool_session_ready(pool, runtime, failure);
        return;
    }
    runtime->service->failures = 0;
    retire_older(pool, runtime);
    if (!runtime->fork_safe) {
        pool_log(pool,
                 "runtime not fork-safe: name=%s version=%s threads=%d",
                 runtime->service->name, runtime->service->version,
                 (int)mls_json_int(message, "threads", 0));
    }
}

static void got_worker(pool_runtime *runtime, const mls_json *message, int fd)
{
    pool_worker *worker =
        find_worker(runtime, mls_json_int(message, "id", -1));

    if (!worker || worker->state != WORKER_STARTING || fd < 0) {
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    worker->channel = fd;
    worker->state = WORKER_IDLE;
    runtime->gave_worker = 1;
}

static void got_message(mls_pool *pool, pool_runtime *runtime,
                        const mls_json *message, int fd, apr_pool_t *scratch)
{
    const char *op = mls_json_string(message, "op");

    op = op ? op : "";
    if (strcmp(op, "worker") == 0) {
        got_worker(runtime, message, fd);
        return;
    }
    if (strcmp(op, "packages") == 0 && runtime->describing) {
        pool_interpreter_answered(pool, runtime, fd);
        return;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (strcmp(op, "hello") == 0 && runtime->state == RUNTIME_STARTING) {
        got_hello(pool, runtime, message, scratch);
    }
    else if (strcmp(op, "ready") == 0 && runtime->state == RUNTIME_LOADING) {
        got_ready(pool, runtime, message);
    }
    else if (strcmp(op, "memory") == 0) {
        runtime->memory = mls_json_int(message, "bytes", 0);
        runtime->disk = mls_json_int(message, "disk", 0);
        /* What was passed on since it was asked is not in its answer. */
        runtime->executing = mls_json_bool(message, "busy", 0)
                             || (runtime->session
                                 && runtime->used > runtime->measured);
    }
    else if (strcmp(op, "ended") == 0) {
        pool_worker *worker =
            find_worker(runtime, mls_json_int(message, "id", -1));
        if (worker && !runtime->session) {
            pool_worker_ended(pool, runtime, worker,
                              (int)mls_json_int(message, "status", 0),
                              (int)mls_json_int(message, "signal", 0));
        }
    }
}

void pool_runtime_readable(mls_pool *pool, pool_runtime *runtime)
{
    apr_pool_t *scratch;
    int fds[MLS_DGRAM_FDS], count, closed;

    apr_pool_create(&scratch, pool->pool);
    mls_json *message =
        pool_receive(runtime->control, fds, &count, &closed, scratch);
    for (int i = 1; i < count; i++) {
        close(fds[i]);
    }
    if (closed) {
        if (count > 0) {
            close(fds[0]);
        }
        if (runtime->service && !runtime->gave_worker) {
            pool_service_failed(pool, runtime->service,
                                "the runtime ended while it was loading");
        }
        pool_runtime_end(pool, runtime, "the runtime ended");
    }
    else if (message) {
        got_message(pool, runtime, message, count > 0 ? fds[0] : -1, scratch);
        pool->changed = 1;
    }
    apr_pool_destroy(scratch);
}
