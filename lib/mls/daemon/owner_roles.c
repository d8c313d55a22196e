/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on role mappings, and the file that tells httpd's children. */

#include "daemon/owner_private.h"

#include <string.h>

#include <apr_strings.h>

#include "base/ident.h"
#include "daemon/files.h"
#include "registry/bdb/tables.h"
#include "registry/role_mappings.h"

#define KEY_ROLES "roles"

enum { CONTROL_LIFETIME = 60 /* seconds */ };

static mls_err *read_mappings(mls_mappings *out, mls_txn *txn,
                              apr_pool_t *pool)
{
    const char *text;
    mls_json *json = NULL;

    MLS_TRY(mls_meta_table_get(&text, txn, KEY_ROLES, pool));
    if (text) {
        MLS_TRY(mls_json_parse(&json, text, strlen(text), pool));
    }
    return mls_mappings_from_json(out, json, pool);
}

/* What is in the file already is not written: a full disk must not stop a
 * start. */
static mls_err *publish(const mls_owner *owner, const char *text,
                        apr_pool_t *pool)
{
    const char *path = apr_pstrcat(pool, owner->daemon->paths.state,
                                   "/" MLS_MAPPINGS_FILE, NULL);
    char *there;
    size_t length;

    MLS_TRY(mls_file_read(&there, &length, path, MLS_MAPPINGS_TEXT, pool));
    if (there && !strcmp(there, text)) {
        return NULL;
    }
    return mls_file_write(path, text, strlen(text), 0640, pool);
}

/* Store with the next generation; the file follows after the commit. */
static mls_err *store(mls_call *call, mls_txn *txn, mls_mappings *mappings,
                      apr_pool_t *pool)
{
    mappings->generation++;
    const char *text =
        mls_json_text(mls_mappings_to_json(mappings, pool), pool);

    if (strlen(text) > MLS_MAPPINGS_TEXT) {
        return mls_err_make(pool, MLS_ETOOLARGE, NULL,
                            "the role mappings are too long together");
    }
    call->later = (void *)text;
    mls_json_set_uint(call->answer, "generation", mappings->generation);
    return mls_meta_table_put(txn, KEY_ROLES, text, pool);
}

mls_err *mls_op_roles_get(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    mls_mappings mappings;

    MLS_TRY(read_mappings(&mappings, txn, pool));
    mls_json_set(call->answer, "roles",
                 mls_mappings_to_json(&mappings, pool));
    return NULL;
}

mls_err *mls_op_roles_set(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    mls_mappings now, wanted;

    MLS_TRY(read_mappings(&now, txn, pool));
    MLS_TRY(mls_mappings_from_json(&wanted,
                                   mls_json_get(call->request, "roles"),
                                   pool));
    if (wanted.generation != now.generation) {
        return mls_err_make(pool, MLS_ECONFLICT, NULL,
                            "the role mappings were changed meanwhile");
    }
    return store(call, txn, &wanted, pool);
}

mls_err *mls_op_roles_flush(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    mls_mappings mappings;

    MLS_TRY(read_mappings(&mappings, txn, pool));
    return store(call, txn, &mappings, pool);
}

mls_err *mls_roles_publish(mls_call *call, apr_pool_t *pool)
{
    return publish(call->owner, call->later, pool);
}

static mls_err *read_text(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    return read_mappings(baton, txn, pool);
}

mls_err *mls_owner_publish_roles(mls_owner *owner, apr_pool_t *pool)
{
    mls_mappings mappings = { 0 };

    MLS_TRY(mls_bdb_read(owner->bdb, read_text, &mappings, pool));
    return publish(owner,
                   mls_json_text(mls_mappings_to_json(&mappings, pool), pool),
                   pool);
}

/* Nothing is stored: the token's family has no refresh token, and is over in
 * a minute. */
mls_err *mls_op_token_control(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    mls_jwt_claims claims = { 0 };
    const char *access;

    claims.issued = claims.not_before = apr_time_sec(call->now);
    claims.expires = claims.issued + CONTROL_LIFETIME;
    claims.audience = call->owner->state_id;
    claims.provider = MLS_CONTROL_PROVIDER;
    claims.name = "root";
    MLS_TRY(mls_guid_make(&claims.id, pool));
    MLS_TRY(mls_random_bytes(claims.family, sizeof(claims.family), pool));
    MLS_TRY(mls_jwt_sign(&access, mls_keys_signing(call->owner->keys),
                         &claims, pool));
    mls_json_set_string(call->answer, "access", access);
    return NULL;
}
