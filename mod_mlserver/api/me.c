/* SPDX-License-Identifier: Apache-2.0 */
/* GET /admin/api/me: who the caller is, with which role and why. Answers those
 * whom nobody knows, too, so that a page can ask before anybody signed in. */

#include "api/api.h"

#include "auth/roles.h"
#include "http/reply.h"

static int may(const mlh_call *call, mls_permission permission)
{
    return call->caller->subject.name &&
           mlh_permits_some(call->config, call->caller->role, permission);
}

static mls_json *permissions_of(const mlh_call *call, apr_pool_t *pool)
{
    mls_json *permissions = mls_json_object(pool);

    mls_json_set_bool(permissions, "publish", may(call, MLS_PERMIT_PUBLISH));
    mls_json_set_bool(permissions, "sessions", may(call, MLS_PERMIT_SESSION));
    mls_json_set_bool(permissions, "admin", may(call, MLS_PERMIT_ADMIN));
    return permissions;
}

int mlh_me(request_rec *r, const mlh_call *call)
{
    const mls_subject *subject = &call->caller->subject;
    mls_json *answer = mls_json_object(r->pool);
    mlh_role_answer role = {.reason = "nobody is signed in"};

    if (subject->name) {
        mls_err *err = mlh_role_explain(&role, r, subject);

        if (err) {
            return mlh_reply_error(r, err);
        }
    }
    mls_json_set_string(answer, "user", subject->name);
    mls_json_set_string(answer, "provider", subject->provider);
    mls_json_set_string(answer, "role", mls_role_name(call->caller->role));
    mls_json_set_string(answer, "roleReason", role.reason);
    mls_json_set_bool(answer, "ambient",
                      subject->name && !call->caller->is_bearer);
    mls_json_set(answer, "permissions", permissions_of(call, r->pool));
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    return mlh_reply_tree(r, HTTP_OK, answer);
}
