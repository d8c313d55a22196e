/* SPDX-License-Identifier: Apache-2.0 */
/* The content handler: 404, 405, OPTIONS; who calls; may they; call. */

#include "http/routes.h"

#include <string.h>

#include <http_request.h>
#include <apr_lib.h>

#include "audit/audit.h"
#include "auth/auth.h"
#include "http/reply.h"
#include "http/request.h"
#include "service/service_name.h"

APLOG_USE_MODULE(mlserver);

static int reply_options(request_rec *r, const mlh_request *request)
{
    if (!request->allow) {
        return mlh_reply_fail(r, MLS_ENOTFOUND,
                              "there is nothing under this path");
    }
    if (mlh_cors_is_preflight(r, request->config)) {
        return mlh_cors_reply(r, request->allow);
    }
    apr_table_setn(r->headers_out, "Allow", request->allow);
    return mlh_reply_empty(r, HTTP_NO_CONTENT);
}

static int reply_unmatched(request_rec *r, const mlh_request *request)
{
    if (!request->allow) {
        return mlh_reply_fail(r, MLS_ENOTFOUND,
                              "there is nothing under this path; what the "
                              "server can do is in %s/openapi.json",
                              request->config->mount);
    }
    apr_table_setn(r->headers_out, "Allow", request->allow);
    return mlh_reply_fail(r, MLH_EMETHOD, "%s is not allowed here; use %s",
                          r->method, request->allow);
}

static int reply_not_logged_in(request_rec *r)
{
    return mlh_reply_fail(r, MLS_EUNAUTHORIZED,
                          "not logged in: get a token from POST %s/login and "
                          "send it as \"Authorization: Bearer <token>\"",
                          mlh_request_of(r)->config->mount);
}

/* May this caller use the route at all? NULL when so. */
static mls_err *check_permission(request_rec *r, const mlh_request *request)
{
    const mls_permission permission = request->route->permission;
    const mlh_identity *caller = &request->identity;

    if (!mlh_permits_some(request->config, caller->role, permission)) {
        return mls_err_make(r->pool, MLS_EFORBIDDEN, NULL,
                            "the role of %s (%s) does not allow this",
                            caller->subject.name,
                            mls_role_name(caller->role));
    }
    if (permission != MLS_PERMIT_CONSUME && !mlh_has_origin_proof(r)) {
        return mls_err_make(r->pool, MLS_EFORBIDDEN, NULL,
                            "a change without a bearer token needs the "
                            "header X-Requested-With, which pages of other "
                            "sites cannot send");
    }
    return NULL;
}

/* Names are checked here for every route but the call of a service, where one
 * that cannot exist is simply not found. */
static mls_err *check_names(request_rec *r, const mlh_request *request)
{
    if (request->route->permission == MLS_PERMIT_CONSUME) {
        return NULL;
    }
    if (request->parameters[0]) {
        MLS_TRY(mls_service_name_check("name", request->parameters[0],
                                       r->pool));
    }
    if (request->parameters[1]) {
        MLS_TRY(mls_service_name_check("version", request->parameters[1],
                                       r->pool));
    }
    return NULL;
}

static int call_handler(request_rec *r, mlh_request *request)
{
    mls_err *err = check_names(r, request);

    if (err) {
        return mlh_reply_error(r, err);
    }
    const mlh_call call = {
        .request = request,
        .config = request->config,
        .server = request->server,
        .state = request->state,
        .route = request->route,
        .caller = &request->identity,
        .name = request->parameters[0],
        .version = request->parameters[1],
    };

    return request->route->handler(r, &call);
}

int mlh_dispatch(request_rec *r)
{
    mlh_request *request = mlh_request_of(r);

    if (!request) {
        return DECLINED;
    }
    if (r->method_number == M_OPTIONS) {
        return reply_options(r, request);
    }
    mls_err *unknown = mlh_identify_ambient(r, request);

    if (unknown) {
        return mlh_reply_error(r, unknown);
    }
    if (!request->is_public && !request->identity.subject.name) {
        return reply_not_logged_in(r);
    }
    if (!request->route) {
        return reply_unmatched(r, request);
    }
    if (!request->state || !request->state->runtime) {
        return mlh_reply_fail(r, MLS_EUNAVAILABLE,
                              "the server's state is not usable; its log has "
                              "the reason");
    }
    if (request->route->permission != MLS_PERMIT_ANYONE) {
        mls_err *err = check_permission(r, request);

        if (err) {
            return mlh_reply_error(r, err);
        }
    }
    return call_handler(r, request);
}

/* ---- the log ---- */

static int is_change(const mlh_request *request)
{
    return request->route &&
           (request->route->permission == MLS_PERMIT_PUBLISH ||
            request->route->permission == MLS_PERMIT_CHANGE ||
            request->route->permission == MLS_PERMIT_ADMIN);
}

int mlh_log_request(request_rec *r)
{
    while (r->next) { /* the answer belongs to the last internal redirect */
        r = r->next;
    }
    const mlh_request *request = mlh_request_of(r);

    if (!request) {
        return DECLINED;
    }
    mlh_restore_status(r);
    const int detail = request->config->log_detail;
    const int level =
        detail == MLH_LOG_ALL ||
                (detail == MLH_LOG_CHANGES && is_change(request))
            ? APLOG_INFO
            : APLOG_DEBUG;

    if (APLOG_R_IS_LEVEL(r, level)) {
        const mls_subject *who = &request->identity.subject;

        ap_log_rerror(APLOG_MARK, level, 0, r,
                      "request: request=%s method=%s path=%s status=%d "
                      "user=%s%s%s us=%" APR_TIME_T_FMT,
                      request->id, r->method,
                      ap_escape_logitem(r->pool, request->path), r->status,
                      who->name ? who->provider : "-", who->name ? ":" : "",
                      who->name ? ap_escape_logitem(r->pool, who->name) : "",
                      apr_time_now() - r->request_time);
    }
    mlh_audit_request(r);
    mlh_timing_count(r);
    return DECLINED;
}
