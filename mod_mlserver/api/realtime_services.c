/* SPDX-License-Identifier: Apache-2.0 */
/* POST and PATCH /realtime-services/{name}[/{version}]: publish a model that
 * is scored inside httpd. The upload is spooled, stored and compiled by the
 * supervisor, and only then named by a registry record. */

#include "api/api.h"

#include <string.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/ident.h"
#include "http/reply.h"
#include "http/upload.h"
#include "lifecycle/lifecycle.h"
#include "service/service_name.h"

APLOG_USE_MODULE(mlserver);

static const char inputs[] =
    "[{\"name\":\"inputData\",\"type\":\"data.frame\"}]";
static const char outputs[] =
    "[{\"name\":\"outputData\",\"type\":\"data.frame\"}]";

/* Store and compile what was uploaded; fills the model's part of a record. */
static mls_err *compile(mls_service *service, request_rec *r,
                        const mlh_call *call, const mlh_upload *upload)
{
    const mls_subject *who = &call->caller->subject;
    mls_compiled *compiled;

    if (upload->model_size == 0) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "the part \"model\" is empty");
    }
    MLS_TRY(mls_supervisor_compile(
        &compiled, call->state->runtime->supervisor, upload->model_fd,
        upload->verify_fd,
        apr_pstrcat(r->pool, who->provider, ":", who->name, NULL),
        call->request->id, (int)call->server->compile_timeout + 30, r->pool));
    service->blob = compiled->blob;
    service->model_size = compiled->blob_size;
    service->image = compiled->image;
    service->model = compiled->model;
    return NULL;
}

/* The alias for the record: an empty one counts as none, since clients make a
 * function of it. */
static mls_err *alias_of(const char **out, const mlh_upload *upload,
                         apr_pool_t *pool)
{
    *out = NULL;
    if (!upload->operation_id || !*upload->operation_id) {
        return NULL;
    }
    MLS_TRY(mls_operation_id_check(upload->operation_id, pool));
    *out = upload->operation_id;
    return NULL;
}

static mls_err *taken(request_rec *r, const char *name, const char *version)
{
    return mls_err_make(r->pool, MLS_EEXISTS, NULL,
                        "service \"%s\" exists in version \"%s\" already; "
                        "PATCH updates it",
                        name, version);
}

/* ---- publish ---- */

static mls_err *publish(const mls_service **out, request_rec *r,
                        const mlh_call *call)
{
    mls_registry *registry = call->state->runtime->registry;
    mls_service service = {
        .name = call->name,
        .version = call->version,
        .runtime_type = "Realtime",
        .publisher = call->caller->subject,
        .inputs = inputs,
        .outputs = outputs,
        .output_files = "[]",
    };
    mlh_upload *upload;

    if (!service.version) {
        MLS_TRY(mls_guid_make(&service.version, r->pool));
    }
    else { /* say so before gigabytes are sent; create decides in the end */
        const mls_service *old;

        MLS_TRY(mls_service_get(&old, registry, call->name, call->version,
                                r->pool));
        if (old) {
            return taken(r, call->name, call->version);
        }
    }
    MLS_TRY(mls_guid_make(&service.snapshot_id, r->pool));
    MLS_TRY(mlh_upload_read(&upload, r, call));
    if (upload->model_fd < 0) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "the part \"model\" is missing");
    }
    service.description = upload->description;
    MLS_TRY(alias_of(&service.operation_id, upload, r->pool));
    MLS_TRY(compile(&service, r, call, upload));
    mls_err *err = mls_service_create(out, registry, &service, r->pool);

    if (err && err->code == MLS_EEXISTS) {
        return taken(r, call->name, service.version);
    }
    return err;
}

int mlh_realtime_publish(request_rec *r, const mlh_call *call)
{
    const mls_service *service;
    mls_err *err = publish(&service, r, call);

    return err ? mlh_reply_error(r, err) : mlh_service_created(r, service);
}

/* ---- patch ---- */

struct fresh {
    mls_service model; /* what was compiled; image NULL: no model came */
    mlh_upload *upload;
};

/* The record as it is now with what was uploaded in it. */
static mls_err *merge(mls_service *record, int *same, void *baton,
                      request_rec *r, const mlh_call *call)
{
    const struct fresh *fresh = baton;

    if (fresh->upload->description) {
        record->description = fresh->upload->description;
    }
    if (fresh->upload->operation_id) {
        MLS_TRY(alias_of(&record->operation_id, fresh->upload, r->pool));
    }
    if (fresh->model.image) {
        record->blob = fresh->model.blob;
        record->model_size = fresh->model.model_size;
        record->image = fresh->model.image;
        record->model = fresh->model.model;
        record->snapshot_id = fresh->model.snapshot_id;
    }
    return NULL;
}

static mls_err *patch(const mls_service **out, request_rec *r,
                      const mlh_call *call)
{
    const mls_service *old;
    apr_uint64_t expected;
    struct fresh fresh;

    memset(&fresh, 0, sizeof(fresh));
    MLS_TRY(mlh_service_to_change(&old, &expected, r, call));
    if (strcmp(old->runtime_type, "Realtime") != 0) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "service \"%s\" version \"%s\" is a %s service; "
                            "PATCH /services/... updates it",
                            call->name, call->version, old->runtime_type);
    }
    MLS_TRY(mlh_upload_read(&fresh.upload, r, call));
    if (fresh.upload->model_fd >= 0) {
        MLS_TRY(mls_guid_make(&fresh.model.snapshot_id, r->pool));
        MLS_TRY(compile(&fresh.model, r, call, fresh.upload));
    }
    return mlh_service_alter(out, old, expected, merge, &fresh, r, call);
}

int mlh_realtime_patch(request_rec *r, const mlh_call *call)
{
    const mls_service *service;
    mls_err *err = patch(&service, r, call);

    if (err) {
        return mlh_reply_error(r, err);
    }
    mlh_etag_set(r, service->generation);
    return mlh_reply_string(r, HTTP_OK,
                            mlh_service_path(r, call->name, call->version));
}
