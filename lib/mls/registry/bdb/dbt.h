/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_REGISTRY_DBT_H
#define MLS_REGISTRY_DBT_H

/**
 * Keys and values of tables: bytes in pools. The tables' own files build typed
 * calls from these; nobody else uses them.
 */

#include <stddef.h>

#include <apr_pools.h>

#include "base/err.h"
#include "base/json.h"
#include "registry/bdb/bdb_env.h"
#include "registry/bdb/bdb_txn.h"

typedef struct mls_bytes {
    const char *data;
    size_t length;
} mls_bytes;

/** The key of a text, and of two texts with a zero between them. */
mls_bytes mls_key(const char *text);
mls_bytes mls_key_pair(const char *first, const char *second,
                       apr_pool_t *pool);

/** The value, zero-terminated, in `pool`; value->data is NULL when there is
 *  none. In a transaction the record stays locked until it ends. */
mls_err *mls_dbt_get(mls_bytes *value, mls_txn *txn, mls_table table,
                     mls_bytes key, apr_pool_t *pool);

mls_err *mls_dbt_put(mls_txn *txn, mls_table table, mls_bytes key,
                     mls_bytes value, apr_pool_t *pool);

/** Deleting what is not there is no error. */
mls_err *mls_dbt_delete(mls_txn *txn, mls_table table, mls_bytes key,
                        apr_pool_t *pool);

/** Called for a record; *stop ends the scan. The bytes are gone after it. */
typedef mls_err *(*mls_dbt_each)(void *baton, mls_bytes key, mls_bytes value,
                                 int *stop, apr_pool_t *scratch);

/** Records in the order of their keys, from the first that is not below
 *  `from` (whose data may be NULL: from the start). */
mls_err *mls_dbt_scan(mls_txn *txn, mls_table table, mls_bytes from,
                      mls_dbt_each each, void *baton, apr_pool_t *scratch);

/** The other way round, from the last that is below `below` (whose data may be
 *  NULL: from the end). */
mls_err *mls_dbt_scan_back(mls_txn *txn, mls_table table, mls_bytes below,
                           mls_dbt_each each, void *baton,
                           apr_pool_t *scratch);

/** Get and put with a JSON text as value; NULL when there is none. */
mls_err *mls_dbt_get_json(mls_json **value, mls_txn *txn, mls_table table,
                          mls_bytes key, apr_pool_t *pool);
mls_err *mls_dbt_put_json(mls_txn *txn, mls_table table, mls_bytes key,
                          const mls_json *value, apr_pool_t *pool);

#endif
