/* SPDX-License-Identifier: Apache-2.0 */
/* GET /admin/api/services/{name}/{version}/failures: the last calls of a
 * service that failed, with what its code printed. Only for who may see the
 * code: the output may show it, and what callers sent. */

#include "api/api.h"

#include "auth/auth.h"
#include "base/timefmt.h"
#include "http/reply.h"
#include "lifecycle/lifecycle.h"
#include "usage/usage_table.h"

static mls_json *item_of(const mls_usage_failure *failure, apr_pool_t *pool)
{
    mls_json *item = mls_json_object(pool);

    mls_json_set_string(item, "time", mls_time_rfc3339(failure->time, pool));
    mls_json_set_string(item, "requestId", failure->request_id);
    mls_json_set_int(item, "status", failure->status);
    mls_json_set_string(item, "message", failure->message);
    mls_json_set_string(item, "consoleOutput", failure->console);
    mls_json_set_string(item, "traceback", failure->trace);
    return item;
}

static mls_err *service_of(const mls_service **out, request_rec *r,
                           const mlh_call *call)
{
    MLS_TRY(mlh_service_find(out, r, call));
    const int own = mlh_same_subject(&(*out)->publisher,
                                     &call->caller->subject);

    if (!mlh_permits(call->config, call->caller->role, MLS_PERMIT_SEE_CODE,
                     own)) {
        return mls_err_make(r->pool, MLS_EFORBIDDEN, NULL,
                            "failing calls are shown to who published the "
                            "service, and to Owners");
    }
    return NULL;
}

int mlh_service_failures(request_rec *r, const mlh_call *call)
{
    mls_usage_failure failures[MLS_USAGE_FAILURES];
    mls_usage *usage = call->state->usage;
    mls_json *answer = mls_json_object(r->pool);
    mls_json *items = mls_json_array(r->pool);
    const mls_service *service = NULL;
    mls_err *err = service_of(&service, r, call);

    if (err) {
        return mlh_reply_error(r, err);
    }
    const int slot = usage ? mls_usage_find(usage, call->name, call->version)
                           : -1;
    const unsigned count =
        slot > 0 ? mls_usage_failures(failures, usage, (unsigned)slot,
                                      r->pool)
                 : 0;

    for (unsigned i = 0; i < count; i++) {
        /* Not those of a service of the same name that was deleted: it may
         * have been somebody else's. */
        if (failures[i].time >= service->created) {
            mls_json_add(items, item_of(&failures[i], r->pool));
        }
    }
    mls_json_set(answer, "items", items);
    mls_json_set(answer, "nextCursor", NULL);
    return mlh_reply_tree(r, HTTP_OK, answer);
}
