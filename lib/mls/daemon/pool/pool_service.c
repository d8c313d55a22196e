/* SPDX-License-Identifier: Apache-2.0 */
/* Consume calls: who waits, which worker takes it, what is started ahead. */

#include "daemon/pool/pool_private.h"

#include <string.h>
#include <unistd.h>

#include <apr_strings.h>


/* ---- services ---- */

static pool_service *service_find(mls_pool *pool, const char *name,
                                  const char *version)
{
    for (pool_service *s = pool->services; s; s = s->next) {
        if (strcmp(s->name, name) == 0 && strcmp(s->version, version) == 0) {
            return s;
        }
    }
    apr_pool_t *own;
    apr_pool_create(&own, pool->pool);
    pool_service *made = apr_pcalloc(own, sizeof(*made));
    made->pool = own;
    made->name = apr_pstrdup(own, name);
    made->version = apr_pstrdup(own, version);
    made->next = pool->services;
    pool->services = made;
    return made;
}

/* A version was published again: its old runtimes finish what they have. */
static void service_generation(mls_pool *pool, pool_service *service,
                               apr_uint64_t generation)
{
    if (generation <= service->generation) {
        return;
    }
    service->generation = generation;
    service->failures = 0;
    service->not_before = 0;
    for (pool_runtime *r = pool->runtimes; r; r = r->next) {
        if (r->service == service && r->generation < generation) {
            pool_runtime_retire(pool, r);
        }
    }
}

void pool_service_failed(mls_pool *pool, pool_service *service,
                         const char *message)
{
    int shift = service->failures < 5 ? service->failures : 5;

    service->failures++;
    service->not_before = apr_time_now() + apr_time_from_sec(1 << shift);
    service->failure = apr_pstrdup(service->pool, message);
    pool_log(pool, "runtime failed: name=%s version=%s failures=%d "
                   "reason=\"%s\"",
             service->name, service->version, service->failures, message);
}

static void refuse_waiting(mls_pool *pool, pool_service *service,
                           const char *code, const char *message)
{
    pool_request *next;

    for (pool_request *q = pool->requests; q; q = next) {
        next = q->next;
        if (q->service == service && !q->worker) {
            pool_answer_error(q, code, message);
            pool_request_end(pool, q);
        }
    }
}

/* ---- what is there ---- */

static int usable(const pool_runtime *runtime, const pool_service *service)
{
    return runtime->service == service &&
           runtime->generation == service->generation &&
           runtime->state < RUNTIME_RETIRED;
}

typedef struct stock {
    int idle, starting, busy; /* workers */
    int loading;              /* runtimes not ready yet */
    pool_runtime *fork_from;  /* a ready runtime that can fork */
} stock;

static stock take_stock(const mls_pool *pool, const pool_service *service)
{
    stock found = {0, 0, 0, 0, NULL};

    for (pool_runtime *r = pool->runtimes; r; r = r->next) {
        if (!usable(r, service)) {
            continue;
        }
        if (r->state < RUNTIME_READY) {
            found.loading++;
        }
        else if (r->fork_safe || r->next_worker == 0) {
            found.fork_from = r;
        }
        for (const pool_worker *w = r->workers; w; w = w->next) {
            found.idle += w->state == WORKER_IDLE;
            found.starting += w->state == WORKER_STARTING;
            found.busy += w->state == WORKER_BUSY;
        }
    }
    return found;
}

static int count_waiting(const mls_pool *pool, const pool_service *service)
{
    int waiting = 0;

    for (const pool_request *q = pool->requests; q; q = q->next) {
        waiting += q->service && !q->worker &&
                   (!service || q->service == service);
    }
    return waiting;
}

/* The request that has waited longest; new ones are put at the front. */
static pool_request *oldest_waiting(const mls_pool *pool,
                                    const pool_service *service)
{
    pool_request *oldest = NULL;

    for (pool_request *q = pool->requests; q; q = q->next) {
        if (q->service == service && !q->worker) {
            oldest = q;
        }
    }
    return oldest;
}

int pool_service_limit(const mls_pool *pool, const pool_service *service)
{
    const mls_pool_limits *limits = pool->config.limits;

    return service->dedicated && service->maximum > 0
               ? service->maximum
               : (int)limits->workers;
}

/* Workers of all services. */
static int count_all(const mls_pool *pool)
{
    int count = 0;

    for (const pool_runtime *r = pool->runtimes; r; r = r->next) {
        for (const pool_worker *w = r->service ? r->workers : NULL; w;
             w = w->next) {
            count += w->state != WORKER_DYING;
        }
    }
    return count;
}

/* ---- starting ---- */

