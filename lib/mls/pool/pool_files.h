/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_POOL_POOL_FILES_H
#define MLS_POOL_POOL_FILES_H

/**
 * What the pool supervisor writes into the run directory for everybody to
 * read without asking it: its counts, and the runtimes that there are.
 */

#include <apr_pools.h>

#include "base/err.h"
#include "base/json.h"

/** The counts, at most a quarter of a second old while anything happens:
 *  waiting, served, refused, runtimes, services. MLS_EUNAVAILABLE when the
 *  supervisor has not written them yet. */
mls_err *mls_pool_counts(mls_json **out, const char *run_dir,
                         apr_pool_t *pool);

/** One service's entry of the counts; *out is NULL when it has none. */
mls_err *mls_pool_counts_of(mls_json **out, const char *run_dir,
                            const char *name, const char *version,
                            apr_pool_t *pool);

/** The runtimes: {"items":[{name, version, interpreter, actualVersion,
 *  problem, packages}]}. */
mls_err *mls_pool_runtimes_read(mls_json **out, const char *run_dir,
                                apr_pool_t *pool);

/** Is there a runtime that `wanted` names ("Python", "Python 3.11")?
 *  MLS_EINVALID lists what there is. Waits for a supervisor that is starting,
 *  at most two seconds; then MLS_EUNAVAILABLE. */
mls_err *mls_pool_runtime_check(const char *run_dir, const char *wanted,
                                apr_pool_t *pool);

#endif
