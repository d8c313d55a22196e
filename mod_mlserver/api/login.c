/* SPDX-License-Identifier: Apache-2.0 */
/* POST /login; POST and DELETE /login/refreshToken. */

#include "api/api.h"

#include <string.h>

#include "audit/audit.h"
#include "auth/auth.h"
#include "auth/roles.h"
#include "http/reply.h"
#include "http/request.h"
#include "lifecycle/lifecycle.h"

APLOG_USE_MODULE(mlserver);

enum { AGENT_LENGTH = 200 };

static mls_token_request token_request(request_rec *r,
                                       const mlh_config *config)
{
    const char *agent = apr_table_get(r->headers_in, "User-Agent");
    const mls_token_request request = {
        .audience = mlh_request_of(r)->state->server->token_audience,
        .address = r->useragent_ip,
        .agent = agent ? apr_pstrndup(r->pool, agent, AGENT_LENGTH) : NULL,
        .access_lifetime = config->token_lifetime,
        .refresh_idle = config->refresh_idle,
        .refresh_maximum = config->refresh_maximum,
    };

    return request;
}

/* The contract's answer. Its schema has expires_on as a string. */
static int reply_tokens(request_rec *r, const mls_tokens *tokens)
{
    mls_json *answer = mls_json_object(r->pool);
    const apr_int64_t left =
        apr_time_sec(tokens->expires) - apr_time_sec(apr_time_now());

    mls_json_set_string(answer, "token_type", "Bearer");
    mls_json_set_string(answer, "access_token", tokens->access);
    mls_json_set_int(answer, "expires_in", left > 0 ? left : 0);
    mls_json_set_string(answer, "expires_on",
                        apr_psprintf(r->pool, "%" APR_TIME_T_FMT,
                                     apr_time_sec(tokens->expires)));
    mls_json_set_string(answer, "refresh_token", tokens->refresh);
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    apr_table_setn(r->headers_out, "Pragma", "no-cache");
    return mlh_reply_tree(r, HTTP_OK, answer);
}

static void log_login(request_rec *r, int level, const char *event,
                      const char *user, const char *detail)
{
    if (mlh_request_of(r)->config->log_detail == MLH_LOG_OFF) {
        return;
    }
    ap_log_rerror(APLOG_MARK, level, 0, r,
                  "login %s: request=%s user=%s address=%s %s", event,
                  mlh_request_of(r)->id, ap_escape_logitem(r->pool, user),
                  r->useragent_ip, detail);
}

static int reply_granted(request_rec *r, const mlh_call *call,
                         const mls_subject *subject)
{
    mls_token_request request = token_request(r, call->config);
    mls_tokens *tokens;
    mls_role role;

    mlh_role_refresh(r, subject, &role); /* new groups count at once */
    mlh_audit_subject(r, subject, mls_role_name(role));
    request.subject = *subject;
    mls_err *err = mls_token_issue(&tokens, call->state->runtime->registry,
                                   &request, r->pool);

    if (err) {
        return mlh_reply_error(r, err);
    }
    log_login(r, APLOG_INFO, "granted", subject->name,
              apr_pstrcat(r->pool, "provider=", subject->provider, NULL));
    return reply_tokens(r, tokens);
}

/* The whole answer to a refused login is always the same. */
static int reply_denied(request_rec *r)
{
    return mlh_reply_fail(r, MLS_EUNAUTHORIZED,
                          "the name or the password is not right");
}

static int reply_throttled(request_rec *r, unsigned wait)
{
    apr_table_setn(r->headers_out, "Retry-After",
                   apr_psprintf(r->pool, "%u", wait));
    return mlh_reply_fail(r, MLH_ETHROTTLED,
                          "too many failed logins; try again in %u s", wait);
}

int mlh_login(request_rec *r, const mlh_call *call)
{
    mls_json *body;
    const char *user, *password, *reason;
    mls_subject subject;
    unsigned wait = 0;
    mls_err *err = mlh_body_json(&body, r);

    if (!err) {
        err = mls_json_need_string(&user, body, "username", r->pool);
    }
    if (!err) {
        err = mls_json_need_string(&password, body, "password", r->pool);
    }
    if (!err && !*user) {
        err = mls_err_make(r->pool, MLS_EINVALID, NULL,
                           "\"username\" is empty");
    }
    if (err) {
        return mlh_reply_error(r, err);
    }
    const mlh_login_result result =
        mlh_password_check(r, user, password, &subject, &wait, &reason);

    if (result == MLH_LOGIN_GRANTED) {
        return reply_granted(r, call, &subject);
    }
    mlh_audit_target(r, user);
    mlh_audit_detail(r, "%s", reason);
    log_login(r, APLOG_INFO, "refused", user,
              apr_pstrcat(r->pool, "reason=", reason, NULL));
    switch (result) {
    case MLH_LOGIN_THROTTLED:
        return reply_throttled(r, wait);
    case MLH_LOGIN_FAILED:
        return mlh_reply_fail(r, MLS_EUNAVAILABLE,
                              "passwords cannot be checked just now");
    default:
        return reply_denied(r);
    }
}

int mlh_login_refresh(request_rec *r, const mlh_call *call)
{
    const mls_token_request request = token_request(r, call->config);
    mls_json *body;
    mls_tokens *tokens;
    const char *refresh;
    mls_err *err = mlh_body_json(&body, r);

    if (!err) {
        err = mls_json_need_string(&refresh, body, "refreshToken", r->pool);
    }
    if (!err) {
        err = mls_token_refresh(&tokens, call->state->runtime->registry,
                                refresh, &request, r->pool);
        mlh_audit_subject(r, &tokens->subject, NULL);
    }
    if (err && (err->code == MLS_EUNAUTHORIZED ||
                err->code == MLS_ENOTFOUND)) {
        mlh_audit_detail(r, "%s", mls_err_text(err, r->pool));
        log_login(r, APLOG_INFO, "refresh refused", "-",
                  apr_pstrcat(r->pool, "reason=", mls_err_text(err, r->pool),
                              NULL));
        return mlh_reply_fail(r, MLS_EUNAUTHORIZED,
                              "the refresh token is not, or no longer, "
                              "valid; log in again");
    }
    return err ? mlh_reply_error(r, err) : reply_tokens(r, tokens);
}

int mlh_login_revoke(request_rec *r, const mlh_call *call)
{
    const char *refresh = mlh_query(r, "refreshToken");

    mlh_query_hide(r, "refreshToken");
    if (!refresh || !*refresh) {
        return mlh_reply_fail(r, MLS_EINVALID,
                              "the query parameter refreshToken is missing");
    }
    mls_subject whose = { NULL, NULL };
    mls_err *err = mls_token_revoke(&whose, call->state->runtime->registry,
                                    refresh, r->pool);

    if (err && err->code == MLS_ENOTFOUND) {
        return mlh_reply_fail(r, MLS_EUNAUTHORIZED,
                              "the refresh token is not valid");
    }
    if (err) {
        return mlh_reply_error(r, err);
    }
    mlh_audit_subject(r, &whose, NULL);
    log_login(r, APLOG_INFO, "revoked", whose.name ? whose.name : "-", "");
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    return mlh_reply_json(r, HTTP_OK, "{}");
}
