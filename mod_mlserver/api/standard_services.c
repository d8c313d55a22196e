/* SPDX-License-Identifier: Apache-2.0 */
/* POST and PATCH /services/{name}[/{version}]: publish code that runs in
 * worker processes. Models and objects come as a snapshot of a session. */

#include "api/api.h"

#include <string.h>

#include <apr_lib.h>

#include "auth/auth.h"
#include "base/ident.h"
#include "http/reply.h"
#include "http/request.h"
#include "lifecycle/lifecycle.h"
#include "pool/pool_files.h"
#include "registry/snapshots.h"
#include "service/service_name.h"

enum {
    BODY_LIMIT = 16 * 1024 * 1024,
    DESCRIPTION_LIMIT = 64 * 1024,
    PARAMETERS = 1000
};

/* ---- reading the body ---- */

static apr_status_t free_buffer(void *baton)
{
    mlscore_buffer_free(baton);
    return APR_SUCCESS;
}

static mls_err *read_body(mls_json **out, request_rec *r)
{
    mlscore_buffer *body = apr_pcalloc(r->pool, sizeof(*body));

    apr_pool_cleanup_register(r->pool, body, free_buffer,
                              apr_pool_cleanup_null);
    MLS_TRY(mlh_body_read(body, r, BODY_LIMIT, "body"));
    MLS_TRY(mls_json_parse(out, body->bytes ? body->bytes : "", body->length,
                           r->pool));
    if (mls_json_type_of(*out) != MLS_JSON_OBJECT) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "the body must be a JSON object");
    }
    return NULL;
}

static mls_err *invalid(apr_pool_t *pool, const char *key, const char *rule)
{
    return mls_err_make(pool, MLS_EINVALID, NULL, "\"%s\" %s", key, rule);
}

/* A text when the key is there; an explicit null takes it away. */
static mls_err *take_text(const char **out, const mls_json *body,
                          const char *key, apr_pool_t *pool)
{
    const mls_json *value = mls_json_get(body, key);

    if (!mls_json_has(body, key)) {
        return NULL;
    }
    if (value && mls_json_type_of(value) != MLS_JSON_STRING) {
        return invalid(pool, key, "must be text");
    }
    *out = mls_json_string(body, key);
    if (value && !*out) {
        return invalid(pool, key, "must not contain a zero character");
    }
    return NULL;
}

static int is_type(const char *type)
{
    static const char *const types[] = { "logical", "numeric", "integer",
                                         "character", "vector", "matrix",
                                         "data.frame", NULL };

    for (int i = 0; type && types[i]; i++) {
        if (!strcmp(types[i], type)) {
            return 1;
        }
    }
    return 0;
}

/* Names become global variables of the code. */
static int is_variable(const char *name)
{
    if (!name || !*name || strlen(name) > 128 || (*name >= '0' && *name <= '9')
        || !strncmp(name, "__", 2)) {
        return 0;
    }
    for (const char *c = name; *c; c++) {
        if (!apr_isalnum(*c) && *c != '_' && *c != '.' && !(*c & 0x80)) {
            return 0;
        }
    }
    return 1;
}

static int is_twice(const mls_json *list, size_t i, const char *name)
{
    while (i-- > 0) {
        const char *other = mls_json_string(mls_json_at(list, i), "name");

        if (other && !strcmp(other, name)) {
            return 1;
        }
    }
    return 0;
}

static mls_err *check_definition(const mls_json *list, size_t i,
                                 const char *key, apr_pool_t *pool)
{
    const mls_json *one = mls_json_at(list, i);
    const char *name = mls_json_string(one, "name");
    const char *type = mls_json_string(one, "type");

    if (!is_variable(name)) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "\"%s\"[%d]: the name \"%s\" is not usable as a "
                            "variable",
                            key, (int)i, name ? name : "");
    }
    if (!is_type(type)) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "\"%s\"[%d]: the type of \"%s\" must be logical, "
                            "integer, numeric, character, vector, matrix or "
                            "data.frame",
                            key, (int)i, name);
    }
    if (is_twice(list, i, name)) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "\"%s\" has \"%s\" twice", key, name);
    }
    return NULL;
}

