/* SPDX-License-Identifier: Apache-2.0 */
/* Counts: of each runtime, of each service, of all; as an answer, and as a
 * file that children of httpd read without asking. */

#include "daemon/pool/pool_private.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

/* What a service or a runtime has. */
typedef struct counts {
    int starting, idle, busy;
    int runtimes, loading;
    apr_int64_t memory;
} counts;

static void count_workers(counts *sum, const pool_runtime *runtime)
{
    for (const pool_worker *w = runtime->workers; w; w = w->next) {
        sum->starting += w->state == WORKER_STARTING;
        sum->idle += w->state == WORKER_IDLE;
        sum->busy += w->state == WORKER_BUSY;
    }
    sum->runtimes++;
    sum->loading += runtime->state < RUNTIME_READY;
    sum->memory += runtime->memory;
}

static int waiting_for(const mls_pool *pool, const pool_service *service)
{
    int waiting = 0;

    for (const pool_request *q = pool->requests; q; q = q->next) {
        waiting += q->service && !q->worker
                   && (!service || q->service == service);
    }
    return waiting;
}

static void set_counts(mls_json *json, const counts *sum)
{
    mls_json_set_int(json, "starting", sum->starting);
    mls_json_set_int(json, "idle", sum->idle);
    mls_json_set_int(json, "busy", sum->busy);
    mls_json_set_int(json, "memoryBytes", sum->memory);
}

/* ---- runtimes ---- */

static mls_json *runtime_status(const mls_pool *pool, const pool_runtime *r,
                                apr_pool_t *scratch)
{
    static const char *const states[] = {"starting", "loading", "ready",
                                         "retired", "ended"};
    mls_json *json = mls_json_object(scratch);
    counts sum = {0};

    count_workers(&sum, r);
    if (r->session) {
        mls_json_set_string(json, "session", r->session);
    }
    else if (r->service) {
        mls_json_set_string(json, "name", r->service->name);
        mls_json_set_string(json, "version", r->service->version);
        mls_json_set_uint(json, "generation", r->generation);
        mls_json_set_bool(json, "forkSafe", r->fork_safe);
        mls_json_set_string(json, "mode", r->reuse ? "reuse" : "fresh");
        mls_json_set_int(json, "waiting", waiting_for(pool, r->service));
    }
    mls_json_set_string(json, "state", states[r->state]);
    mls_json_set_string(json, "runtimeVersion", r->version);
    set_counts(json, &sum);
    return json;
}

/* ---- services ---- */

static mls_json *service_status(const mls_pool *pool, const pool_service *s,
                                apr_pool_t *scratch)
{
    mls_json *json = mls_json_object(scratch);
    counts sum = {0};

    for (const pool_runtime *r = pool->runtimes; r; r = r->next) {
        if (r->service == s) {
            count_workers(&sum, r);
        }
    }
    mls_json_set_string(json, "name", s->name);
    mls_json_set_string(json, "version", s->version);
    mls_json_set_string(json, "runtime", s->runtime);
    mls_json_set_string(json, "mode", s->reuse ? "reuse" : "fresh");
    set_counts(json, &sum);
    mls_json_set_int(json, "loading", sum.loading);
    mls_json_set_int(json, "waiting", waiting_for(pool, s));
    mls_json_set_int(json, "limit", pool_service_limit(pool, s));
    mls_json_set_bool(json, "dedicated", s->dedicated);
    mls_json_set_int(json, "initialPoolSize", s->initial);
    mls_json_set_int(json, "maxPoolSize", s->maximum);
    mls_json_set_string(json, "failure", s->failures ? s->failure : NULL);
    return json;
}

static int is_shown(const mls_pool *pool, const pool_service *service)
{
    if (service->dedicated || service->failures
        || waiting_for(pool, service)) {
        return 1;
    }
    for (const pool_runtime *r = pool->runtimes; r; r = r->next) {
        if (r->service == service) {
            return 1;
        }
    }
    return 0;
}

mls_json *mls_pool_status(mls_pool *pool, apr_pool_t *scratch)
{
    mls_json *json = mls_json_object(scratch);
    mls_json *runtimes = mls_json_array(scratch);
    mls_json *services = mls_json_array(scratch);
    counts sum = {0};
    int sessions = 0;

    for (pool_runtime *r = pool->runtimes; r; r = r->next) {
        count_workers(&sum, r);
        sessions += r->session != NULL;
        if (!r->describing) {
            mls_json_add(runtimes, runtime_status(pool, r, scratch));
        }
    }
    for (pool_service *s = pool->services; s; s = s->next) {
        if (is_shown(pool, s)) {
            mls_json_add(services, service_status(pool, s, scratch));
        }
    }
    set_counts(json, &sum);
    mls_json_set_int(json, "waiting", waiting_for(pool, NULL));
    mls_json_set_int(json, "queue", pool->config.limits->queue);
    mls_json_set_int(json, "workersTotal",
                     pool->config.limits->workers_total);
    mls_json_set_int(json, "sessions", sessions);
    mls_json_set_uint(json, "served", pool->served);
    mls_json_set_uint(json, "refused", pool->refused);
    mls_json_set_uint(json, "crashed", pool->crashed);
    mls_json_set_string(json, "sandbox",
                        pool->config.sandbox ? "required" : "reduced");
    mls_json_set(json, "runtimes", runtimes);
    mls_json_set(json, "services", services);
    return json;
}

/* ---- the file ---- */

void pool_file_write(const char *path, const mls_json *json,
                     apr_pool_t *scratch)
{
    const char *temporary = apr_pstrcat(scratch, path, ".new", NULL);
    FILE *out = fopen(temporary, "we");

    if (!out) {
        return;
    }
    int bad = fputs(mls_json_text(json, scratch), out) < 0;
    bad |= fchmod(fileno(out), 0640) != 0;
    bad |= fclose(out) != 0;
    if (bad || rename(temporary, path) != 0) {
        unlink(temporary);
    }
}

void pool_status_write(mls_pool *pool, apr_time_t now)
{
    const char *path = pool->config.status_path;
    apr_pool_t *scratch;

    if (!path || !pool->changed
        || pool->status_written + apr_time_from_msec(200) > now) {
        return;
    }
    apr_pool_create(&scratch, pool->pool);
    pool_file_write(path, mls_pool_status(pool, scratch), scratch);
    pool->changed = 0;
    pool->status_written = now;
    apr_pool_destroy(scratch);
}
