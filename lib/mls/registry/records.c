/* SPDX-License-Identifier: Apache-2.0 */
/* Records as JSON and back. Members that are absent stay absent. */

#include "registry/records.h"

#include <string.h>

#include <apr_strings.h>

enum { LAYOUT = 1 };

static mls_json *start(apr_pool_t *pool)
{
    mls_json *json = mls_json_object(pool);

    mls_json_set_int(json, "v", LAYOUT);
    return json;
}

static mls_err *check_layout(const mls_json *json, const char *what,
                             apr_pool_t *pool)
{
    const int64_t layout = mls_json_int(json, "v", 0);

    if (layout >= 1 && layout <= LAYOUT) {
        return NULL;
    }
    return mls_err_make(pool, MLS_ECORRUPT, NULL,
                        "a %s record has layout %" APR_INT64_T_FMT
                        ", this version knows 1 to %d",
                        what, (apr_int64_t)layout, LAYOUT);
}

static void set(mls_json *json, const char *key, const char *text)
{
    if (text) {
        mls_json_set_string(json, key, text);
    }
}

static void set_time(mls_json *json, const char *key, apr_time_t time)
{
    if (time) {
        mls_json_set_int(json, key, time);
    }
}

static const char *get(const mls_json *json, const char *key, apr_pool_t *pool)
{
    return apr_pstrdup(pool, mls_json_string(json, key));
}

/* ---- subjects ---- */

int mls_subject_same(const mls_subject *one, const mls_subject *other)
{
    return !strcmp(one->provider, other->provider)
           && !strcmp(one->name, other->name);
}

mls_json *mls_subject_to_json(const mls_subject *subject, apr_pool_t *pool)
{
    mls_json *json = mls_json_object(pool);

    set(json, "provider", subject->provider);
    set(json, "name", subject->name);
    return json;
}

mls_err *mls_subject_from_json(mls_subject *out, const mls_json *json,
                               apr_pool_t *pool)
{
    MLS_TRY(mls_json_need_string(&out->provider, json, "provider", pool));
    MLS_TRY(mls_json_need_string(&out->name, json, "name", pool));
    out->provider = apr_pstrdup(pool, out->provider);
    out->name = apr_pstrdup(pool, out->name);
    return NULL;
}

/* ---- services ---- */

/* The plain texts of a service, once for both directions. */
#define SERVICE_TEXTS(X)                  \
    X("runtimeType", runtime_type)        \
    X("description", description)         \
    X("operationId", operation_id)        \
    X("snapshotId", snapshot_id)          \
    X("code", code)                       \
    X("initCode", init_code)              \
    X("inputs", inputs)                   \
    X("outputs", outputs)                 \
    X("outputFiles", output_files)        \
    X("blob", blob)                       \
    X("image", image)                     \
    X("model", model)                     \
    X("options", options)

mls_json *mls_service_to_json(const mls_service *service, uint64_t serial,
                              apr_pool_t *pool)
{
    mls_json *json = start(pool);

    set(json, "name", service->name);
    set(json, "version", service->version);
    if (service->publisher.name) {
        mls_json_set(json, "publisher",
                     mls_subject_to_json(&service->publisher, pool));
    }
    set_time(json, "created", service->created);
    set_time(json, "modified", service->modified);
    mls_json_set_uint(json, "generation", service->generation);
    mls_json_set_uint(json, "serial", serial);
    mls_json_set_int(json, "modelSize", service->model_size);
#define X(key, field) set(json, key, service->field);
    SERVICE_TEXTS(X)
#undef X
    return json;
}

