/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on snapshots. Every one names whose: what belongs to somebody
 * else is as if it were not there. */

#include "daemon/owner_private.h"

#include <string.h>

#include "base/ident.h"
#include "registry/bdb/snapshots_table.h"
#include "registry/bdb/tables.h"

static mls_err *count(mls_txn *txn, const mls_snapshot *snapshot,
                      int difference, apr_pool_t *pool)
{
    MLS_TRY(mls_blobs_table_add(txn, MLS_BLOB, snapshot->blob, difference,
                                pool));
    return mls_usage_table_add(txn, &snapshot->owner,
                               difference * snapshot->size, pool);
}

static int is_digest(const char *text)
{
    unsigned char digest[32];

    return mls_hex_decode(digest, sizeof(digest), text);
}

mls_err *mls_op_snapshot_put(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    mls_snapshot *snapshot, *old;

    MLS_TRY(mls_snapshot_from_json(&snapshot,
                                   mls_json_get(call->request, "record"),
                                   pool));
    MLS_TRY(mls_subject_check(&snapshot->owner, pool));
    if (!mls_guid_valid(snapshot->id) || !is_digest(snapshot->blob)
        || snapshot->size < 0) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "a snapshot needs a GUID, a digest and a size");
    }
    MLS_TRY(mls_snapshots_table_get(&old, txn, snapshot->id, pool));
    if (old) {
        return mls_err_make(pool, MLS_EEXISTS, NULL,
                            "snapshot %s exists already", snapshot->id);
    }
    snapshot->created = call->now;
    MLS_TRY(count(txn, snapshot, 1, pool));
    return mls_snapshots_table_put(txn, snapshot, pool);
}

struct listing {
    const mls_subject *owner;
    const char *id; /* NULL: all of the owner's */
    mls_json *found;
    apr_pool_t *pool;
};

static int is_wanted(const struct listing *listing, const mls_snapshot *one)
{
    return !strcmp(one->owner.provider, listing->owner->provider)
           && !strcmp(one->owner.name, listing->owner->name)
           && (!listing->id || !strcmp(listing->id, one->id));
}

static mls_err *add(void *baton, const mls_snapshot *one, apr_pool_t *scratch)
{
    const struct listing *listing = baton;

    if (is_wanted(listing, one)) {
        mls_json_add(listing->found,
                     mls_snapshot_to_json(one, listing->pool));
    }
    return NULL;
}

mls_err *mls_op_snapshot_list(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    struct listing listing = { NULL,
                               mls_json_string(call->request, "snapshot"),
                               mls_json_array(pool), pool };
    mls_subject subject;
    mls_snapshot *one;

    MLS_TRY(mls_subject_from_json(&subject,
                                  mls_json_get(call->request, "subject"),
                                  pool));
    listing.owner = &subject;
    if (!listing.id) {
        MLS_TRY(mls_snapshots_table_each(txn, add, &listing, pool));
    }
    else {
        MLS_TRY(mls_snapshots_table_get(&one, txn, listing.id, pool));
        MLS_TRY(one ? add(&listing, one, pool) : NULL);
    }
    mls_json_set(call->answer, "snapshots", listing.found);
    return NULL;
}

mls_err *mls_op_snapshot_delete(mls_call *call, mls_txn *txn,
                                apr_pool_t *pool)
{
    struct listing listing = { NULL, NULL, NULL, pool };
    mls_subject subject;
    mls_snapshot *one;

    MLS_TRY(mls_json_need_string(&listing.id, call->request, "snapshot",
                                 pool));
    MLS_TRY(mls_subject_from_json(&subject,
                                  mls_json_get(call->request, "subject"),
                                  pool));
    listing.owner = &subject;
    MLS_TRY(mls_snapshots_table_get(&one, txn, listing.id, pool));
    if (!one || !is_wanted(&listing, one)) {
        return mls_err_make(pool, MLS_ENOTFOUND, NULL,
                            "there is no snapshot \"%s\"", listing.id);
    }
    MLS_TRY(count(txn, one, -1, pool));
    return mls_snapshots_table_delete(txn, one->id, pool);
}
