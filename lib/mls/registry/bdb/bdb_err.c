/* SPDX-License-Identifier: Apache-2.0 */
/* Berkeley DB's return codes as errors of ours. */

#include "registry/bdb/bdb_private.h"

#include <errno.h>

mls_err *mls_bdb_err(apr_pool_t *pool, int code, const char *what)
{
    switch (code) {
    case 0:
        return NULL;
    case DB_LOCK_DEADLOCK:
    case DB_LOCK_NOTGRANTED:
        return mls_err_make(pool, DB_LOCK_DEADLOCK, NULL,
                            "%s: lost a deadlock", what);
    case ENOSPC:
    case EDQUOT:
        return mls_err_make(pool, MLS_ENOSPACE, NULL,
                            "%s: the disk of the state directory is full",
                            what);
    case DB_RUNRECOVERY:
    case DB_VERIFY_BAD:
    case DB_PAGE_NOTFOUND:
    case DB_SECONDARY_BAD:
    case DB_LOG_VERIFY_BAD:
        return mls_err_make(pool, MLS_ECORRUPT, NULL, "%s: %s", what,
                            db_strerror(code));
    default:
        return mls_err_make(pool, MLS_EOTHER, NULL, "%s: %s", what,
                            db_strerror(code));
    }
}