mls_err *mls_service_from_json(mls_service **out, uint64_t *serial,
                               const mls_json *json, apr_pool_t *pool)
{
    mls_service *service = apr_pcalloc(pool, sizeof(*service));

    MLS_TRY(check_layout(json, "service", pool));
    MLS_TRY(mls_json_need_string(&service->name, json, "name", pool));
    MLS_TRY(mls_json_need_string(&service->version, json, "version", pool));
    service->name = apr_pstrdup(pool, service->name);
    service->version = apr_pstrdup(pool, service->version);
    if (mls_json_get(json, "publisher")) {
        MLS_TRY(mls_subject_from_json(&service->publisher,
                                      mls_json_get(json, "publisher"), pool));
    }
    service->created = mls_json_int(json, "created", 0);
    service->modified = mls_json_int(json, "modified", 0);
    service->generation = mls_json_uint(json, "generation", 0);
    service->model_size = mls_json_int(json, "modelSize", 0);
#define X(key, field) service->field = get(json, key, pool);
    SERVICE_TEXTS(X)
#undef X
    if (serial) {
        *serial = mls_json_uint(json, "serial", 0);
    }
    *out = service;
    return NULL;
}

/* ---- tokens ---- */

mls_json *mls_family_to_json(const mls_family *family, apr_pool_t *pool)
{
    mls_json *json = start(pool);

    set(json, "id", family->id);
    mls_json_set(json, "subject", mls_subject_to_json(&family->subject, pool));
    set(json, "address", family->address);
    set(json, "agent", family->agent);
    set_time(json, "created", family->created);
    set_time(json, "used", family->used);
    set_time(json, "expires", family->expires);
    set_time(json, "accessExpires", family->access_expires);
    set_time(json, "revoked", family->revoked);
    set(json, "reason", family->reason);
    return json;
}

mls_err *mls_family_from_json(mls_family **out, const mls_json *json,
                              apr_pool_t *pool)
{
    mls_family *family = apr_pcalloc(pool, sizeof(*family));

    MLS_TRY(check_layout(json, "token family", pool));
    MLS_TRY(mls_json_need_string(&family->id, json, "id", pool));
    MLS_TRY(mls_subject_from_json(&family->subject,
                                  mls_json_get(json, "subject"), pool));
    family->id = apr_pstrdup(pool, family->id);
    family->address = get(json, "address", pool);
    family->agent = get(json, "agent", pool);
    family->created = mls_json_int(json, "created", 0);
    family->used = mls_json_int(json, "used", 0);
    family->expires = mls_json_int(json, "expires", 0);
    family->access_expires = mls_json_int(json, "accessExpires", 0);
    family->revoked = mls_json_int(json, "revoked", 0);
    family->reason = get(json, "reason", pool);
    *out = family;
    return NULL;
}

mls_json *mls_refresh_to_json(const mls_refresh *refresh, apr_pool_t *pool)
{
    mls_json *json = start(pool);

    set(json, "family", refresh->family);
    set_time(json, "issued", refresh->issued);
    set_time(json, "used", refresh->used);
    return json;
}

mls_err *mls_refresh_from_json(mls_refresh **out, const mls_json *json,
                               apr_pool_t *pool)
{
    mls_refresh *refresh = apr_pcalloc(pool, sizeof(*refresh));

    MLS_TRY(check_layout(json, "refresh token", pool));
    MLS_TRY(mls_json_need_string(&refresh->family, json, "family", pool));
    refresh->family = apr_pstrdup(pool, refresh->family);
    refresh->issued = mls_json_int(json, "issued", 0);
    refresh->used = mls_json_int(json, "used", 0);
    *out = refresh;
    return NULL;
}

mls_json *mls_not_before_to_json(const mls_not_before *record,
                                 apr_pool_t *pool)
{
    mls_json *json = start(pool);

    mls_json_set(json, "subject", mls_subject_to_json(&record->subject, pool));
    set_time(json, "time", record->time);
    set_time(json, "second", record->second);
    set_time(json, "accessExpires", record->access_expires);
    return json;
}

mls_err *mls_not_before_from_json(mls_not_before **out, const mls_json *json,
                                  apr_pool_t *pool)
{
    mls_not_before *record = apr_pcalloc(pool, sizeof(*record));

    MLS_TRY(check_layout(json, "not-before", pool));
    MLS_TRY(mls_subject_from_json(&record->subject,
                                  mls_json_get(json, "subject"), pool));
    record->time = mls_json_int(json, "time", 0);
    record->second = mls_json_int(json, "second",
                                  apr_time_sec(record->time) + 1);
    record->access_expires = mls_json_int(json, "accessExpires", 0);
    *out = record;
    return NULL;
}
