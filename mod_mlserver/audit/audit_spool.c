/* SPDX-License-Identifier: Apache-2.0 */
/* A child's way to the registry. The answer to the caller is out by the time
 * a record is handed over, and the owner takes it without touching the disk:
 * some ten microseconds. While there is no owner, records wait here; they go
 * with the next one that is audited, and when the child ends. */

#include "audit/audit_private.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lifecycle/lifecycle.h"
#include "registry/remote/registry_client.h"

APLOG_USE_MODULE(mlserver);

enum {
    WAITING_MOST = 512,
    PATIENCE = 500000,  /* microseconds */
    PAUSE = 1000000     /* microseconds after a failure */
};

struct mlh_audit_spool {
    mls_registry *registry;
    apr_int64_t most, age;
    pthread_mutex_t mutex; /* of what follows */
    char *waiting[WAITING_MOST]; /* malloc'ed; a ring */
    int first, count;
    apr_uint64_t lost; /* no room */
    apr_time_t next_try;
};

/* ---- the ring, its mutex held ---- */

static void put(struct mlh_audit_spool *spool, char *text)
{
    if (!text || spool->count == WAITING_MOST) {
        free(text);
        spool->lost++;
        return;
    }
    spool->waiting[(spool->first + spool->count++) % WAITING_MOST] = text;
}

static char *take(struct mlh_audit_spool *spool)
{
    char *text = spool->waiting[spool->first];

    spool->first = (spool->first + 1) % WAITING_MOST;
    spool->count--;
    return text;
}

/* Back to the front, where it came from. */
static void put_back(struct mlh_audit_spool *spool, char *text)
{
    if (spool->count == WAITING_MOST) {
        free(text);
        spool->lost++;
        return;
    }
    spool->first = (spool->first + WAITING_MOST - 1) % WAITING_MOST;
    spool->waiting[spool->first] = text;
    spool->count++;
}

/* ---- handing over ---- */

static apr_array_header_t *take_batch(struct mlh_audit_spool *spool, int force,
                                      apr_pool_t *pool)
{
    apr_array_header_t *batch =
        apr_array_make(pool, MLS_AUDIT_BATCH, sizeof(char *));

    pthread_mutex_lock(&spool->mutex);
    if (force || apr_time_now() >= spool->next_try) {
        while (spool->count && batch->nelts < MLS_AUDIT_BATCH) {
            APR_ARRAY_PUSH(batch, char *) = take(spool);
        }
    }
    pthread_mutex_unlock(&spool->mutex);
    return batch;
}

static void settle(struct mlh_audit_spool *spool,
                   const apr_array_header_t *batch, const mls_err *err)
{
    /* Records that the owner refuses once it refuses for ever. */
    const int again = err && err->code != MLS_EINVALID;

    pthread_mutex_lock(&spool->mutex);
    for (int i = batch->nelts; i--;) {
        if (again) {
            put_back(spool, APR_ARRAY_IDX(batch, i, char *));
        }
        else {
            free(APR_ARRAY_IDX(batch, i, char *));
        }
    }
    if (again) {
        spool->next_try = apr_time_now() + PAUSE;
    }
    pthread_mutex_unlock(&spool->mutex);
}

/* Until nothing waits, or it cannot be done just now. */
static mls_err *flush(struct mlh_audit_spool *spool, int force,
                      apr_pool_t *pool)
{
    mls_err *err = NULL;

    while (!err) {
        const apr_array_header_t *batch = take_batch(spool, force, pool);

        if (!batch->nelts) {
            break;
        }
        err = mls_audit_add(spool->registry, batch, spool->most, spool->age,
                            pool);
        settle(spool, batch, err);
    }
    return err;
}

void mlh_audit_send(request_rec *r, mlh_state *state, const mls_audit *record)
{
    struct mlh_audit_spool *spool =
        state && state->runtime ? state->runtime->audit : NULL;

    if (!spool) {
        return;
    }
    char *text =
        strdup(mls_json_text(mls_audit_to_json(record, r->pool), r->pool));

    pthread_mutex_lock(&spool->mutex);
    put(spool, text);
    const apr_uint64_t lost = spool->lost;

    spool->lost = 0;
    pthread_mutex_unlock(&spool->mutex);
    mls_err *err = flush(spool, 0, r->pool);

    if (err || lost) {
        ap_log_rerror(APLOG_MARK, lost ? APLOG_ERR : APLOG_WARNING, 0, r,
                      "audit not stored: lost=%" APR_UINT64_T_FMT
                      " reason=%s",
                      lost, err ? mls_err_text(err, r->pool) : "");
    }
}

/* ---- a child's life ---- */

static apr_status_t at_end(void *data)
{
    struct mlh_audit_spool *spool = data;
    apr_pool_t *pool;

    if (spool->count) {
        apr_pool_create(&pool, NULL);
        flush(spool, 1, pool);
        apr_pool_destroy(pool);
    }
    while (spool->count) {
        free(take(spool));
    }
    pthread_mutex_destroy(&spool->mutex);
    return APR_SUCCESS;
}

mls_err *mlh_audit_spool_open(struct mlh_audit_spool **out,
                              const mlh_server *server, apr_pool_t *pool)
{
    *out = NULL;
    if (!server->audit_records) {
        return NULL;
    }
    struct mlh_audit_spool *spool = apr_pcalloc(pool, sizeof(*spool));

    MLS_TRY(mls_registry_open(&spool->registry,
                              mlh_socket_path(server, "registry", pool),
                              pool));
    mls_registry_set_patience(spool->registry, PATIENCE);
    spool->most = server->audit_records;
    spool->age = server->audit_age;
    pthread_mutex_init(&spool->mutex, NULL);
    /* Before the pool's own clean-ups: the registry's handle is in use. */
    apr_pool_cleanup_register(pool, spool, at_end, apr_pool_cleanup_null);
    *out = spool;
    return NULL;
}
