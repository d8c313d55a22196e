/* SPDX-License-Identifier: Apache-2.0 */
/* Table snapshots: id -> the snapshot's record. */

#include "registry/bdb/snapshots_table.h"

mls_err *mls_snapshots_table_get(mls_snapshot **snapshot, mls_txn *txn,
                                 const char *id, apr_pool_t *pool)
{
    mls_json *json;

    *snapshot = NULL;
    MLS_TRY(mls_dbt_get_json(&json, txn, MLS_TABLE_SNAPSHOTS, mls_key(id),
                             pool));
    return json ? mls_snapshot_from_json(snapshot, json, pool) : NULL;
}

mls_err *mls_snapshots_table_put(mls_txn *txn, const mls_snapshot *snapshot,
                                 apr_pool_t *pool)
{
    return mls_dbt_put_json(txn, MLS_TABLE_SNAPSHOTS, mls_key(snapshot->id),
                            mls_snapshot_to_json(snapshot, pool), pool);
}

mls_err *mls_snapshots_table_delete(mls_txn *txn, const char *id,
                                    apr_pool_t *pool)
{
    return mls_dbt_delete(txn, MLS_TABLE_SNAPSHOTS, mls_key(id), pool);
}

struct each {
    mls_err *(*each)(void *baton, const mls_snapshot *one,
                     apr_pool_t *scratch);
    void *baton;
};

static mls_err *decode(void *baton, mls_bytes key, mls_bytes value, int *stop,
                       apr_pool_t *scratch)
{
    const struct each *each = baton;
    mls_snapshot *snapshot;
    mls_json *json;

    MLS_TRY(mls_json_parse(&json, value.data, value.length, scratch));
    MLS_TRY(mls_snapshot_from_json(&snapshot, json, scratch));
    return each->each(each->baton, snapshot, scratch);
}

mls_err *mls_snapshots_table_each(mls_txn *txn,
                                  mls_err *(*each)(void *baton,
                                                   const mls_snapshot *one,
                                                   apr_pool_t *scratch),
                                  void *baton, apr_pool_t *scratch)
{
    struct each both = { each, baton };

    return mls_dbt_scan(txn, MLS_TABLE_SNAPSHOTS, (mls_bytes){ NULL, 0 },
                        decode, &both, scratch);
}
