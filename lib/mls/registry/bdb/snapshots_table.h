/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_REGISTRY_SNAPSHOTS_TABLE_H
#define MLS_REGISTRY_SNAPSHOTS_TABLE_H

/** Table snapshots: id -> the snapshot's record. */

#include "registry/bdb/dbt.h"
#include "registry/snapshots.h"

mls_err *mls_snapshots_table_get(mls_snapshot **snapshot, mls_txn *txn,
                                 const char *id, apr_pool_t *pool);
mls_err *mls_snapshots_table_put(mls_txn *txn, const mls_snapshot *snapshot,
                                 apr_pool_t *pool);
mls_err *mls_snapshots_table_delete(mls_txn *txn, const char *id,
                                    apr_pool_t *pool);
mls_err *mls_snapshots_table_each(mls_txn *txn,
                                  mls_err *(*each)(void *baton,
                                                   const mls_snapshot *one,
                                                   apr_pool_t *scratch),
                                  void *baton, apr_pool_t *scratch);

#endif
