/* SPDX-License-Identifier: Apache-2.0 */
/* The parent's part: find the distinct states, share the table of failed
 * logins, have mlserverd run. post_config runs twice at a start; the first
 * time is a rehearsal. */

#include "lifecycle/lifecycle.h"

#include <string.h>

#include <http_core.h>
#include <mpm_common.h>
#include <apr_shm.h>

#include "auth/membership.h"
#include "auth/throttle.h"
#include "usage/recent_log.h"
#include "usage/shared_usage.h"

APLOG_USE_MODULE(mlserver);

enum { THROTTLE_KEYS = 65536, MEMBERS = 32768 };

static const char states_key[] = "mlserver-states";

apr_array_header_t *mlh_states(server_rec *s)
{
    void *found = NULL;

    apr_pool_userdata_get(&found, states_key, s->process->pconf);
    return found;
}

static mlh_state *find_state(const apr_array_header_t *states,
                             const char *state_dir)
{
    for (int i = 0; i < states->nelts; i++) {
        mlh_state *state = APR_ARRAY_IDX(states, i, mlh_state *);

        if (!strcmp(state->server->state_dir, state_dir)) {
            return state;
        }
    }
    return NULL;
}

/* One state per distinct directory among the servers that mount one. */
static apr_array_header_t *collect_states(server_rec *s, apr_pool_t *pconf,
                                          apr_pool_t *ptemp)
{
    apr_array_header_t *states = apr_array_make(pconf, 2, sizeof(void *));

    for (; s; s = s->next) {
        mlh_server *server =
            ap_get_module_config(s->module_config, &mlserver_module);

        if (!mlh_config_mounts(s, ptemp)->nelts) {
            continue;
        }
        server->state = find_state(states, server->state_dir);
        if (!server->state) {
            server->state = apr_pcalloc(pconf, sizeof(mlh_state));
            server->state->server = server;
            server->state->pool = pconf;
            APR_ARRAY_PUSH(states, mlh_state *) = server->state;
        }
    }
    return states;
}

/* Memory that the children inherit; NULL when there is none. */
static void *share(apr_size_t size, const char *what, mlh_state *state,
                   server_rec *s)
{
    apr_shm_t *memory;
    const apr_status_t status =
        apr_shm_create(&memory, size, NULL, state->pool);

    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, status, s,
                     "no shared memory for the table of %s", what);
        return NULL;
    }
    return apr_shm_baseaddr_get(memory);
}

static int share_tables(mlh_state *state, server_rec *s, apr_pool_t *ptemp)
{
    void *logins = share(mls_throttle_size(THROTTLE_KEYS), "failed logins",
                         state, s);
    void *members = share(mls_membership_size(MEMBERS), "memberships", state,
                          s);

    if (!logins || !members) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    mls_err *err =
        mls_throttle_init(&state->throttle, logins, THROTTLE_KEYS, ptemp);

    if (!err) {
        err = mls_membership_init(&state->members, members, MEMBERS, ptemp);
    }
    if (err) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "%s",
                     mls_err_text(err, ptemp));
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

int mlh_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                    server_rec *s)
{
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG ||
        ap_state_query(AP_SQ_RUN_MODE) != AP_SQ_RM_NORMAL) {
        return OK;
    }
    apr_array_header_t *states = collect_states(s, pconf, ptemp);

    apr_pool_userdata_setn(states, states_key, NULL, s->process->pconf);
    for (int i = 0; i < states->nelts; i++) {
        const int status =
            share_tables(APR_ARRAY_IDX(states, i, mlh_state *), s, ptemp);

        if (status != OK) {
            return status;
        }
        mlh_usage_share(APR_ARRAY_IDX(states, i, mlh_state *), s, ptemp);
    }
    mlh_recent_log_share(s);
    mlh_daemons_start(states, s, pconf);
    return OK;
}