static void note_definition(pool_service *service,
                            const mls_pool_definition *definition)
{
    service->runtime = apr_pstrdup(service->pool, definition->runtime);
    service->reuse = definition->reuse;
    service->dedicated = definition->dedicated;
    service->initial = definition->initial;
    service->maximum = definition->maximum;
}

static void start_runtime(mls_pool *pool, pool_service *service)
{
    apr_pool_t *scratch;
    mls_pool_definition definition;
    pool_runtime *runtime;

    apr_pool_create(&scratch, pool->pool);
    memset(&definition, 0, sizeof(definition));
    mls_err *err = pool->config.definition(&definition, pool->config.baton,
                                           service->name, service->version,
                                           scratch);
    if (!err) {
        service_generation(pool, service, definition.generation);
        note_definition(service, &definition);
        err = pool_runtime_start(&runtime, pool, &definition, scratch);
    }
    if (!err) {
        runtime->service = service;
    }
    else if (err->code == MLS_ENOTFOUND) {
        service->dedicated = 0;
        refuse_waiting(pool, service, "notfound", err->message);
    }
    else {
        pool_service_failed(pool, service, mls_err_text(err, scratch));
    }
    apr_pool_destroy(scratch);
}

void pool_service_renew(mls_pool *pool, pool_service *service)
{
    start_runtime(pool, service);
}

static void fork_worker(mls_pool *pool, pool_runtime *runtime)
{
    pool_worker *worker = apr_pcalloc(runtime->pool, sizeof(*worker));
    mls_json *message = mls_json_object(runtime->pool);

    worker->id = ++runtime->next_worker;
    worker->channel = -1;
    worker->state = WORKER_STARTING;
    worker->next = runtime->workers;
    runtime->workers = worker;
    mls_json_set_string(message, "op", "fork");
    mls_json_set_int(message, "id", worker->id);
    pool_send(runtime->control, message, NULL, 0, runtime->pool);
    pool->changed = 1;
}

/* ---- handing over ---- */

static void answer_handed_over(pool_request *request, const pool_worker *w)
{
    mls_json *answer = mls_json_object(request->pool);

    mls_json_set_bool(answer, "ok", 1);
    mls_json_set_int(answer, "worker", w->id);
    pool_answer(request, answer);
}

static int hand_over(mls_pool *pool, pool_runtime *runtime,
                     pool_worker *worker, pool_request *request)
{
    mls_json *message = mls_json_object(request->pool);

    mls_json_set_string(message, "op", "run");
    mls_json_set_string(message, "requestId", request->id);
    if (pool_send(worker->channel, message, &request->stream, 1,
                  request->pool)) {
        return 0;
    }
    close(request->stream);
    request->stream = -1;
    request->worker = worker;
    worker->request = request;
    worker->state = WORKER_BUSY;
    worker->served++;
    runtime->used = apr_time_now();
    pool->served++;
    pool->changed = 1;
    answer_handed_over(request, worker);
    return 1;
}

static void serve_waiting(mls_pool *pool, pool_service *service)
{
    for (pool_runtime *r = pool->runtimes; r; r = r->next) {
        if (!usable(r, service)) {
            continue;
        }
        for (pool_worker *w = r->workers; w; w = w->next) {
            if (w->state != WORKER_IDLE) {
                continue;
            }
            pool_request *request = oldest_waiting(pool, service);
            if (!request) {
                return;
            }
            if (!hand_over(pool, r, w, request)) {
                w->state = WORKER_DYING;
            }
        }
    }
}

static int lower_of(int a, int b)
{
    return a < b ? a : b;
}

static int higher_of(int a, int b)
{
    return a > b ? a : b;
}

/* The idle worker that is missed least: of the service that was called
 * longest ago, beyond what its own pool keeps. */
static pool_worker *least_needed(const mls_pool *pool,
                                 const pool_service *needy,
                                 pool_runtime **of)
{
    pool_worker *found = NULL;

    *of = NULL;
    for (pool_runtime *r = pool->runtimes; r; r = r->next) {
        if (!r->service || r->service == needy
            || (r->service->dedicated && r->service->initial > 0)
            || (*of && (*of)->used < r->used)) {
            continue;
        }
        for (pool_worker *w = r->workers; w; w = w->next) {
            if (w->state == WORKER_IDLE) {
                found = w;
                *of = r;
                break;
            }
        }
    }
    return found;
}

/* How many more workers the bounds leave the service. When all services
 * together have as many as they may, an idle one of another makes room. */
