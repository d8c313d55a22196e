/* SPDX-License-Identifier: Apache-2.0 */
/* snapshots.h's calls, as requests to the owner. */

#include "registry/snapshots.h"

#include <stdlib.h>

#include "registry/records.h"
#include "registry/remote/registry_client.h"

static mls_json *request_for(const char *op, const char *id,
                             const mls_subject *owner, apr_pool_t *pool)
{
    mls_json *request = mls_json_object(pool);

    mls_json_set_string(request, "op", op);
    if (id) {
        mls_json_set_string(request, "snapshot", id);
    }
    if (owner) {
        mls_json_set(request, "subject", mls_subject_to_json(owner, pool));
    }
    return request;
}

mls_err *mls_snapshot_put(mls_registry *registry,
                          const mls_snapshot *snapshot, apr_pool_t *pool)
{
    mls_json *request = request_for("snapshot.put", NULL, NULL, pool), *answer;

    mls_json_set(request, "record", mls_snapshot_to_json(snapshot, pool));
    return mls_registry_write(&answer, registry, request, pool);
}

static mls_err *list(apr_array_header_t **out, mls_registry *registry,
                     const char *id, const mls_subject *owner,
                     apr_pool_t *pool)
{
    mls_json *answer;

    MLS_TRY(mls_registry_ask(&answer, registry,
                             request_for("snapshot.list", id, owner, pool),
                             pool));
    const mls_json *found = mls_json_get(answer, "snapshots");
    *out = apr_array_make(pool, 8, sizeof(const mls_snapshot *));
    for (size_t i = 0; i < mls_json_length(found); i++) {
        mls_snapshot *one;
        MLS_TRY(mls_snapshot_from_json(&one, mls_json_at(found, i), pool));
        APR_ARRAY_PUSH(*out, const mls_snapshot *) = one;
    }
    return NULL;
}

mls_err *mls_snapshot_get(const mls_snapshot **out, mls_registry *registry,
                          const char *id, const mls_subject *owner,
                          apr_pool_t *pool)
{
    apr_array_header_t *found;

    MLS_TRY(list(&found, registry, id, owner, pool));
    *out = found->nelts ? APR_ARRAY_IDX(found, 0, const mls_snapshot *) : NULL;
    return NULL;
}

static int by_age(const void *left, const void *right)
{
    const mls_snapshot *one = *(const mls_snapshot *const *)left;
    const mls_snapshot *other = *(const mls_snapshot *const *)right;

    return one->created < other->created ? -1 : one->created > other->created;
}

mls_err *mls_snapshot_list(apr_array_header_t **out, mls_registry *registry,
                           const mls_subject *owner, apr_pool_t *pool)
{
    MLS_TRY(list(out, registry, NULL, owner, pool));
    qsort((*out)->elts, (size_t)(*out)->nelts, (size_t)(*out)->elt_size,
          by_age);
    return NULL;
}

mls_err *mls_snapshot_delete(mls_registry *registry, const char *id,
                             const mls_subject *owner, apr_pool_t *pool)
{
    mls_json *answer;

    return mls_registry_write(&answer, registry,
                              request_for("snapshot.delete", id, owner, pool),
                              pool);
}
