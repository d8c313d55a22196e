/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_LIFECYCLE_LIFECYCLE_H
#define MLH_LIFECYCLE_LIFECYCLE_H

/**
 * What happens when, and in which process.
 *
 * The parent collects the distinct states of the configuration and keeps a
 * mlserverd running for each that asks for one (post_config, mlserverd_start).
 * Each child opens the states for itself (child_init), the mapped index as
 * soon as it is there.
 */

#include <stdatomic.h>

#include <httpd.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_thread_mutex.h>

#include "mlh.h"
#include "pool/supervisor.h"
#include "registry/registry.h"
#include "scoring/epoch.h"
#include "scoring/model_cache.h"
#include "scoring/model_index.h"
#include "auth/token.h"

struct mlh_scratch_stack; /* http/scratch.h */

/** What needs the mapped index. */
typedef struct mlh_scoring {
    mls_index *index;
    mls_model_cache *cache;
    mls_token_verifier *verifier;
} mlh_scoring;

/** A state as one child has it open. */
typedef struct mlh_runtime {
    apr_pool_t *pool;
    mls_registry *registry;
    mls_supervisor *supervisor;
    mls_epochs *epochs;
    struct mlh_scratch_stack *scratch;
    struct mlh_audit_spool *audit; /* audit/audit.h; NULL: not wanted */
    struct mlh_role_state *roles;  /* auth/roles.h */
    _Atomic(mlh_scoring *) scoring; /* NULL until mlserverd made the index */
    apr_thread_mutex_t *opening;    /* held while looking for it */
    apr_time_t started;
    apr_time_t next_try;            /* after an error, when to look again */
} mlh_runtime;

/** The state's index, models and keys; NULL while mlserverd has not made them
 *  (callers answer 503). Until then each call looks again. */
const mlh_scoring *mlh_scoring_of(mlh_state *state);

/* ---- hooks ---- */

int mlh_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                    server_rec *s);
void mlh_child_init(apr_pool_t *pchild, server_rec *s);

/** All states of the configuration, as mlh_state *. */
apr_array_header_t *mlh_states(server_rec *s);

/* ---- mlserverd_start.c ---- */

/** Have a mlserverd running for each of `states` that asks for one, keep those
 *  that already run with the same arguments, end what nobody asks for any
 *  more. Called by the parent at each (re)start. */
void mlh_daemons_start(const apr_array_header_t *states, server_rec *s,
                       apr_pool_t *pconf);

#endif
