/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_REGISTRY_REGISTRY_H
#define MLS_REGISTRY_REGISTRY_H

/**
 * What the server remembers: services and their versions, tokens, blobs.
 *
 * Inside httpd and the tools this interface is spoken over a UNIX socket to
 * the registry owner, the only process that opens the database (remote/).
 * Handles are thread-safe. Calls retry across an owner restart for at most
 * two seconds, then return MLS_EUNAVAILABLE.
 *
 * Results live in the pool passed last; every string is UTF-8.
 */

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "base/err.h"

typedef struct mls_registry mls_registry;

/** A handle for the owner listening at `socket_path`. Nothing is connected
 *  until the first call, so it may be made before a fork. */
mls_err *mls_registry_open(mls_registry **out, const char *socket_path,
                           apr_pool_t *pool);

/** Who somebody is: the provider that said so and the canonical name. An LDAP
 *  user "admin" is not the file user "admin". */
typedef struct mls_subject {
    const char *provider; /* "file", "ldap", "httpd" (r->user as found) ... */
    const char *name;
} mls_subject;

/** One published version of a service. NULL strings are absent (JSON null). */
typedef struct mls_service {
    const char *name;
    const char *version;
    const char *runtime_type; /* "Realtime", "Python", "R" */
    const char *description;
    const char *operation_id;
    const char *snapshot_id;
    mls_subject publisher;
    apr_time_t created;
    apr_time_t modified;
    apr_uint64_t generation; /* never reused; the ETag */
    const char *code;
    const char *init_code;
    const char *inputs;       /* JSON array of {name, type} */
    const char *outputs;      /* JSON array of {name, type} */
    const char *output_files; /* JSON array of names */
    /* Realtime: */
    const char *blob;         /* lower-case hex SHA-256 of the uploaded bytes */
    const char *image;        /* lower-case hex SHA-256 of the image */
    apr_int64_t model_size;   /* of the blob */
    const char *model;        /* JSON: what `mlscore inspect --json` says */
    /* Standard: */
    const char *options;      /* JSON object of further settings, or NULL */
} mls_service;

/** All versions of all services (name NULL) or of one, oldest to newest. The
 *  array holds const mls_service *; empty when there are none. */
mls_err *mls_service_list(apr_array_header_t **out, mls_registry *registry,
                          const char *name, apr_pool_t *pool);

/** One version, or *out = NULL when there is no such version. */
mls_err *mls_service_get(const mls_service **out, mls_registry *registry,
                         const char *name, const char *version,
                         apr_pool_t *pool);

/** Publish. MLS_EEXISTS when name and version are taken. created, modified
 *  and generation are set by the owner; *out (may be NULL) is the record as
 *  stored. When it returns, the record is on disk and the index shows it. */
mls_err *mls_service_create(const mls_service **out, mls_registry *registry,
                            const mls_service *service, apr_pool_t *pool);

/** Replace the record of the same name and version. `expected` is the
 *  generation it must still have (0: any); else MLS_ECONFLICT. MLS_ENOTFOUND
 *  when it is gone. name, version, publisher and created stay. */
mls_err *mls_service_update(const mls_service **out, mls_registry *registry,
                            const mls_service *service, apr_uint64_t expected,
                            apr_pool_t *pool);

/** Delete. MLS_ENOTFOUND, MLS_ECONFLICT as above. */
mls_err *mls_service_delete(mls_registry *registry, const char *name,
                            const char *version, apr_uint64_t expected,
                            apr_pool_t *pool);

/** A token pair, as POST /login answers it. */
typedef struct mls_tokens {
    mls_subject subject;  /* whose they are */
    const char *access;   /* JWT, ES256 */
    const char *refresh;  /* opaque */
    apr_time_t expires;   /* of the access token */
} mls_tokens;

/** What tokens to make; lifetimes in seconds. */
typedef struct mls_token_request {
    mls_subject subject;
    const char *audience;  /* the state's id; filled by the owner when NULL */
    const char *address;   /* client address, shown in token lists */
    const char *agent;     /* User-Agent, cut to 200 bytes */
    apr_int64_t access_lifetime;
    apr_int64_t refresh_idle;    /* seconds without use */
    apr_int64_t refresh_maximum; /* seconds in all */
} mls_token_request;

/** Start a family: sign an access token, store the refresh token's hash. */
mls_err *mls_token_issue(mls_tokens **out, mls_registry *registry,
                         const mls_token_request *request, apr_pool_t *pool);

/** Rotate. Repeated within 30 s the same successor is returned; later it is
 *  theft: the family is revoked, MLS_EUNAUTHORIZED. Lifetimes come from
 *  `request`, whose subject is ignored. *out is never NULL: after a theft it
 *  holds the subject and no token. */
mls_err *mls_token_refresh(mls_tokens **out, mls_registry *registry,
                           const char *refresh,
                           const mls_token_request *request, apr_pool_t *pool);

/** Revoke the family of a refresh token; unknown tokens are MLS_ENOTFOUND.
 *  *whose (may be NULL) is the subject that held it. */
mls_err *mls_token_revoke(mls_subject *whose, mls_registry *registry,
                          const char *refresh, apr_pool_t *pool);

/** Everything that a subject holds stops working now. */
mls_err *mls_token_revoke_subject(mls_registry *registry,
                                  const mls_subject *subject,
                                  apr_pool_t *pool);

/** Whose logins a list is of; NULL and 0 mean anything. */
typedef struct mls_token_query {
    const mls_subject *subject;
    const char *user;  /* a name, or "provider:name" */
    int limit;         /* at most 1000 */
    const char *cursor; /* as *next said */
} mls_token_query;

/** Logins that are still good, as const mls_family * (records.h), in no
 *  order. A page may hold less than the limit: only *next NULL says that
 *  there is no more. */
mls_err *mls_token_list(apr_array_header_t **out, const char **next,
                        mls_registry *registry, const mls_token_query *query,
                        apr_pool_t *pool);

/** Revoke one login by its family's id: of anybody, or only when it is
 *  `subject`'s. MLS_ENOTFOUND. *whose (may be NULL) is who held it. */
mls_err *mls_token_revoke_family(mls_subject *whose, mls_registry *registry,
                                 const char *family,
                                 const mls_subject *subject,
                                 apr_pool_t *pool);

/** Counters and versions of the owner, as a JSON object. */
mls_err *mls_registry_status(const char **json, mls_registry *registry,
                             apr_pool_t *pool);

/** Send one operation as JSON text and receive its answer's JSON text; the
 *  way for operations without a typed wrapper above (tools, later tables). */
mls_err *mls_registry_call(const char **answer, mls_registry *registry,
                           const char *request, apr_pool_t *pool);

#endif