static mls_err *take_definitions(const char **out, const mls_json *body,
                                 const char *key, apr_pool_t *pool)
{
    mls_json *list = mls_json_get(body, key);

    if (!list) {
        return NULL;
    }
    if (mls_json_type_of(list) != MLS_JSON_ARRAY
        || mls_json_length(list) > PARAMETERS) {
        return invalid(pool, key, "must be an array of at most 1000 objects");
    }
    for (size_t i = 0; i < mls_json_length(list); i++) {
        MLS_TRY(check_definition(list, i, key, pool));
    }
    *out = mls_json_text(list, pool);
    return NULL;
}

/* Names reach other people's disks through clients: only plain ones. */
static mls_err *take_file_names(const char **out, const mls_json *body,
                                apr_pool_t *pool)
{
    mls_json *list = mls_json_get(body, "outputFileNames");

    if (!list) {
        return NULL;
    }
    if (mls_json_type_of(list) != MLS_JSON_ARRAY
        || mls_json_length(list) > PARAMETERS) {
        return invalid(pool, "outputFileNames", "must be an array of names");
    }
    for (size_t i = 0; i < mls_json_length(list); i++) {
        const char *name = mls_json_string_of(mls_json_at(list, i));

        if (!name || !*name || strlen(name) > 255 || strpbrk(name, "/\\")
            || name[0] == '.') {
            return mls_err_make(pool, MLS_EINVALID, NULL,
                                "\"outputFileNames\"[%d] must be a plain file "
                                "name: no separators, no leading dot",
                                (int)i);
        }
    }
    *out = mls_json_text(list, pool);
    return NULL;
}

/* mode and init choose how workers are made; network opens the sandbox, which
 * is an Owner's decision. What is not said stays as it was. */
static mls_err *take_options(const char **out, const mls_json *body,
                             const mlh_call *call, apr_pool_t *pool)
{
    const char *mode = NULL, *init = NULL;
    mls_json *options = mls_json_object(pool);

    if (*out) {
        MLS_TRY(mls_json_parse(&options, *out, strlen(*out), pool));
    }
    MLS_TRY(take_text(&mode, body, "mode", pool));
    MLS_TRY(take_text(&init, body, "init", pool));
    if (mode && strcmp(mode, "fresh") != 0 && strcmp(mode, "reuse") != 0) {
        return invalid(pool, "mode", "must be fresh or reuse");
    }
    if (init && strcmp(init, "once") != 0 && strcmp(init, "each") != 0) {
        return invalid(pool, "init", "must be once or each");
    }
    const int network = mls_json_bool(body, "network", 0);

    if (network && call->caller->role != MLS_ROLE_OWNER) {
        return mls_err_make(pool, MLS_EFORBIDDEN, NULL,
                            "only an Owner gives a service the network");
    }
    if (!mode && !init && !mls_json_has(body, "network")) {
        return NULL;
    }
    if (mode) {
        mls_json_set_string(options, "mode", mode);
    }
    if (init) {
        mls_json_set_string(options, "init", init);
    }
    if (mls_json_has(body, "network")) {
        mls_json_set_bool(options, "network", network);
    }
    *out = mls_json_text(options, pool);
    return NULL;
}

/* "Python", or one of several by its version: "Python 3.12". */
static mls_err *take_runtime(mls_service *service, const mls_json *body,
                             const mlh_call *call, apr_pool_t *pool)
{
    const char *runtime = NULL;

    MLS_TRY(take_text(&runtime, body, "runtimeType", pool));
    if (!runtime || !*runtime) {
        service->runtime_type =
            service->runtime_type ? service->runtime_type : "Python";
        return NULL;
    }
    MLS_TRY(mls_pool_runtime_check(call->server->run_dir, runtime, pool));
    service->runtime_type = runtime;
    return NULL;
}

/* ---- snapshots ---- */

/* The service keeps a reference of its own to the snapshot's bytes. An empty
 * snapshot in a PATCH leaves the service's alone: clients send one with every
 * change of the description. */
