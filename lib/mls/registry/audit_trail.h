/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_REGISTRY_AUDIT_TRAIL_H
#define MLS_REGISTRY_AUDIT_TRAIL_H

/**
 * The part of the audit that the registry keeps: the newest records, bounded
 * by number and age, the oldest go first.
 *
 * Refusals of callers whom nobody knows are counted apart, a quarter of the
 * number at most, so that a stranger who knocks a million times does not push
 * out what people with a name did.
 */

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "base/err.h"
#include "base/json.h"
#include "registry/registry.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MLS_AUDIT_BATCH = 64,      /* records in one mls_audit_add */
    MLS_AUDIT_TEXT_MAX = 8192, /* bytes of one record's JSON */
    MLS_AUDIT_PAGE_MAX = 1000
};

/** Words of `outcome`. */
#define MLS_AUDIT_SUCCESS "success"
#define MLS_AUDIT_REFUSED "refused" /* 401, 403, 429 */
#define MLS_AUDIT_FAILED "failed"   /* tried, but nothing changed */

/** What was done. NULL texts are absent. */
typedef struct mls_audit {
    apr_time_t time; /* of the request's beginning */
    const char *request_id;
    mls_subject subject; /* name NULL: nobody known */
    const char *role;
    const char *address;
    const char *operation; /* of the route table */
    const char *target;
    const char *service; /* its name, where the target is one */
    const char *outcome;
    int status;            /* of HTTP */
    apr_int64_t duration;  /* microseconds */
    const char *detail;
} mls_audit;

/* ---- audit_records.c ---- */

mls_json *mls_audit_to_json(const mls_audit *record, apr_pool_t *pool);
mls_err *mls_audit_from_json(mls_audit *out, const mls_json *json,
                             apr_pool_t *pool);

/** What a search asks for; NULL and 0 mean anything. */
typedef struct mls_audit_query {
    const char *user;    /* a name, or "provider:name" */
    const char *service; /* a name, or "name/version" */
    const char *operation;
    const char *outcome;
    apr_time_t from, to; /* from <= time < to */
    int limit;           /* at most MLS_AUDIT_PAGE_MAX */
    const char *cursor;  /* as *next said */
} mls_audit_query;

mls_json *mls_audit_query_to_json(const mls_audit_query *query,
                                  apr_pool_t *pool);
void mls_audit_query_from_json(mls_audit_query *out, const mls_json *json,
                               apr_pool_t *pool);

/** Is this record asked for (cursor and limit aside)? */
int mls_audit_matches(const mls_audit_query *query, const mls_audit *record,
                      apr_pool_t *pool);

/* ---- remote/client_audit.c ---- */

/** Hand over records: JSON texts (const char *) of mls_audit_to_json, at most
 *  MLS_AUDIT_BATCH. The owner has them in memory when this returns and on
 *  disk within a second. `most` and `age` (seconds) are the bounds. */
mls_err *mls_audit_add(mls_registry *registry,
                       const apr_array_header_t *texts, apr_int64_t most,
                       apr_int64_t age, apr_pool_t *pool);

/** Newest first, as const mls_audit *. A page may hold less than the limit:
 *  only *next NULL says that there is no more. */
mls_err *mls_audit_search(apr_array_header_t **out, const char **next,
                          mls_registry *registry,
                          const mls_audit_query *query, apr_pool_t *pool);

#ifdef __cplusplus
}
#endif

#endif
