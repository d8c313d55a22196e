/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_AUTH_AUTH_H
#define MLH_AUTH_AUTH_H

/**
 * Who calls: a bearer token of ours, or whoever another module of httpd put
 * into r->user. Passwords are checked only by POST /login.
 */

#include "mlh.h"

/* ---- authn_bearer.c ---- */

/** access_checker_ex, before mod_authz_core: match the route, verify a bearer
 *  token and make its user known, so that `Require` sees it. */
int mlh_access_early(request_rec *r);

/** access_checker_ex, after mod_authz_core: a path that anyone may use passes
 *  when nothing but a user is lacking. */
int mlh_access_late(request_rec *r);

/** check_authn, first: a verified token is an authenticated user. */
int mlh_check_authn(request_rec *r);

/** check_authn, last: nobody authenticated the caller: 401. */
int mlh_check_authn_last(request_rec *r);

/** auth_checker, last: no `Require` had a say; the route table decides. */
int mlh_auth_checker_last(request_rec *r);

/** In the handler: without a token, r->user as httpd's modules set it, in the
 *  spelling of MLServerUserName. MLS_EUNAVAILABLE when the role cannot be
 *  known. */
mls_err *mlh_identify_ambient(request_rec *r, mlh_request *request);

/** The provider of users whom another module of httpd authenticated. */
#define MLH_AMBIENT_PROVIDER "httpd"

/** Is it a public path that answers differently to those it knows? Then httpd
 *  treats it like any other, and a token is verified. */
int mlh_wants_identity(const mlh_request *request);

/** Does the request show that it does not come from a page of another site?
 *  True for bearer tokens and for methods that change nothing. */
int mlh_has_origin_proof(request_rec *r);

/* ---- provider_names.c ---- */

/** Whose users an entry of MLServerAuthProvider has: of NAME=SOURCE the
 *  source; of socache alone the one provider that it caches for, NULL when
 *  that is not one. */
const char *mlh_provider_source(const char *entry, apr_pool_t *pool);

/** The provider's own name in the entry. */
const char *mlh_provider_name(const char *entry, apr_pool_t *pool);

/* ---- authn_password.c ---- */

typedef enum mlh_login_result {
    MLH_LOGIN_GRANTED,
    MLH_LOGIN_DENIED,   /* wrong, unknown or disabled: not told apart */
    MLH_LOGIN_THROTTLED,
    MLH_LOGIN_FAILED    /* a provider could not say */
} mlh_login_result;

/** Check a password through the configured providers, throttled. On
 *  MLH_LOGIN_GRANTED *subject is the provider and the canonical name; on
 *  MLH_LOGIN_THROTTLED *wait is in seconds. `reason` is for the log. */
mlh_login_result mlh_password_check(request_rec *r, const char *user,
                                    const char *password,
                                    mls_subject *subject, unsigned *wait,
                                    const char **reason);

/* ---- role.c ---- */

/** The role of a subject, by MLServerOwner, MLServerRole and the mappings that
 *  Owners made. MLS_EUNAVAILABLE when the directory that knows it does not
 *  answer. The request has a state with a runtime. */
mls_err *mlh_role_of(mls_role *out, request_rec *r,
                     const mls_subject *subject);

/** Are two subjects the same? */
int mlh_same_subject(const mls_subject *one, const mls_subject *other);

/* ---- permit.c ---- */

/** As mls_policy_allows and mls_policy_possible, with what the configuration
 *  takes away (MLServerSessionRole). */
int mlh_permits(const mlh_config *config, mls_role role,
                mls_permission permission, int own);
int mlh_permits_some(const mlh_config *config, mls_role role,
                     mls_permission permission);

#endif
