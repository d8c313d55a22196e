/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the audit, and queries for them, as JSON and back. */

#include "registry/audit_trail.h"

#include <string.h>

#include <apr_strings.h>

enum { LAYOUT = 1 };

static void set(mls_json *json, const char *key, const char *text)
{
    if (text) {
        mls_json_set_string(json, key, text);
    }
}

static const char *get(const mls_json *json, const char *key, apr_pool_t *pool)
{
    return apr_pstrdup(pool, mls_json_string(json, key));
}

/* The plain texts of a record, once for both directions. */
#define TEXTS(X)                     \
    X("requestId", request_id)       \
    X("user", subject.name)          \
    X("provider", subject.provider)  \
    X("role", role)                  \
    X("address", address)            \
    X("operation", operation)        \
    X("target", target)              \
    X("service", service)            \
    X("outcome", outcome)            \
    X("detail", detail)

mls_json *mls_audit_to_json(const mls_audit *record, apr_pool_t *pool)
{
    mls_json *json = mls_json_object(pool);

    mls_json_set_int(json, "v", LAYOUT);
    mls_json_set_int(json, "time", record->time);
    mls_json_set_int(json, "status", record->status);
    mls_json_set_int(json, "duration", record->duration);
#define X(key, field) set(json, key, record->field);
    TEXTS(X)
#undef X
    return json;
}

mls_err *mls_audit_from_json(mls_audit *out, const mls_json *json,
                             apr_pool_t *pool)
{
    const int64_t layout = mls_json_int(json, "v", 0);
    int64_t time;

    if (layout < 1 || layout > LAYOUT) {
        return mls_err_make(pool, MLS_ECORRUPT, NULL,
                            "an audit record has layout %" APR_INT64_T_FMT
                            ", this version knows 1 to %d",
                            (apr_int64_t)layout, LAYOUT);
    }
    *out = (mls_audit){ 0 };
    MLS_TRY(mls_json_need_int(&time, json, "time", pool));
    out->time = time;
    out->status = (int)mls_json_int(json, "status", 0);
    out->duration = mls_json_int(json, "duration", 0);
#define X(key, field) out->field = get(json, key, pool);
    TEXTS(X)
#undef X
    return NULL;
}

/* ---- queries ---- */

#define QUERY_TEXTS(X)         \
    X("user", user)            \
    X("service", service)      \
    X("operation", operation)  \
    X("outcome", outcome)      \
    X("cursor", cursor)

mls_json *mls_audit_query_to_json(const mls_audit_query *query,
                                  apr_pool_t *pool)
{
    mls_json *json = mls_json_object(pool);

    mls_json_set_int(json, "from", query->from);
    mls_json_set_int(json, "to", query->to);
    mls_json_set_int(json, "limit", query->limit);
#define X(key, field) set(json, key, query->field);
    QUERY_TEXTS(X)
#undef X
    return json;
}

void mls_audit_query_from_json(mls_audit_query *out, const mls_json *json,
                               apr_pool_t *pool)
{
    *out = (mls_audit_query){ 0 };
    out->from = mls_json_int(json, "from", 0);
    out->to = mls_json_int(json, "to", 0);
    out->limit = (int)mls_json_int(json, "limit", 100);
#define X(key, field) out->field = get(json, key, pool);
    QUERY_TEXTS(X)
#undef X
}

static int is(const char *asked, const char *there)
{
    return !asked || (there && !strcmp(asked, there));
}

static int is_user(const char *asked, const mls_subject *there,
                   apr_pool_t *pool)
{
    if (is(asked, there->name)) {
        return 1;
    }
    return there->name && there->provider
           && !strcmp(asked, apr_pstrcat(pool, there->provider, ":",
                                         there->name, NULL));
}

/* The target of a service's operation is "name/version" or "name". */
static int is_service(const char *asked, const mls_audit *record)
{
    return is(asked, record->service)
           || (record->service && is(asked, record->target));
}

int mls_audit_matches(const mls_audit_query *query, const mls_audit *record,
                      apr_pool_t *pool)
{
    return record->time >= query->from
           && (!query->to || record->time < query->to)
           && is(query->operation, record->operation)
           && is(query->outcome, record->outcome)
           && is_service(query->service, record)
           && is_user(query->user, &record->subject, pool);
}
