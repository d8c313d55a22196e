/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of administration, and the owner's own upkeep. */

#include "daemon/owner_private.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/ident.h"
#include "daemon/registry_check.h"
#include "mlscore/version.h"
#include "registry/bdb/tables.h"

enum {
    REMEMBER_REQUESTS = 120, /* seconds; callers retry for two */
    SWEEP_TOKENS = 500,      /* looked at in one transaction */
    TRUST_SECONDS = 30 * 24 * 3600 /* time to import it everywhere */
};

mls_err *mls_op_hello(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    mls_json_set_int(call->answer, "protocol", MLS_WIRE_PROTOCOL);
    mls_json_set_string(call->answer, "version", MLSCORE_VERSION);
    mls_json_set_string(call->answer, "stateId", call->owner->state_id);
    return NULL;
}

static void set_count(mls_json *json, const char *key, atomic_ullong *counter)
{
    mls_json_set_uint(json, key, atomic_load(counter));
}

mls_err *mls_op_status(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    mls_owner *owner = call->owner;
    mls_json *json = call->answer;

    mls_json_set_string(json, "version", MLSCORE_VERSION);
    mls_json_set_int(json, "protocol", MLS_WIRE_PROTOCOL);
    mls_json_set_int(json, "schema", MLS_SCHEMA);
    mls_json_set_string(json, "stateId", owner->state_id);
    mls_json_set_int(json, "pid", getpid());
    mls_json_set_int(json, "started", owner->started);
    set_count(json, "generation", &owner->generation);
    set_count(json, "requests", &owner->requests);
    set_count(json, "reads", &owner->reads);
    set_count(json, "writes", &owner->writes_done);
    set_count(json, "batches", &owner->batches);
    set_count(json, "failed", &owner->failed);
    set_count(json, "refusedPeers", &owner->refused);
    mls_json_set_int(json, "connections", atomic_load(&owner->connections));
    mls_json_set_int(json, "waitingWrites", mls_queue_count(&owner->writes));
    mls_json_set_bool(json, "diskNearlyFull",
                      atomic_load(&owner->nearly_full));
    return NULL;
}

/* Until then a token of the key that signs now may be in use. */
static mls_err *last_use(int64_t *until, const mls_call *call, mls_txn *txn,
                         apr_pool_t *pool)
{
    const char *longest;

    MLS_TRY(mls_meta_table_get(&longest, txn, "accessLifetime", pool));
    *until = apr_time_sec(call->now) + MLS_JWT_SKEW
             + (longest ? apr_atoi64(longest) : 3600);
    return NULL;
}

static void tell_key(mls_call *call, const char *event)
{
    const char *kid = mls_jwt_key_id(mls_keys_signing(call->owner->keys));

    mls_json_set_string(call->answer, "signingKey", kid);
    mls_daemon_log(call->owner->daemon, "%s kid=%s", event, kid);
}

mls_err *mls_op_keys_rotate(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    int64_t until;

    MLS_TRY(last_use(&until, call, txn, pool));
    MLS_TRY(mls_keys_rotate(call->owner->keys, until, pool));
    tell_key(call, "key_rotated");
    return NULL;
}

mls_err *mls_op_keys_import(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    const char *jwk;
    int64_t until;

    MLS_TRY(mls_json_need_string(&jwk, call->request, "key", pool));
    MLS_TRY(last_use(&until, call, txn, pool));
    MLS_TRY(mls_keys_import(call->owner->keys, jwk, until, pool));
    tell_key(call, "key_imported");
    return NULL;
}

mls_err *mls_op_keys_trust(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    const char *jwk;

    MLS_TRY(mls_json_need_string(&jwk, call->request, "key", pool));
    MLS_TRY(mls_keys_trust(call->owner->keys, jwk,
                           apr_time_sec(call->now) + TRUST_SECONDS, pool));
    tell_key(call, "key_trusted");
    return NULL;
}

/* Tables and log only, into a new directory beside the registry; mlserverctl
 * moves it away and adds the files that the records name. */
mls_err *mls_op_backup(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    mls_owner *owner = call->owner;
    const char *id;

    MLS_TRY(mls_guid_make(&id, pool));
    const char *parent =
        apr_pstrcat(pool, owner->daemon->paths.state, "/backup", NULL);
    const char *target = apr_pstrcat(pool, parent, "/", id, NULL);
    MLS_TRY(mls_make_directory(parent, 0700, pool));
    MLS_TRY(mls_make_directory(target, 0700, pool));
    atomic_fetch_add(&owner->backups, 1);
    mls_err *err = mls_bdb_backup(owner->bdb, target, pool);
    atomic_fetch_sub(&owner->backups, 1);
    if (err) {
        return err;
    }
    mls_json_set_string(call->answer, "directory", target);
    return NULL;
}

static void add_problem(void *baton, const char *line)
{
    mls_json_add_string(baton, line);
}

/* Runs in the writer, so that the tables hold still: a second or two. */
mls_err *mls_op_verify(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    mls_json *problems = mls_json_array(pool);
    mls_registry_counts counts;

    MLS_TRY(mls_registry_check(&counts, txn, add_problem, problems, pool));
    mls_json_set(call->answer, "problems", problems);
    mls_json_set_uint(call->answer, "services", counts.services);
    mls_json_set_uint(call->answer, "blobs", counts.blobs);
    mls_json_set_uint(call->answer, "families", counts.families);
    return NULL;
}

mls_err *mls_op_sweep(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    mls_owner *owner = call->owner;
    const char *from = owner->sweep_from;
    int requests, tokens;

    MLS_TRY(mls_requests_table_sweep(
        &requests, txn, call->now - apr_time_from_sec(REMEMBER_REQUESTS),
        pool));
    MLS_TRY(mls_tokens_table_sweep(&from, &tokens, txn, call->now,
                                   SWEEP_TOKENS, pool));
    const char *next = from ? apr_pstrdup(pool, from) : NULL;
    apr_pool_clear(owner->sweep_pool);
    owner->sweep_from = apr_pstrdup(owner->sweep_pool, next);
    return mls_keys_sweep(owner->keys, apr_time_sec(call->now), pool);
}
