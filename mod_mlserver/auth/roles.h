/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_AUTH_ROLES_H
#define MLH_AUTH_ROLES_H

/**
 * From groups to roles: conditions, evaluated by httpd's own authorization
 * providers; where they come from; what was found.
 *
 * A condition is what could stand behind `Require`, such as
 * "ldap-group cn=admins,dc=example,dc=com". Before it may stand
 * "provider=NAME": then it holds only for users whom that provider (of
 * MLServerAuthProvider, or httpd) vouched for.
 *
 * Providers expect to be called in their own phase. What they need of it is
 * set up here: r->user, and for mod_authnz_ldap a request that it has not
 * seen, so that it searches for the user's DN by itself.
 */

#include <mod_auth.h>

#include "auth/auth.h"
#include "auth/directory.h"
#include "base/json.h"
#include "registry/role_mappings.h"

/* ---- role_condition.c ---- */

typedef struct mlh_condition {
    mls_role role;
    const char *text;   /* as written, behind the role */
    const char *source; /* of provider=NAME, or NULL */
    const char *kind;   /* the authorization provider's name */
    const char *arguments;
    const authz_provider *provider;
    const void *parsed;
    int is_directory;   /* ldap-...: asks the directory */
    int is_per_request; /* expr, ip ...: may change with every request */
    const char *file;   /* where it was declared; NULL: a mapping */
    int line;
    const mls_mapping *mapping; /* NULL: declared */
} mlh_condition;

/** Parse the text of a condition. Returns NULL, or what is wrong. */
const char *mlh_condition_parse(mlh_condition **out, cmd_parms *cmd,
                                mls_role role, const char *text);

/** The same at run time, where only conditions of memberships and literal
 *  arguments are allowed. The condition lives in `pool`. */
const char *mlh_condition_parse_mapping(mlh_condition **out,
                                        const mls_mapping *mapping,
                                        server_rec *s, apr_pool_t *pool);

typedef enum mlh_answer {
    MLH_NO,
    MLH_YES,
    MLH_UNKNOWN /* the provider failed */
} mlh_answer;

/** May the condition hold for users of this provider at all? */
int mlh_condition_applies(const mlh_condition *condition,
                          const mls_subject *subject);

/** Ask its provider about `subject`; r is as before afterwards. */
mlh_answer mlh_condition_ask(request_rec *r, const mlh_condition *condition,
                             const mls_subject *subject);

/** `MLServerRole ROLE CONDITION`, a directive's function. */
const char *mlh_role_declare(cmd_parms *cmd, apr_array_header_t *list,
                             const char *arguments);

/** The provider that an <AuthnProviderAlias> stands for, or `name`. */
const char *mlh_provider_base(const char *name);

/* ---- mapping_set.c: what Owners added, as this child has read it ---- */

/** Parsed mappings of one generation. Held between acquire and release. */
typedef struct mlh_mapping_set {
    apr_pool_t *pool;
    apr_uint64_t generation;
    apr_array_header_t *conditions; /* const mlh_condition * */
    int holders;
} mlh_mapping_set;

typedef struct mlh_role_state mlh_role_state; /* in mlh_runtime */

mls_err *mlh_role_state_open(mlh_role_state **out, const mlh_server *server,
                             apr_pool_t *pool);

/** The current generation, and whether there are mappings at all; looks at
 *  the file a few times a second. MLS_EUNAVAILABLE when it was never
 *  readable. */
mls_err *mlh_mappings_look(apr_uint64_t *generation, int *some,
                           request_rec *r, mlh_state *state);
mlh_mapping_set *mlh_mappings_acquire(mlh_state *state);
void mlh_mappings_release(mlh_state *state, mlh_mapping_set *set);

/** Parse a list that is not the current one. Wrong conditions are left out;
 *  *wrong (may be NULL) says what is wrong with the last one. */
mlh_mapping_set *mlh_mappings_parse(const mls_mappings *mappings,
                                    server_rec *s, const char **wrong,
                                    apr_pool_t *pool);

/* ---- role.c ---- */

/** How a role was come by. */
typedef struct mlh_role_answer {
    mls_role role;
    const mlh_condition *condition; /* that gave it; NULL: see reason */
    const char *reason;             /* a sentence */
    apr_time_t checked;             /* when the directory was asked */
    int is_stale;                   /* from memory, the directory is down */
} mlh_role_answer;

/** Find a role by asking, not remembering: by the declared conditions and
 *  `set`. With `notes` every condition is asked, and its outcome added as
 *  {role, condition, source, result, detail}. MLS_EUNAVAILABLE when it cannot
 *  be known. */
mls_err *mlh_role_evaluate(mlh_role_answer *out, request_rec *r,
                           const mls_subject *subject,
                           const mlh_mapping_set *set, mls_json *notes);

/** As mlh_role_of, with how it was come by. */
mls_err *mlh_role_explain(mlh_role_answer *out, request_rec *r,
                          const mls_subject *subject);

/** Ask again and remember: at a login. */
void mlh_role_refresh(request_rec *r, const mls_subject *subject,
                      mls_role *role);

/** The roles that conditions are declared for, as bits. */
unsigned mlh_roles_declared(const mlh_config *config,
                            const mlh_mapping_set *set);

#endif
