/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_REGISTRY_SNAPSHOTS_H
#define MLS_REGISTRY_SNAPSHOTS_H

/**
 * Snapshots: what a session's workspace and files were, kept for their user.
 * Part of the registry's interface (registry.h); the bytes are a blob, which
 * the record holds a reference to.
 */

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "base/err.h"
#include "base/json.h"
#include "registry/registry.h"

typedef struct mls_snapshot {
    const char *id;   /* GUID */
    const char *name; /* may be NULL */
    mls_subject owner;
    apr_time_t created; /* set by the owner process */
    apr_int64_t size;   /* of the zip */
    const char *blob;   /* hex SHA-256 */
    int empty;          /* no objects and no files */
} mls_snapshot;

/** Store a record; the reference counts from then on. */
mls_err *mls_snapshot_put(mls_registry *registry,
                          const mls_snapshot *snapshot, apr_pool_t *pool);

/** One snapshot of `owner`, or *out = NULL: what belongs to somebody else is
 *  as if it were not there. */
mls_err *mls_snapshot_get(const mls_snapshot **out, mls_registry *registry,
                          const char *id, const mls_subject *owner,
                          apr_pool_t *pool);

/** Those of `owner`, oldest first; const mls_snapshot *. */
mls_err *mls_snapshot_list(apr_array_header_t **out, mls_registry *registry,
                           const mls_subject *owner, apr_pool_t *pool);

/** MLS_ENOTFOUND when there is none of this owner. */
mls_err *mls_snapshot_delete(mls_registry *registry, const char *id,
                             const mls_subject *owner, apr_pool_t *pool);

/* ---- encoding (records) ---- */

mls_json *mls_snapshot_to_json(const mls_snapshot *snapshot,
                               apr_pool_t *pool);
mls_err *mls_snapshot_from_json(mls_snapshot **out, const mls_json *json,
                                apr_pool_t *pool);

#endif
