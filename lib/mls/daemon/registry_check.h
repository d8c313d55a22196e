/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_DAEMON_REGISTRY_CHECK_H
#define MLS_DAEMON_REGISTRY_CHECK_H

/**
 * Do the registry's tables agree with each other? Counts are compared with
 * what the services name; records must decode.
 */

#include <stdint.h>

#include "registry/bdb/bdb_txn.h"

typedef struct mls_registry_counts {
    uint64_t services, blobs, families;
} mls_registry_counts;

/** Check all tables; `problem` gets a line for each thing that is wrong. */
mls_err *mls_registry_check(mls_registry_counts *counts, mls_txn *txn,
                            void (*problem)(void *baton, const char *line),
                            void *baton, apr_pool_t *pool);

#endif
