/* SPDX-License-Identifier: Apache-2.0 */
/* GET /services[/{name}[/{version}]], DELETE /services/{name}/{version}. */

#include "api/api.h"

#include <string.h>

#include "audit/audit.h"
#include "auth/auth.h"
#include "base/timefmt.h"
#include "http/reply.h"
#include "lifecycle/lifecycle.h"

enum { TRIES = 4 /* against others who change the same at the same time */ };

/* JSON that the registry keeps as text, or an empty array. */
static mls_json *stored(const char *text, apr_pool_t *pool)
{
    mls_json *json = NULL;

    if (!text || mls_json_parse(&json, text, strlen(text), pool) || !json) {
        json = mls_json_array(pool);
    }
    return json;
}

/* A version as the contract shows it. Clients need description, operationId
 * (null when there is none) and both lists of definitions. */
static mls_json *service_json(const mls_service *service,
                              const mlh_identity *caller, apr_pool_t *pool)
{
    mls_json *row = mls_json_object(pool);
    const int own = mlh_same_subject(&service->publisher, &caller->subject);
    const int sees_code =
        mls_policy_allows(caller->role, MLS_PERMIT_SEE_CODE, own);
    const int may_change =
        mls_policy_allows(caller->role, MLS_PERMIT_CHANGE, own);

    mls_json_set_string(row, "name", service->name);
    mls_json_set_string(row, "version", service->version);
    mls_json_set_string(row, "versionPublishedBy", service->publisher.name);
    mls_json_set_string(row, "creationTime",
                        mls_time_contract(service->created, pool));
    mls_json_set_string(row, "snapshotId", service->snapshot_id);
    mls_json_set_string(row, "runtimeType", service->runtime_type);
    mls_json_set_string(row, "initCode",
                        sees_code ? service->init_code : NULL);
    mls_json_set_string(row, "code", sees_code ? service->code : NULL);
    mls_json_set_string(row, "description", service->description);
    mls_json_set_string(row, "operationId", service->operation_id);
    mls_json_set(row, "inputParameterDefinitions",
                 stored(service->inputs, pool));
    mls_json_set(row, "outputParameterDefinitions",
                 stored(service->outputs, pool));
    mls_json_set(row, "outputFileNames", stored(service->output_files, pool));
    mls_json_set_string(row, "myPermissionOnService",
                        may_change ? "read/write" : "read only");
    return row;
}

static int reply_list(request_rec *r, const mlh_call *call, const char *name)
{
    apr_array_header_t *services;
    mls_json *rows = mls_json_array(r->pool);
    mls_err *err = mls_service_list(&services, call->state->runtime->registry,
                                    name, r->pool);

    if (err) {
        return mlh_reply_error(r, err);
    }
    for (int i = 0; i < services->nelts; i++) {
        mls_json_add(rows, service_json(
                               APR_ARRAY_IDX(services, i, const mls_service *),
                               call->caller, r->pool));
    }
    return mlh_reply_tree(r, HTTP_OK, rows);
}

int mlh_services_list(request_rec *r, const mlh_call *call)
{
    return reply_list(r, call, NULL);
}

int mlh_services_versions(request_rec *r, const mlh_call *call)
{
    return reply_list(r, call, call->name);
}

mls_err *mlh_service_find(const mls_service **out, request_rec *r,
                          const mlh_call *call)
{
    MLS_TRY(mls_service_get(out, call->state->runtime->registry, call->name,
                            call->version, r->pool));
    if (!*out) {
        return mls_err_make(r->pool, MLS_ENOTFOUND, NULL,
                            "there is no service \"%s\" in version \"%s\"",
                            call->name, call->version);
    }
    return NULL;
}

int mlh_service_get(request_rec *r, const mlh_call *call)
{
    const mls_service *service;
    mls_err *err = mlh_service_find(&service, r, call);

    if (err) {
        return mlh_reply_error(r, err);
    }
    mlh_etag_set(r, service->generation);
    if (mlh_etag_none_match(r, service->generation)) {
        return mlh_reply_empty(r, HTTP_NOT_MODIFIED);
    }
    mls_json *rows = mls_json_array(r->pool);

    mls_json_add(rows, service_json(service, call->caller, r->pool));
    return mlh_reply_tree(r, HTTP_OK, rows);
}

mls_err *mlh_service_to_change(const mls_service **out,
                               apr_uint64_t *expected, request_rec *r,
                               const mlh_call *call)
{
    int asked;

    MLS_TRY(mlh_service_find(out, r, call));
    const int own =
        mlh_same_subject(&(*out)->publisher, &call->caller->subject);

    if (!mls_policy_allows(call->caller->role, MLS_PERMIT_CHANGE, own)) {
        return mls_err_make(r->pool, MLS_EFORBIDDEN, NULL,
                            "service \"%s\" version \"%s\" belongs to %s; "
                            "only its publisher and Owners change it",
                            call->name, call->version,
                            (*out)->publisher.name);
    }
    if (!mlh_etag_match(r, (*out)->generation, &asked)) {
        return mls_err_make(r->pool, MLS_ECONFLICT, NULL,
                            "service \"%s\" version \"%s\" has changed "
                            "meanwhile; get it again and repeat",
                            call->name, call->version);
    }
    *expected = asked ? (*out)->generation : 0;
    return NULL;
}

mls_err *mlh_service_alter(const mls_service **out, const mls_service *old,
                           apr_uint64_t expected, mlh_service_change *change,
                           void *baton, request_rec *r, const mlh_call *call)
{
    for (int i = 0;; i++) {
        mls_service record = *old;
        int same = 0;

        MLS_TRY(change(&record, &same, baton, r, call));
        if (same) {
            *out = old;
            return NULL;
        }
        mls_err *err = mls_service_update(
            out, call->state->runtime->registry, &record,
            expected ? expected : old->generation, r->pool);

        if (!err || err->code != MLS_ECONFLICT || expected || i == TRIES) {
            return err;
        }
        MLS_TRY(mlh_service_to_change(&old, &expected, r, call));
    }
}

int mlh_service_created(request_rec *r, const mls_service *service)
{
    const char *path = mlh_service_path(r, service->name, service->version);

    mlh_audit_target(r, apr_pstrcat(r->pool, service->name, "/",
                                    service->version, NULL));
    mlh_etag_set(r, service->generation);
    apr_table_setn(r->headers_out, "Location", path);
    return mlh_reply_string(r, HTTP_CREATED, path);
}

int mlh_service_delete(request_rec *r, const mlh_call *call)
{
    const mls_service *service;
    apr_uint64_t expected;
    mls_err *err = mlh_service_to_change(&service, &expected, r, call);

    if (!err) {
        err = mls_service_delete(call->state->runtime->registry, call->name,
                                 call->version, expected, r->pool);
    }
    if (err) {
        return mlh_reply_error(r, err);
    }
    mlh_pool_forget(r, call, service);
    return mlh_reply_string(r, HTTP_OK,
                            mlh_service_path(r, call->name, call->version));
}
