/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_REGISTRY_AUDIT_TABLE_H
#define MLS_REGISTRY_AUDIT_TABLE_H

/**
 * Table audit: class, time, number -> record. The class is '0' for refusals
 * of unknown callers and '1' for everything else; the rest of the key is 24
 * hex digits, which order records by time, and is what a cursor holds.
 */

#include <stdint.h>

#include "registry/audit_trail.h"
#include "registry/bdb/dbt.h"

enum {
    MLS_AUDIT_KEY = 1 + 16 + 8, /* characters */
    MLS_AUDIT_LOOK = 20000      /* records of a class one page looks at */
};

/** The key of a record, with a number that no other of its time has. */
const char *mls_audit_key(const mls_audit *record, uint32_t number,
                          apr_pool_t *pool);

/** Put a text under its key and count it; putting it again changes nothing. */
mls_err *mls_audit_table_put(mls_txn *txn, const char *key, const char *text,
                             apr_pool_t *pool);

/** Remove what is beyond the bounds, the oldest first: more than `most`
 *  records in all or a quarter of that of unknown callers, or older than
 *  `before`. At most some thousands at once. */
mls_err *mls_audit_table_prune(mls_txn *txn, int64_t most, apr_time_t before,
                               apr_pool_t *pool);

/** How many there are of a class. */
mls_err *mls_audit_table_count(int64_t *count, mls_txn *txn, char class,
                               apr_pool_t *pool);

/** A page of matching records, newest first, as JSON; *next is the cursor of
 *  the next page, NULL when that was all. */
mls_err *mls_audit_table_page(mls_json **records, const char **next,
                              mls_txn *txn, const mls_audit_query *query,
                              apr_pool_t *pool);

#endif
