/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_REGISTRY_BDB_PRIVATE_H
#define MLS_REGISTRY_BDB_PRIVATE_H

/* What the files of this folder share and nobody else needs: the library's
 * own handles and codes. */

#include <db.h>

#include "registry/bdb/bdb_env.h"
#include "registry/bdb/bdb_txn.h"

struct mls_bdb {
    DB_ENV *env;
    DB *tables[MLS_TABLES];
    void (*log)(void *baton, const char *message);
    void *baton;
};

struct mls_txn {
    mls_bdb *bdb;
    DB_TXN *txn; /* NULL outside a transaction */
};

/** An error of the library's as one of ours. A lost deadlock keeps its code,
 *  so that mls_bdb_write can see it and try again. */
mls_err *mls_bdb_err(apr_pool_t *pool, int code, const char *what);

#endif
