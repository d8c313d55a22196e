/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_REGISTRY_ROLE_MAPPINGS_H
#define MLS_REGISTRY_ROLE_MAPPINGS_H

/**
 * Conditions that give a role and that Owners change at run time, beside those
 * of the configuration.
 *
 * All of them are one record with one generation, changed as a whole: there
 * are few, and whether somebody still is an Owner depends on all of them. The
 * owner of the registry writes the record to STATE/roles.json (0640) too, so
 * that httpd's children see a change without asking, and go on while
 * mlserverd is away.
 */

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "auth/policy.h"
#include "base/err.h"
#include "base/json.h"
#include "registry/registry.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MLS_MAPPINGS_MAX = 500,
    MLS_CONDITION_MAX = 2000, /* bytes */
    MLS_COMMENT_MAX = 1000,
    MLS_MAPPINGS_TEXT = 4 * 1024 * 1024 /* bytes of the record */
};

#define MLS_MAPPINGS_FILE "roles.json"

typedef struct mls_mapping {
    const char *id; /* a GUID */
    mls_role role;
    const char *condition;  /* as behind MLServerRole's role */
    const char *comment;    /* may be NULL */
    const char *changed_by; /* "provider:name" */
    apr_time_t changed;
} mls_mapping;

typedef struct mls_mappings {
    apr_uint64_t generation; /* also raised when memberships are to be
                              * forgotten; 0: never changed */
    apr_array_header_t *list; /* mls_mapping, in order of their making */
} mls_mappings;

/* ---- role_mapping_records.c ---- */

mls_json *mls_mapping_to_json(const mls_mapping *mapping, apr_pool_t *pool);
mls_json *mls_mappings_to_json(const mls_mappings *mappings,
                               apr_pool_t *pool);

/** Are the texts of a length and form that can be kept? */
mls_err *mls_mapping_check(const mls_mapping *mapping, apr_pool_t *pool);

/** MLS_EINVALID says what is wrong: too many, a role that is none, a text that
 *  is too long or has control characters. */
mls_err *mls_mappings_from_json(mls_mappings *out, const mls_json *json,
                                apr_pool_t *pool);

/** Add, replace (`mapping->id` is there) or, with `mapping` NULL, remove `id`
 *  in a copy. MLS_ENOTFOUND when the id is not there. */
mls_err *mls_mappings_edit(mls_mappings *out, const mls_mappings *mappings,
                           const char *id, const mls_mapping *mapping,
                           apr_pool_t *pool);

/* ---- remote/client_roles.c ---- */

mls_err *mls_mappings_get(mls_mappings *out, mls_registry *registry,
                          apr_pool_t *pool);

/** Replace all, unless somebody else did since `mappings->generation`:
 *  MLS_ECONFLICT. When it returns, it is on disk and in the file. */
mls_err *mls_mappings_set(mls_registry *registry,
                          const mls_mappings *mappings, apr_pool_t *pool);

/** Raise the generation, so that every child looks memberships up again. */
mls_err *mls_mappings_flush(mls_registry *registry, apr_pool_t *pool);

/** An access token for mlserverctl, good for a minute: httpd takes its holder
 *  for an Owner. Only root and the state's owner are given one. */
mls_err *mls_control_token(const char **token, mls_registry *registry,
                           apr_pool_t *pool);

/** The provider of that token's subject; no login gives it. */
#define MLS_CONTROL_PROVIDER "mlserverctl"

#ifdef __cplusplus
}
#endif

#endif