static int room_for(mls_pool *pool, const pool_service *service, int workers,
                    int waiting)
{
    const int64_t total = pool->config.limits->workers_total;
    const int own = pool_service_limit(pool, service) - workers;
    pool_runtime *other;

    if (!total || own <= 0) {
        return own;
    }
    const int left = (int)total - count_all(pool);
    if (left > 0 || waiting == 0) {
        return lower_of(own, left);
    }
    pool_worker *idle = least_needed(pool, service, &other);
    if (!idle) {
        return 0;
    }
    pool_runtime_kill_worker(pool, other, idle);
    return lower_of(own, 1);
}

/* Idle or starting workers that there should be. */
static int wanted_workers(const mls_pool *pool, const pool_service *service,
                          const stock *have, int waiting)
{
    const int workers = have->idle + have->starting + have->busy;
    const int kept = service->dedicated ? service->initial - have->busy : 0;
    const int spare = have->fork_from && have->fork_from->reuse
                              && workers > 0 && waiting == 0
                          ? 0
                          : waiting + (int)pool->config.limits->spare;

    return higher_of(spare, kept);
}

/* A runtime that cannot fork is a worker; a pool of its own is kept warm. */
static int needs_runtime(const mls_pool *pool, const pool_service *service,
                         const stock *have, int waiting)
{
    const int workers = have->idle + have->starting + have->busy;

    if (have->fork_from || have->loading || have->starting
        || workers >= pool_service_limit(pool, service)) {
        return 0;
    }
    return waiting > 0
           || (service->dedicated && workers < service->initial
               && service->not_before <= apr_time_now());
}

/* A fork takes processor time that the call at work could have: while enough
 * workers are left, it waits for the call's end. */
static int may_rest(const stock *have, int goal, int waiting)
{
    return waiting == 0 && have->busy > 0
           && have->idle + have->starting >= (goal + 1) / 2;
}

void pool_service_schedule(mls_pool *pool, pool_service *service)
{
    serve_waiting(pool, service);
    const int waiting = count_waiting(pool, service);
    const stock have = take_stock(pool, service);

    if (waiting > 0 && service->not_before > apr_time_now()) {
        refuse_waiting(pool, service, "unavailable",
                       service->failure ? service->failure
                                        : "the service cannot be started");
        return;
    }
    if (needs_runtime(pool, service, &have, waiting)) {
        start_runtime(pool, service);
        return;
    }
    if (!have.fork_from) {
        return;
    }
    const int workers = have.idle + have.starting + have.busy;
    const int goal = wanted_workers(pool, service, &have, waiting);
    const int there = have.idle + have.starting;
    int missing =
        goal > there && !may_rest(&have, goal, waiting)
            ? lower_of(goal - there, room_for(pool, service, workers,
                                        waiting - have.starting))
            : 0;
    if (!have.fork_from->fork_safe) {
        missing = lower_of(missing, 1);
    }
    for (; missing > 0; missing--) {
        fork_worker(pool, have.fork_from);
    }
}

void pool_service_run(mls_pool *pool, pool_request *request,
                      const mls_json *json)
{
    const char *name = mls_json_string(json, "service");
    const char *version = mls_json_string(json, "version");

    if (!name || !version || request->stream < 0) {
        pool_answer_error(request, "invalid",
                          "run needs service, version and a stream");
        pool_request_end(pool, request);
        return;
    }
    if (count_waiting(pool, NULL) >= pool->config.limits->queue) {
        pool->refused++;
        pool_answer_error(request, "busy",
                          apr_psprintf(request->pool,
                                       "%ld calls are waiting for a worker "
                                       "already; try again in a moment",
                                       (long)pool->config.limits->queue));
        pool_request_end(pool, request);
        return;
    }
    request->service = service_find(pool, name, version);
    request->service->used = apr_time_now();
    service_generation(pool, request->service,
                       mls_json_uint(json, "generation", 0));
    pool_service_schedule(pool, request->service);
}

/* A pool of its own was given to a service, changed or taken away. The record
 * says the same, and is what counts after a restart. */
void pool_service_set(mls_pool *pool, pool_request *request,
                      const mls_json *json)
{
    const char *name = mls_json_string(json, "service");
    const char *version = mls_json_string(json, "version");
    mls_json *answer = mls_json_object(request->pool);

    if (!name || !version) {
        pool_answer_error(request, "invalid",
                          "pool.set needs service and version");
        pool_request_end(pool, request);
        return;
    }
    pool_service *service = service_find(pool, name, version);
    service_generation(pool, service, mls_json_uint(json, "generation", 0));
    service->dedicated = mls_json_bool(json, "dedicated", 0);
    service->initial = (int)mls_json_int(json, "initial", 0);
    service->maximum = (int)mls_json_int(json, "maximum", 0);
    service->used = apr_time_now();
    mls_json_set_bool(answer, "ok", 1);
    pool_answer(request, answer);
    pool_request_end(pool, request);
    pool_service_schedule(pool, service);
}