static mls_err *take_snapshot(mls_service *service, const mls_json *body,
                              int patching, request_rec *r,
                              const mlh_call *call)
{
    const mls_snapshot *snapshot;
    const char *id = NULL;

    MLS_TRY(take_text(&id, body, "snapshotId", r->pool));
    if (!id || !*id) {
        return NULL;
    }
    MLS_TRY(mls_snapshot_get(&snapshot, call->state->runtime->registry, id,
                             &call->caller->subject, r->pool));
    if (!snapshot) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "there is no snapshot \"%s\" of yours", id);
    }
    if (patching && snapshot->empty) {
        return NULL;
    }
    service->snapshot_id = id;
    service->blob = snapshot->empty ? NULL : snapshot->blob;
    service->model_size = snapshot->empty ? 0 : snapshot->size;
    return NULL;
}

/* ---- the record ---- */

static mls_err *fill(mls_service *service, const mls_json *body, int patching,
                     request_rec *r, const mlh_call *call)
{
    apr_pool_t *pool = r->pool;

    MLS_TRY(take_text(&service->code, body, "code", pool));
    MLS_TRY(take_text(&service->init_code, body, "initCode", pool));
    MLS_TRY(take_text(&service->description, body, "description", pool));
    MLS_TRY(take_text(&service->operation_id, body, "operationId", pool));
    MLS_TRY(take_definitions(&service->inputs, body,
                             "inputParameterDefinitions", pool));
    MLS_TRY(take_definitions(&service->outputs, body,
                             "outputParameterDefinitions", pool));
    MLS_TRY(take_file_names(&service->output_files, body, pool));
    MLS_TRY(take_options(&service->options, body, call, pool));
    MLS_TRY(take_runtime(service, body, call, pool));
    if (service->operation_id && !*service->operation_id) {
        service->operation_id = NULL;
    }
    if (service->operation_id) {
        MLS_TRY(mls_operation_id_check(service->operation_id, pool));
    }
    if (!service->code || !service->code[strspn(service->code, " \t\r\n")]) {
        return invalid(pool, "code", "is missing: there is nothing to run");
    }
    if (service->description
        && strlen(service->description) > DESCRIPTION_LIMIT) {
        return invalid(pool, "description", "is longer than 64 KB");
    }
    return take_snapshot(service, body, patching, r, call);
}

static mls_err *publish(const mls_service **out, request_rec *r,
                        const mlh_call *call)
{
    mls_service service = { .name = call->name,
                            .version = call->version,
                            .publisher = call->caller->subject,
                            .inputs = "[]",
                            .outputs = "[]",
                            .output_files = "[]" };
    mls_json *body;

    MLS_TRY(read_body(&body, r));
    MLS_TRY(fill(&service, body, 0, r, call));
    if (!service.version) {
        MLS_TRY(mls_guid_make(&service.version, r->pool));
    }
    if (!service.snapshot_id) {
        MLS_TRY(mls_guid_make(&service.snapshot_id, r->pool));
    }
    mls_err *err = mls_service_create(out, call->state->runtime->registry,
                                      &service, r->pool);

    if (err && err->code == MLS_EEXISTS) {
        return mls_err_make(r->pool, MLS_EEXISTS, NULL,
                            "service \"%s\" exists in version \"%s\" already; "
                            "PATCH updates it",
                            service.name, service.version);
    }
    return err;
}

int mlh_service_publish(request_rec *r, const mlh_call *call)
{
    const mls_service *service;
    mls_err *err = publish(&service, r, call);

    return err ? mlh_reply_error(r, err) : mlh_service_created(r, service);
}

/* ---- patch ---- */

static mls_err *merge(mls_service *record, int *same, void *baton,
                      request_rec *r, const mlh_call *call)
{
    return fill(record, baton, 1, r, call);
}

static mls_err *patch(const mls_service **out, request_rec *r,
                      const mlh_call *call)
{
    const mls_service *old;
    apr_uint64_t expected;
    mls_json *body;

    MLS_TRY(mlh_service_to_change(&old, &expected, r, call));
    if (!strcmp(old->runtime_type, "Realtime")) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "service \"%s\" version \"%s\" is a realtime "
                            "service; PATCH /realtime-services/... updates it",
                            call->name, call->version);
    }
    MLS_TRY(read_body(&body, r));
    return mlh_service_alter(out, old, expected, merge, body, r, call);
}

int mlh_service_patch(request_rec *r, const mlh_call *call)
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
