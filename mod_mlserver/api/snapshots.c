/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: take, load, list, fetch, delete. Private to their user. */

#include "api/api.h"

#include "audit/audit.h"
#include "api/code.h"
#include "base/ident.h"
#include "base/timefmt.h"
#include "http/reply.h"
#include "http/request.h"
#include "http/spool.h"
#include "lifecycle/lifecycle.h"
#include "pool/supervisor.h"
#include "registry/snapshots.h"

enum { FETCH_LIMIT = 10000 /* ms */ };

static const char *subject_text(request_rec *r, const mls_subject *who)
{
    return apr_pstrcat(r->pool, who->provider, ":", who->name, NULL);
}

/* ---- take ---- */

static mls_err *take(mls_snapshot *snapshot, const mls_json **taken,
                     request_rec *r, const mlh_call *call)
{
    mls_session_data data = { NULL, 0, -1, -1, -1 };
    mls_pool_result *result;

    MLS_TRY(mlh_spool_open(&data.file, r, call->config));
    MLS_TRY(mlh_session_operation(&result, r, call, "snapshot", NULL, &data));
    MLS_TRY(mlh_code_refusal(result, r->pool));
    *taken = result->json;
    snapshot->empty = !mls_json_length(mls_json_get(*taken, "objects"))
                      && !mls_json_length(mls_json_get(*taken, "files"));
    return mls_supervisor_store(
        &snapshot->blob, &snapshot->size, call->state->runtime->supervisor,
        data.file, subject_text(r, &snapshot->owner), call->request->id,
        r->pool);
}

static mls_err *create(mls_snapshot *snapshot, const mls_json **taken,
                       request_rec *r, const mlh_call *call)
{
    mls_json *body;

    MLS_TRY(mlh_body_json(&body, r));
    snapshot->name = mls_json_string(body, "name");
    snapshot->owner = call->caller->subject;
    MLS_TRY(mls_guid_make(&snapshot->id, r->pool));
    MLS_TRY(take(snapshot, taken, r, call));
    return mls_snapshot_put(call->state->runtime->registry, snapshot, r->pool);
}

int mlh_snapshot_create(request_rec *r, const mlh_call *call)
{
    mls_snapshot snapshot = { 0 };
    const mls_json *taken = NULL;
    mls_err *err = create(&snapshot, &taken, r, call);

    if (err) {
        return mlh_reply_error(r, err);
    }
    mls_json *json = mls_json_object(r->pool);

    mlh_audit_detail(r, "snapshot %s", snapshot.id);
    mls_json_set_string(json, "snapshotId", snapshot.id);
    /* What could not be kept is said; the rest is. */
    mls_json_set(json, "unpicklable", mls_json_get(taken, "unpicklable"));
    return mlh_reply_tree(r, HTTP_CREATED, json);
}

/* ---- use ---- */

static mls_err *find(const mls_snapshot **out, request_rec *r,
                     const mlh_call *call, const char *id)
{
    MLS_TRY(mls_snapshot_get(out, call->state->runtime->registry, id,
                             &call->caller->subject, r->pool));
    if (!*out) {
        return mls_err_make(r->pool, MLS_ENOTFOUND, NULL,
                            "there is no snapshot \"%s\"", id);
    }
    return NULL;
}

/* Blobs belong to the daemon's user: it hands the file on. */
static mls_err *open_blob(int *fd, request_rec *r, const mlh_call *call,
                          const mls_snapshot *snapshot)
{
    mls_pool_client *pool;
    mls_pool_call *one = apr_pcalloc(r->pool, sizeof(*one));

    MLS_TRY(mlh_code_pool(&pool, r, call));
    mlh_code_call(one, r, call, FETCH_LIMIT);
    return mls_session_fetch(fd, pool, one, snapshot->blob, r->pool);
}

static mls_err *load(request_rec *r, const mlh_call *call)
{
    mls_session_data data = { NULL, 0, -1, -1, -1 };
    const mls_snapshot *snapshot;
    mls_pool_result *result;

    MLS_TRY(find(&snapshot, r, call, call->version));
    MLS_TRY(open_blob(&data.file, r, call, snapshot));
    MLS_TRY(mlh_session_operation(&result, r, call, "load-snapshot", NULL,
                                  &data));
    return mlh_code_refusal(result, r->pool);
}

int mlh_snapshot_load(request_rec *r, const mlh_call *call)
{
    mls_err *err = load(r, call);

    return err ? mlh_reply_error(r, err)
               : mlh_reply_string(r, HTTP_OK, call->version);
}

int mlh_snapshot_get(request_rec *r, const mlh_call *call)
{
    const mls_snapshot *snapshot;
    int fd;
    mls_err *err = find(&snapshot, r, call, call->name);

    if (!err) {
        err = open_blob(&fd, r, call, snapshot);
    }
    if (err) {
        return mlh_reply_error(r, err);
    }
    return mlh_reply_file(r, fd, "application/zip",
                          apr_pstrcat(r->pool, snapshot->id, ".zip", NULL));
}

int mlh_snapshots_list(request_rec *r, const mlh_call *call)
{
    mls_json *rows = mls_json_array(r->pool);
    apr_array_header_t *found;
    mls_err *err = mls_snapshot_list(&found, call->state->runtime->registry,
                                     &call->caller->subject, r->pool);

    if (err) {
        return mlh_reply_error(r, err);
    }
    for (int i = 0; i < found->nelts; i++) {
        const mls_snapshot *one =
            APR_ARRAY_IDX(found, i, const mls_snapshot *);
        mls_json *row = mls_json_object(r->pool);

        mls_json_set_string(row, "id", one->id);
        mls_json_set_string(row, "name", one->name);
        mls_json_set_string(row, "owner", one->owner.name);
        mls_json_set_string(row, "creationTime",
                            mls_time_contract(one->created, r->pool));
        mls_json_set_int(row, "contentSize", one->size);
        mls_json_add(rows, row);
    }
    return mlh_reply_tree(r, HTTP_OK, rows);
}

int mlh_snapshot_delete(request_rec *r, const mlh_call *call)
{
    mls_err *err = mls_snapshot_delete(call->state->runtime->registry,
                                       call->name, &call->caller->subject,
                                       r->pool);

    return err ? mlh_reply_error(r, err)
               : mlh_reply_string(r, HTTP_OK, call->name);
}
