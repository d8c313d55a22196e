/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_REGISTRY_RECORDS_H
#define MLS_REGISTRY_RECORDS_H

/**
 * What the registry stores, and its encoding: a JSON object with "v", the
 * version of that record's layout. A reader refuses a newer one and fills in
 * what an older one lacks. README.md tells the schema as prose.
 */

#include <stdint.h>

#include <apr_pools.h>
#include <apr_time.h>

#include "base/err.h"
#include "base/json.h"
#include "registry/registry.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MLS_NAME_MAX = 255,               /* bytes of a service's name, version */
    MLS_SUBJECT_MAX = 512,            /* bytes of a subject's name */
    MLS_RECORD_MAX = 24 * 1024 * 1024 /* bytes of a record's text */
};

/* ---- checks that hold for every backend (registry.c) ---- */

/** A service as a caller gives it: name, version, publisher and digests have
 *  their form, the JSON texts are JSON. MLS_EINVALID says what is wrong. */
mls_err *mls_service_check(const mls_service *service, apr_pool_t *pool);
mls_err *mls_name_check(const char *what, const char *name, apr_pool_t *pool);
mls_err *mls_subject_check(const mls_subject *subject, apr_pool_t *pool);

/** Are two subjects, both with provider and name, the same? */
int mls_subject_same(const mls_subject *one, const mls_subject *other);

/* ---- services ---- */

/** `serial` orders services by age: the generation they were created with. */
mls_json *mls_service_to_json(const mls_service *service, uint64_t serial,
                              apr_pool_t *pool);
mls_err *mls_service_from_json(mls_service **out, uint64_t *serial,
                               const mls_json *json, apr_pool_t *pool);

mls_json *mls_subject_to_json(const mls_subject *subject, apr_pool_t *pool);
mls_err *mls_subject_from_json(mls_subject *out, const mls_json *json,
                               apr_pool_t *pool);

/* ---- token families and their refresh tokens ---- */

/** One login: the line of tokens that follow from it. */
typedef struct mls_family {
    const char *id; /* 32 hex digits, in every access token */
    mls_subject subject;
    const char *address; /* who asked, for lists; may be NULL */
    const char *agent;
    apr_time_t created;
    apr_time_t used;    /* last refresh, or created */
    apr_time_t expires; /* of the whole family; moves with its use */
    apr_time_t access_expires; /* of the last access token made */
    apr_time_t revoked;        /* 0: not revoked */
    const char *reason;        /* why revoked: "logout", "reuse", ... */
} mls_family;

mls_json *mls_family_to_json(const mls_family *family, apr_pool_t *pool);
mls_err *mls_family_from_json(mls_family **out, const mls_json *json,
                              apr_pool_t *pool);

/** A refresh token, stored under its SHA-256. The token itself and its
 *  successor are nowhere: the successor is computed from the token. */
typedef struct mls_refresh {
    const char *family;
    apr_time_t issued;
    apr_time_t used; /* exchanged for its successor; 0: not yet */
} mls_refresh;

mls_json *mls_refresh_to_json(const mls_refresh *refresh, apr_pool_t *pool);
mls_err *mls_refresh_from_json(mls_refresh **out, const mls_json *json,
                               apr_pool_t *pool);

/** Since when a subject's tokens count. */
typedef struct mls_not_before {
    mls_subject subject;
    apr_time_t time;
    apr_time_t access_expires; /* by then every older access token is over */
    apr_int64_t second; /* access tokens issued before it are dead; they count
                         * whole seconds, so it is one after `time`, or more */
} mls_not_before;

mls_json *mls_not_before_to_json(const mls_not_before *record,
                                 apr_pool_t *pool);
mls_err *mls_not_before_from_json(mls_not_before **out, const mls_json *json,
                                  apr_pool_t *pool);

#ifdef __cplusplus
}
#endif

#endif
