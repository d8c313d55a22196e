/* SPDX-License-Identifier: Apache-2.0 */
/* One runtime: start it, end it. */

#include "daemon/pool/pool_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/ident.h"

/* ---- start ---- */

mls_err *pool_open_blob(int *fd, const mls_pool *pool, const char *digest,
                        apr_pool_t *scratch)
{
    unsigned char check[32];

    *fd = -1;
    if (!digest) {
        return NULL;
    }
    if (!mls_hex_decode(check, sizeof(check), digest)) {
        return mls_err_make(scratch, MLS_ECORRUPT, NULL,
                            "'%s' is not a snapshot's digest", digest);
    }
    const char *path = apr_psprintf(scratch, "%s/%.2s/%s", pool->config.blobs,
                                    digest, digest);
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0) {
        return mls_err_apr(scratch, errno, "cannot open the snapshot %s",
                           digest);
    }
    return NULL;
}

static mls_err *start_process(pool_runtime *runtime, mls_pool *pool,
                              int network, apr_pool_t *scratch)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return mls_err_apr(scratch, errno, "cannot make a channel");
    }
    const pool_sandbox sandbox = {
        .interpreter = runtime->interpreter,
        .control = pair[1],
        .network = network,
        /* with room for temporary files beside a session's own */
        .folder = runtime->is_session ? pool->config.limits->session_disk * 2
                                      : pool->config.limits->folder,
    };
    mls_err *err = pool_sandbox_start(&runtime->pid, pool, &sandbox, scratch);
    close(pair[1]);
    if (err) {
        close(pair[0]);
        return err;
    }
    runtime->control = pair[0];
    return NULL;
}

static const mls_pool_definition *copy_definition(
    const mls_pool_definition *from, apr_pool_t *pool)
{
    mls_pool_definition *to = apr_pmemdup(pool, from, sizeof(*to));

    to->json = from->json ? apr_pstrdup(pool, from->json) : NULL;
    to->runtime = NULL; /* the interpreter says it */
    to->snapshot = from->snapshot ? apr_pstrdup(pool, from->snapshot) : NULL;
    return to;
}

mls_err *pool_runtime_start(pool_runtime **out, mls_pool *pool,
                            const mls_pool_definition *definition,
                            apr_pool_t *scratch)
{
    mls_pool_interpreter *interpreter;
    apr_pool_t *own;
    int snapshot;

    MLS_TRY(pool_interpreter_find(&interpreter, pool, definition->runtime,
                                  scratch));
    if (interpreter->problem && interpreter->packages) {
        return mls_err_make(scratch, MLS_EUNAVAILABLE, NULL,
                            "the runtime cannot be used: %s",
                            interpreter->problem);
    }
    MLS_TRY(pool_open_blob(&snapshot, pool, definition->snapshot, scratch));
    apr_pool_create(&own, pool->pool);
    pool_runtime *runtime = apr_pcalloc(own, sizeof(*runtime));
    runtime->pool = own;
    runtime->interpreter = interpreter;
    runtime->is_session = !definition->json;
    runtime->snapshot = snapshot;
    runtime->definition = copy_definition(definition, own);
    runtime->generation = definition->generation;
    runtime->reuse = definition->reuse;
    runtime->started = runtime->used = apr_time_now();
    mls_err *err =
        start_process(runtime, pool, definition->network, scratch);
    if (err) {
        if (snapshot >= 0) {
            close(snapshot);
        }
        apr_pool_destroy(own);
        return err;
    }
    runtime->next = pool->runtimes;
    pool->runtimes = runtime;
    pool->changed = 1;
    *out = runtime;
    return NULL;
}

/* ---- end ---- */

void pool_runtime_kill_worker(mls_pool *pool, pool_runtime *runtime,
                              pool_worker *worker)
{
    mls_json *message = pool_message(runtime->pool, "kill");

    if (worker->state == WORKER_DYING) {
        return;
    }
    worker->state = WORKER_DYING;
    mls_json_set_int(message, "id", worker->id);
    if (runtime->fork_safe || runtime->session) {
        pool_send(runtime->control, message, NULL, 0, runtime->pool);
    }
    else {
        pool_runtime_retire(pool, runtime);
        pool_sandbox_end(pool, runtime->pid);
    }
}

void pool_runtime_retire(mls_pool *pool, pool_runtime *runtime)
{
    if (runtime->state < RUNTIME_RETIRED) {
        runtime->state = RUNTIME_RETIRED;
        pool->changed = 1;
    }
}

static void worker_lost(pool_worker *worker, const char *reason)
{
    pool_request *request = worker->request;

    if (request && !request->done) {
        pool_answer_error(request, "crashed",
                          reason ? reason : "the worker ended");
    }
    if (worker->channel >= 0) {
        close(worker->channel);
    }
}

void pool_runtime_end(mls_pool *pool, pool_runtime *runtime,
                      const char *reason)
{
    pool_runtime **link = &pool->runtimes;

    while (*link && *link != runtime) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = runtime->next;
    }
    if (runtime->describing) {
        pool_interpreter_failed(pool, runtime, reason);
    }
    if (runtime->session && runtime->state < RUNTIME_READY) {
        pool_session_ready(pool, runtime, reason ? reason : "it was ended");
    }
    for (pool_worker *w = runtime->workers; w; w = w->next) {
        pool_request *request = w->request;
        worker_lost(w, reason);
        if (request) {
            request->worker = NULL;
            pool_request_end(pool, request);
        }
    }
    if (reason) {
        pool_log(pool, "runtime ended: name=%s version=%s session=%s "
                       "reason=\"%s\"",
                 runtime->service ? runtime->service->name : "-",
                 runtime->service ? runtime->service->version : "-",
                 runtime->session ? runtime->session : "-", reason);
    }
    pool_sandbox_end(pool, runtime->pid);
    close(runtime->control);
    if (runtime->snapshot >= 0) {
        close(runtime->snapshot);
    }
    pool->changed = 1;
    apr_pool_destroy(runtime->pool);
}
