/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_AUTH_DIRECTORY_H
#define MLH_AUTH_DIRECTORY_H

/**
 * The directory (LDAP, Active Directory) asked directly, with mod_authnz_ldap's
 * own settings, for what its conditions do not tell: whether it answers at all
 * (they say "no" for a server that is down), whether the user is in it, the
 * DN, all groups, and why an account cannot log in.
 *
 * The settings are seen as they are read: httpd hands a directive to every
 * module that names it.
 */

#include "mlh.h"

/** mod_authnz_ldap's settings of a Location. */
typedef struct mlh_ldap {
    const char *url;       /* AuthLDAPURL as written; NULL: none */
    const char *mode;      /* its second word: NONE, SSL, TLS, STARTTLS */
    const char *bind_dn;
    const char *bind_password;
    const char *remote_user; /* AuthLDAPRemoteUserAttribute */
    const char *file;      /* of AuthLDAPURL */
    int line;
} mlh_ldap;

/** The parts of AuthLDAPURL. */
typedef struct mlh_ldap_url {
    const char *scheme; /* ldap, ldaps, ldapi */
    const char *hosts;  /* one or more, with blanks between */
    const char *base;
    const char *attribute;
    int scope;          /* LDAP_SCOPE_... */
    const char *filter; /* with brackets */
} mlh_ldap_url;

/** NULL, or what is wrong with the URL. */
const char *mlh_ldap_url_parse(mlh_ldap_url *out, const char *text,
                               apr_pool_t *pool);

/* ---- directory.c ---- */

typedef struct mlh_directory mlh_directory; /* a connection */

/** Connect and bind as the service. MLS_EUNAVAILABLE says what failed; after
 *  that it fails at once for some seconds, unless the caller insists. Closed
 *  with `pool`. */
mls_err *mlh_directory_open(mlh_directory **out, request_rec *r, int insist,
                            apr_pool_t *pool);

/** The user's DN; *dn NULL when there is no such user, or more than one. */
mls_err *mlh_directory_find(const char **dn, mlh_directory *directory,
                            const char *name);

/** Does it still answer? */
mls_err *mlh_directory_check(mlh_directory *directory, const char *dn);

/** Have mod_authnz_ldap search for r->user again in this request. */
void mlh_directory_forget(request_rec *r);

/* ---- directory_person.c ---- */

/** DNs of the groups somebody is in, through other groups too (const char *),
 *  at most some hundred; *complete is 0 when there are more. */
mls_err *mlh_directory_groups(apr_array_header_t **out, int *complete,
                              mlh_directory *directory, const char *dn,
                              const char *name, apr_pool_t *pool);

/** Why this account cannot log in just now ("is disabled"); *out NULL when
 *  the directory tells no reason. */
mls_err *mlh_directory_account(const char **out, mlh_directory *directory,
                               const char *dn, apr_pool_t *pool);

#endif
