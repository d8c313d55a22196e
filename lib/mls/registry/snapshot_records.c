/* SPDX-License-Identifier: Apache-2.0 */
/* Records of snapshots: their encoding. */

#include "registry/snapshots.h"

#include "registry/records.h"

enum { VERSION = 1 };

mls_json *mls_snapshot_to_json(const mls_snapshot *snapshot, apr_pool_t *pool)
{
    mls_json *json = mls_json_object(pool);

    mls_json_set_int(json, "v", VERSION);
    mls_json_set_string(json, "id", snapshot->id);
    mls_json_set_string(json, "name", snapshot->name);
    mls_json_set(json, "owner", mls_subject_to_json(&snapshot->owner, pool));
    mls_json_set_int(json, "created", snapshot->created);
    mls_json_set_int(json, "size", snapshot->size);
    mls_json_set_string(json, "blob", snapshot->blob);
    mls_json_set_bool(json, "empty", snapshot->empty);
    return json;
}

mls_err *mls_snapshot_from_json(mls_snapshot **out, const mls_json *json,
                                apr_pool_t *pool)
{
    mls_snapshot *made = apr_pcalloc(pool, sizeof(*made));

    if (mls_json_int(json, "v", 0) > VERSION) {
        return mls_err_make(pool, MLS_ECORRUPT, NULL,
                            "a snapshot's record was written by a newer "
                            "version of this program");
    }
    MLS_TRY(mls_json_need_string(&made->id, json, "id", pool));
    MLS_TRY(mls_json_need_string(&made->blob, json, "blob", pool));
    MLS_TRY(mls_subject_from_json(&made->owner, mls_json_get(json, "owner"),
                                  pool));
    made->name = mls_json_string(json, "name");
    made->created = mls_json_int(json, "created", 0);
    made->size = mls_json_int(json, "size", 0);
    made->empty = mls_json_bool(json, "empty", 0);
    *out = made;
    return NULL;
}
