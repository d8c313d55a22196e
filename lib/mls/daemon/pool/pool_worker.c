/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that end, and reused ones that are free again. */

#include "daemon/pool/pool_private.h"

#include <unistd.h>

#include <apr_strings.h>

#include "pool/dgram.h"

static void worker_remove(pool_runtime *runtime, pool_worker *worker)
{
    pool_worker **link = &runtime->workers;

    while (*link && *link != worker) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = worker->next;
    }
    if (worker->channel >= 0) {
        close(worker->channel);
        worker->channel = -1;
    }
}

/* The child of httpd has not said that it has the result: it may be on its
 * way still, or the worker ended without one, which is then the reason. */
static void tell_end(mls_pool *pool, const pool_service *service,
                     pool_request *request, int status, int how)
{
    if (status || how) {
        pool->crashed++;
        pool_log(pool, "worker crashed: name=%s version=%s id=%s status=%d "
                       "signal=%d",
                 service->name, service->version, request->id, status, how);
    }
    pool_answer_error(
        request, "crashed",
        how ? apr_psprintf(request->pool,
                           "the code's process was ended by signal %d", how)
            : apr_psprintf(request->pool,
                           "the code's process ended with status %d",
                           status));
}

void pool_worker_ended(mls_pool *pool, pool_runtime *runtime,
                       pool_worker *worker, int status, int how)
{
    pool_request *request = worker->request;

    if (request) {
        if (!request->done) {
            tell_end(pool, runtime->service, request, status, how);
        }
        /* The connection stays until the child has read the result. */
        request->worker = NULL;
        request->service = NULL;
        request->done = 1;
        worker->request = NULL;
    }
    else if (worker->state != WORKER_DYING && (status || how)) {
        pool_service_failed(pool, runtime->service,
                            "a process for the code could not be prepared");
    }
    worker_remove(runtime, worker);
    if (!runtime->fork_safe) {
        pool_runtime_retire(pool, runtime);
    }
    pool->changed = 1;
}

void pool_worker_readable(mls_pool *pool, pool_runtime *runtime,
                          pool_worker *worker)
{
    apr_pool_t *scratch;
    int fds[MLS_DGRAM_FDS], count, closed;

    apr_pool_create(&scratch, pool->pool);
    mls_json *message =
        pool_receive(worker->channel, fds, &count, &closed, scratch);
    for (int i = 0; i < count; i++) {
        close(fds[i]);
    }
    if (closed) {
        /* Its end is reported by the runtime; stop polling until then. */
        close(worker->channel);
        worker->channel = -1;
        if (worker->state == WORKER_IDLE) {
            worker->state = WORKER_DYING;
        }
        if (!runtime->fork_safe) {
            pool_worker_ended(pool, runtime, worker, 0, 0);
        }
    }
    else if (message && worker->state == WORKER_BUSY) {
        pool_request *request = worker->request;
        if (request) {
            request->worker = NULL;
            request->service = NULL;
            request->done = 1;
            worker->request = NULL;
        }
        worker->state = WORKER_IDLE;
        const int64_t most = pool->config.limits->requests;
        if (most && worker->served >= most) {
            pool_runtime_kill_worker(pool, runtime, worker);
        }
    }
    apr_pool_destroy(scratch);
}
