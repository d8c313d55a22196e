/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_REGISTRY_BDB_ENV_H
#define MLS_REGISTRY_BDB_ENV_H

/**
 * The Berkeley DB environment: private to one process, recovered at every
 * open. Whoever opens it holds the lock on registry/LOCK (two processes that
 * open one private environment see no error and lose each other's writes), so
 * take mls_bdb_lock first and keep it as long as the environment.
 */

#include <sys/types.h>

#include <apr_pools.h>
#include <apr_time.h>

#include "base/err.h"

/** The tables, one file each. */
typedef enum mls_table {
    MLS_TABLE_SERVICES, /* name, zero, version -> service */
    MLS_TABLE_FAMILIES, /* family id -> token family */
    MLS_TABLE_TOKENS,   /* SHA-256 of a refresh token -> refresh token */
    MLS_TABLE_SUBJECTS, /* provider, zero, name -> not before */
    MLS_TABLE_BLOBS,    /* b or i, digest -> count of references */
    MLS_TABLE_USAGE,    /* provider, zero, name -> bytes of models */
    MLS_TABLE_REQUESTS, /* request id -> answer, for repeated requests */
    MLS_TABLE_META,     /* key -> text */
    MLS_TABLE_SNAPSHOTS, /* id -> snapshot */
    MLS_TABLE_AUDIT, /* class, time, number -> record of the audit */
    MLS_TABLES
} mls_table;

/** The table's file name. */
const char *mls_table_file(mls_table table);

typedef struct mls_bdb mls_bdb;

/** Take the lock on the file `path` (registry/LOCK), waiting at most `wait`;
 *  held until *fd is closed and every process that inherited it has ended.
 *  MLS_EBUSY names the holder. */
mls_err *mls_bdb_lock(int *fd, const char *path, apr_interval_time_t wait,
                      apr_pool_t *pool);

/** Open, running recovery; creates what is missing. `log` (may be NULL) gets
 *  the library's own messages. MLS_ECORRUPT when recovery is impossible,
 *  MLS_ENOSPACE. Closed by mls_bdb_close, not by the pool. */
mls_err *mls_bdb_open(mls_bdb **out, const char *directory,
                      void (*log)(void *baton, const char *message),
                      void *baton, apr_pool_t *pool);

/** Checkpoint and close. */
mls_err *mls_bdb_close(mls_bdb *bdb, apr_pool_t *pool);

/** Write the log to disk: what was committed before this is durable after. */
mls_err *mls_bdb_flush(mls_bdb *bdb, apr_pool_t *pool);

/** Checkpoint when `kilobytes` of log were written since the last (0: now),
 *  and remove log files that recovery no longer needs. */
mls_err *mls_bdb_checkpoint(mls_bdb *bdb, unsigned kilobytes,
                            apr_pool_t *pool);

/** Hot backup of tables and log into the new directory `target`. Writes may
 *  go on; checkpoints must not remove logs meanwhile. */
mls_err *mls_bdb_backup(mls_bdb *bdb, const char *target, apr_pool_t *pool);

/** Make a copy that mls_bdb_backup took whole again: its tables were copied
 *  while they changed, its log tells how. Once, before it is opened. */
mls_err *mls_bdb_recover_copy(const char *directory, apr_pool_t *pool);

/** Verify the pages of every table's file in `directory`, whose environment
 *  nobody has open. *problems counts damaged files; `report` gets a line of
 *  each. */
mls_err *mls_bdb_verify(int *problems, const char *directory,
                        void (*report)(void *baton, const char *line),
                        void *baton, apr_pool_t *pool);

#endif
