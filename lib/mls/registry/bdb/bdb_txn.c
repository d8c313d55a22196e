/* SPDX-License-Identifier: Apache-2.0 */
/* Run a body again while it loses deadlocks, but not for ever. */

#include "registry/bdb/bdb_private.h"

enum { TRIES = 20 };

static mls_err *attempt(mls_bdb *bdb, mls_txn_body body, void *baton,
                        apr_pool_t *pool)
{
    mls_txn txn = { bdb, NULL };
    int rc = bdb->env->txn_begin(bdb->env, NULL, &txn.txn, 0);

    if (rc) {
        return mls_bdb_err(pool, rc, "begin a transaction");
    }
    mls_err *err = body(&txn, baton, pool);
    if (err) {
        rc = txn.txn->abort(txn.txn);
        return rc ? mls_bdb_err(pool, rc, "abort a transaction") : err;
    }
    return mls_bdb_err(pool, txn.txn->commit(txn.txn, DB_TXN_NOSYNC),
                       "commit a transaction");
}

static mls_err *attempt_read(mls_bdb *bdb, mls_txn_body body, void *baton,
                             apr_pool_t *pool)
{
    mls_txn txn = { bdb, NULL };

    return body(&txn, baton, pool);
}

static mls_err *repeat(mls_err *(*once)(mls_bdb *, mls_txn_body, void *,
                                        apr_pool_t *),
                       mls_bdb *bdb, mls_txn_body body, void *baton,
                       apr_pool_t *pool)
{
    apr_pool_t *each;
    mls_err *err = NULL;

    /* Results live in `each`, which lives as long as `pool`. */
    apr_pool_create(&each, pool);
    for (int i = 0; i < TRIES; i++) {
        apr_pool_clear(each);
        err = once(bdb, body, baton, each);
        if (!err || err->code != DB_LOCK_DEADLOCK) {
            return err;
        }
    }
    return mls_err_make(pool, MLS_EBUSY, err,
                        "gave up after %d lost deadlocks", TRIES);
}

mls_err *mls_bdb_write(mls_bdb *bdb, mls_txn_body body, void *baton,
                       apr_pool_t *pool)
{
    return repeat(attempt, bdb, body, baton, pool);
}

mls_err *mls_bdb_read(mls_bdb *bdb, mls_txn_body body, void *baton,
                      apr_pool_t *pool)
{
    return repeat(attempt_read, bdb, body, baton, pool);
}
