/* SPDX-License-Identifier: Apache-2.0 */
/* Bearer tokens (RFC 6750) in httpd's phases.
 *
 * Without a `Require`, httpd never calls check_authn, so the token is verified
 * in access_checker_ex, before mod_authz_core evaluates the `Require`s that
 * need no user: those that do (valid-user, ldap-group ...) then see r->user
 * already. */

#include "auth/auth.h"

#include <string.h>

#include <http_core.h>
#include <http_request.h>

#include "auth/user_name.h"
#include "http/reply.h"
#include "http/request.h"
#include "http/routes.h"
#include "lifecycle/lifecycle.h"

APLOG_USE_MODULE(mlserver);

/* The token of "Authorization: Bearer TOKEN", NULL when it is another scheme
 * or none. */
static const char *bearer_of(request_rec *r)
{
    const char *header = apr_table_get(r->headers_in, "Authorization");

    if (!header || strncasecmp(header, "Bearer", 6) != 0 ||
        (header[6] && header[6] != ' ')) {
        return NULL;
    }
    return header + 6 + strspn(header + 6, " ");
}

/* A challenge (RFC 6750, section 3) for httpd's own answer. */
static int challenge(request_rec *r, const char *error, const char *message)
{
    apr_table_setn(r->err_headers_out, "WWW-Authenticate",
                   error ? apr_pstrcat(r->pool,
                                       "Bearer realm=\"mlserver\", error=\"",
                                       error, "\"", NULL)
                         : "Bearer realm=\"mlserver\"");
    return mlh_refuse(r, HTTP_UNAUTHORIZED, message);
}

static mls_err *verify(request_rec *r, mlh_request *request,
                       const char *token)
{
    const mlh_scoring *scoring = mlh_scoring_of(request->state);
    mls_identity said;

    if (!scoring) {
        return mls_err_make(r->pool, MLS_EUNAVAILABLE, NULL,
                            "the server is starting");
    }
    mls_epochs *epochs = request->state->runtime->epochs;
    const int ticket = mls_epoch_enter(epochs);

    if (ticket < 0) {
        return mls_err_make(r->pool, MLS_EBUSY, NULL,
                            "too many requests at once");
    }
    mls_err *err = mls_token_verify(&said, scoring->verifier, token,
                                    strlen(token),
                                    apr_time_sec(r->request_time), r->pool);

    mls_epoch_leave(epochs, ticket);
    MLS_TRY(err);
    request->identity.subject = said.subject;
    request->identity.is_bearer = 1;
    memcpy(request->identity.family, said.family, sizeof(said.family));
    return mlh_role_of(&request->identity.role, r, &said.subject);
}

static int refuse_token(request_rec *r, const mls_err *err)
{
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "token refused: request=%s address=%s reason=%s",
                  mlh_request_of(r)->id, r->useragent_ip,
                  mls_err_text(err, r->pool));
    if (err->code == MLS_EUNAUTHORIZED) {
        return challenge(r, "invalid_token",
                         "the token is not, or no longer, valid; log in "
                         "again");
    }
    const int status = mlh_status_of(err->code);

    apr_table_setn(r->err_headers_out, "Retry-After", "1");
    return mlh_refuse(r, status, status == HTTP_SERVICE_UNAVAILABLE
                                     ? err->message
                                     : NULL);
}

int mlh_wants_identity(const mlh_request *request)
{
    return request->route && !strcmp(request->route->operation, "whoAmI");
}

int mlh_access_early(request_rec *r)
{
    mlh_request *request = mlh_request_of(r);
    const char *token;

    if (!request) {
        return DECLINED;
    }
    mlh_route_match(r, request);
    if (r->method_number == M_OPTIONS) {
        request->is_public = 1;
    }
    token = bearer_of(r);
    if (!token || (request->is_public && !mlh_wants_identity(request))) {
        return DECLINED;
    }
    mls_err *err = verify(r, request, token);

    if (err) {
        return refuse_token(r, err);
    }
    r->user = apr_pstrdup(r->pool, request->identity.subject.name);
    r->ap_auth_type = "Bearer";
    return DECLINED;
}

int mlh_access_late(request_rec *r)
{
    const mlh_request *request = mlh_request_of(r);

    return request && request->is_public && !mlh_wants_identity(request)
               ? OK
               : DECLINED;
}

int mlh_check_authn(request_rec *r)
{
    const mlh_request *request = mlh_request_of(r);

    return request && request->identity.subject.name ? OK : DECLINED;
}

int mlh_check_authn_last(request_rec *r)
{
    if (!mlh_request_of(r) || r->user) {
        return DECLINED;
    }
    return challenge(r, NULL, NULL);
}

int mlh_auth_checker_last(request_rec *r)
{
    return mlh_request_of(r) ? OK : DECLINED;
}

mls_err *mlh_identify_ambient(request_rec *r, mlh_request *request)
{
    mlh_identity *identity = &request->identity;

    if (identity->subject.name || !r->user || !*r->user ||
        (request->is_public && !mlh_wants_identity(request))) {
        return NULL;
    }
    identity->subject.provider = MLH_AMBIENT_PROVIDER;
    identity->subject.name =
        mls_user_name(r->user, request->config->user_name, r->pool);
    if (!request->state || !request->state->runtime) {
        return NULL; /* the dispatcher says so */
    }
    return mlh_role_of(&identity->role, r, &identity->subject);
}

int mlh_has_origin_proof(request_rec *r)
{
    const mlh_request *request = mlh_request_of(r);
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");

    if (request->identity.is_bearer || r->method_number == M_GET ||
        r->method_number == M_OPTIONS) {
        return 1;
    }
    return apr_table_get(r->headers_in, "X-Requested-With") != NULL ||
           (site && !strcmp(site, "same-origin"));
}
