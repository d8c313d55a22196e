/* SPDX-License-Identifier: Apache-2.0 */
/* A child's part: handles to mlserverd, and the mapped index as soon as it is
 * there. Nothing here fails a child: what is missing is looked for again. */

#include "lifecycle/lifecycle.h"

#include <ap_mpm.h>
#include <http_main.h>
#include <apr_time.h>

#include "audit/audit.h"
#include "auth/roles.h"
#include "http/scratch.h"
#include "mlscore/version.h"

APLOG_USE_MODULE(mlserver);

enum { REMEMBERED_TOKENS = 1024 };

#define TEXT_OF(value) #value
#define NUMBER_TEXT(value) TEXT_OF(value)
#define IMAGE_DIRECTORY "/images/v" NUMBER_TEXT(MLSCORE_IMAGE_FORMAT)

/* How many requests may be inside at once: httpd's threads, and as many again
 * and more for the worker threads that mod_http2 makes besides. */
static unsigned most_threads(void)
{
    int threads = 1;

    if (ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads) != APR_SUCCESS ||
        threads < 1) {
        threads = 1;
    }
    return (unsigned)threads * 4 + 16;
}

static mls_err *open_scoring(mlh_scoring **out, const mlh_state *state,
                             apr_pool_t *pool)
{
    mlh_scoring *scoring = apr_pcalloc(pool, sizeof(*scoring));
    const char *directory = state->server->state_dir;
    mlh_runtime *runtime = state->runtime;

    MLS_TRY(mls_index_open(&scoring->index,
                           apr_pstrcat(pool, directory, "/index", NULL),
                           runtime->epochs, pool));
    MLS_TRY(mls_model_cache_create(
        &scoring->cache, apr_pstrcat(pool, directory, IMAGE_DIRECTORY, NULL),
        scoring->index, runtime->epochs, pool));
    MLS_TRY(mls_token_verifier_create(
        &scoring->verifier, apr_pstrcat(pool, directory, "/keys.jwks", NULL),
        scoring->index, REMEMBERED_TOKENS, pool));
    mls_token_verifier_set_audience(scoring->verifier,
                                    state->server->token_audience);
    *out = scoring;
    return NULL;
}

/* Is mlserverd still in its first seconds, making and handing over files? */
static int is_starting(const mlh_runtime *runtime)
{
    return apr_time_now() - runtime->started < apr_time_from_sec(5);
}

/* Called with runtime->opening held. A missing file is looked for each time,
 * which costs one system call; what else is wrong is said once a second. */
static mlh_scoring *try_open(mlh_state *state)
{
    mlh_runtime *runtime = state->runtime;
    apr_pool_t *pool;
    mlh_scoring *scoring = NULL;

    if (apr_time_now() < runtime->next_try) {
        return NULL;
    }
    apr_pool_create(&pool, runtime->pool);
    apr_pool_tag(pool, "mlserver_scoring");
    mls_err *err = open_scoring(&scoring, state, pool);

    if (!err) {
        return scoring;
    }
    const int expected = err->code == MLS_ENOTFOUND || is_starting(runtime);

    if (!expected) {
        runtime->next_try = apr_time_now() + apr_time_from_sec(1);
    }
    ap_log_error(APLOG_MARK, expected ? APLOG_DEBUG : APLOG_ERR, 0,
                 ap_server_conf, "state not ready: directory=%s reason=%s",
                 state->server->state_dir, mls_err_text(err, pool));
    apr_pool_destroy(pool);
    return NULL;
}

static mlh_scoring *scoring_now(mlh_runtime *runtime)
{
    return atomic_load_explicit(&runtime->scoring, memory_order_acquire);
}

const mlh_scoring *mlh_scoring_of(mlh_state *state)
{
    mlh_runtime *runtime = state ? state->runtime : NULL;
    mlh_scoring *scoring = runtime ? scoring_now(runtime) : NULL;

    if (scoring || !runtime) {
        return scoring;
    }
    apr_thread_mutex_lock(runtime->opening);
    scoring = scoring_now(runtime);
    if (!scoring) {
        scoring = try_open(state);
        atomic_store_explicit(&runtime->scoring, scoring,
                              memory_order_release);
    }
    apr_thread_mutex_unlock(runtime->opening);
    return scoring;
}

static mls_err *open_runtime(mlh_state *state, apr_pool_t *pool)
{
    mlh_runtime *runtime = apr_pcalloc(pool, sizeof(*runtime));
    const mlh_server *server = state->server;
    const unsigned threads = most_threads();

    runtime->pool = pool;
    runtime->started = apr_time_now();
    MLS_TRY(mls_registry_open(&runtime->registry,
                              mlh_socket_path(server, "registry", pool),
                              pool));
    MLS_TRY(mls_supervisor_open(&runtime->supervisor,
                                mlh_socket_path(server, "supervisor", pool),
                                pool));
    MLS_TRY(mls_epochs_create(&runtime->epochs, threads, pool));
    runtime->scratch = mlh_scratch_create(threads, pool);
    MLS_TRY(mlh_audit_spool_open(&runtime->audit, server, pool));
    MLS_TRY(mlh_role_state_open(&runtime->roles, server, pool));
    const apr_status_t status = apr_thread_mutex_create(
        &runtime->opening, APR_THREAD_MUTEX_DEFAULT, pool);

    if (status != APR_SUCCESS) {
        return mls_err_apr(pool, status, "no mutex");
    }
    state->runtime = runtime;
    return NULL;
}

void mlh_child_init(apr_pool_t *pchild, server_rec *s)
{
    const apr_array_header_t *states = mlh_states(s);

    for (int i = 0; states && i < states->nelts; i++) {
        mlh_state *state = APR_ARRAY_IDX(states, i, mlh_state *);
        apr_pool_t *pool;

        /* Calls from many threads make subpools of it, under its own lock. */
        apr_pool_create(&pool, pchild);
        apr_pool_tag(pool, "mlserver_state");
        mls_err *err = open_runtime(state, pool);

        if (err) {
            ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                         "state not usable: directory=%s reason=%s",
                         state->server->state_dir, mls_err_text(err, pool));
            continue;
        }
        mlh_scoring_of(state);
    }
}
