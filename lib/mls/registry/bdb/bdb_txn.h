/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_REGISTRY_BDB_TXN_H
#define MLS_REGISTRY_BDB_TXN_H

/**
 * What if my write loses a deadlock? Nothing: a write is a function, run again
 * until it wins.
 *
 * A body gets a pool that is cleared before each try. It returns whatever error
 * it meets at once; the lost deadlock among them is what causes the next try.
 * Whatever it leaves behind outside the database must be the same whether it
 * ran once or five times.
 */

#include <apr_pools.h>

#include "base/err.h"
#include "registry/bdb/bdb_env.h"

typedef struct mls_txn mls_txn;

typedef mls_err *(*mls_txn_body)(mls_txn *txn, void *baton, apr_pool_t *pool);

/** Run `body` in a transaction and commit it; any error of the body's aborts.
 *  The commit is in the log but not yet on disk: mls_bdb_flush comes before
 *  anybody is told. */
mls_err *mls_bdb_write(mls_bdb *bdb, mls_txn_body body, void *baton,
                       apr_pool_t *pool);

/** Run `body` to read, without a transaction: every single read is
 *  consistent, two of them need not agree. */
mls_err *mls_bdb_read(mls_bdb *bdb, mls_txn_body body, void *baton,
                      apr_pool_t *pool);

#endif
