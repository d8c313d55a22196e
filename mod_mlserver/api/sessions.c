/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: create, list, execute, console, history, cancel, close. Each is
 * private to its user; Owners may list and end those of others. */

#include "api/api.h"

#include <string.h>

#include "audit/audit.h"
#include "api/code.h"
#include "http/reply.h"
#include "http/request.h"
#include "lifecycle/lifecycle.h"
#include "registry/snapshots.h"

enum { CONTROL_LIMIT = 150000 /* ms; a session loads its snapshot first */ };

static mls_err *control(mls_json **answer, request_rec *r,
                        const mlh_call *call, mls_json *request)
{
    mls_pool_client *pool;
    mls_pool_call one;

    mls_json_set_string(request, "provider", call->caller->subject.provider);
    mls_json_set_string(request, "user", call->caller->subject.name);
    MLS_TRY(mlh_code_pool(&pool, r, call));
    mlh_code_call(&one, r, call, CONTROL_LIMIT);
    return mls_session_control(answer, pool, &one, request, r->pool);
}

static mls_json *request_for(const char *op, request_rec *r,
                             const mlh_call *call)
{
    mls_json *request = mls_json_object(r->pool);

    mls_json_set_string(request, "op", op);
    if (call->name) {
        mls_json_set_string(request, "id", call->name);
    }
    return request;
}

/* ---- create, list ---- */

/* Put the snapshot's blob into the request; it must be the caller's. */
static mls_err *name_snapshot(mls_json *request, const mls_json *body,
                              request_rec *r, const mlh_call *call)
{
    const char *id = mls_json_string(body, "snapshotId");
    const mls_snapshot *snapshot;

    if (!id || !*id) {
        return NULL;
    }
    MLS_TRY(mls_snapshot_get(&snapshot, call->state->runtime->registry, id,
                             &call->caller->subject, r->pool));
    if (!snapshot) {
        return mls_err_make(r->pool, MLS_ENOTFOUND, NULL,
                            "there is no snapshot \"%s\"", id);
    }
    mls_json_set_string(request, "snapshot", snapshot->blob);
    return NULL;
}

static mls_err *create(const char **id, request_rec *r, const mlh_call *call)
{
    mls_json *body, *answer, *request = request_for("session.create", r, call);

    MLS_TRY(mlh_body_json(&body, r));
    const char *runtime = mls_json_string(body, "runtimeType");
    const char *name = mls_json_string(body, "name");

    if (name && strlen(name) > 256) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "the name is longer than 256 bytes");
    }
    mls_json_set_string(request, "name", name ? name : "");
    mls_json_set_string(request, "runtime", runtime);
    MLS_TRY(name_snapshot(request, body, r, call));
    MLS_TRY(control(&answer, r, call, request));
    return mls_json_need_string(id, answer, "id", r->pool);
}

int mlh_session_create(request_rec *r, const mlh_call *call)
{
    const char *id;
    mls_err *err = create(&id, r, call);

    if (err) {
        return mlh_reply_error(r, err);
    }
    mls_json *json = mls_json_object(r->pool);

    mlh_audit_target(r, apr_pstrcat(r->pool, "sessions/", id, NULL));
    mls_json_set_string(json, "sessionId", id);
    return mlh_reply_tree(r, HTTP_CREATED, json);
}

int mlh_sessions_list(request_rec *r, const mlh_call *call)
{
    mls_json *answer, *request = request_for("session.list", r, call);
    const char *all = mlh_query(r, "all");

    mls_json_set_bool(request, "all",
                      all && !strcmp(all, "true")
                          && call->caller->role == MLS_ROLE_OWNER);
    mls_err *err = control(&answer, r, call, request);

    return err ? mlh_reply_error(r, err)
               : mlh_reply_tree(r, HTTP_OK,
                                mls_json_get(answer, "sessions"));
}

/* ---- end, cancel ---- */

static int simple(request_rec *r, const mlh_call *call, const char *op,
                  int others_too)
{
    mls_json *answer, *request = request_for(op, r, call);

    mls_json_set_bool(request, "all", others_too);
    mls_err *err = control(&answer, r, call, request);

    return err ? mlh_reply_error(r, err)
               : mlh_reply_string(r, HTTP_OK, call->name);
}

int mlh_session_close(request_rec *r, const mlh_call *call)
{
    return simple(r, call, "session.close",
                  call->caller->role == MLS_ROLE_OWNER);
}

int mlh_session_cancel(request_rec *r, const mlh_call *call)
{
    return simple(r, call, "session.cancel", 0);
}

/* ---- execute ---- */

static apr_status_t free_buffer(void *baton)
{
    mlscore_buffer_free(baton);
    return APR_SUCCESS;
}

static mls_err *execute(mls_pool_result **result, request_rec *r,
                        const mlh_call *call)
{
    mlscore_buffer *body = apr_pcalloc(r->pool, sizeof(*body));
    mls_json *json, *answer;

    apr_pool_cleanup_register(r->pool, body, free_buffer,
                              apr_pool_cleanup_null);
    MLS_TRY(mlh_body_read(body, r, call->config->max_body, "body"));
    MLS_TRY(mls_json_parse(&json, body->bytes ? body->bytes : "",
                           body->length, r->pool));
    if (!mls_json_string(json, "code")) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "\"code\" is missing, or no text");
    }
    const mls_session_data data = { body->bytes, body->length, -1, -1, -1 };
    mls_err *err = mlh_session_operation(result, r, call, "execute", NULL,
                                         &data);

    if (err && (err->code == MLS_ETIMEOUT || err->code == MLS_EGONE)) {
        /* Nobody waits any more: end what runs, keep the session. */
        control(&answer, r, call, request_for("session.cancel", r, call));
    }
    return err;
}

int mlh_session_execute(request_rec *r, const mlh_call *call)
{
    mls_pool_result *result;
    mls_err *err = execute(&result, r, call);

    if (!err && !result->crashed && mls_json_has(result->json, "ok")) {
        err = mlh_code_refusal(result, r->pool);
    }
    /* An error in the code is a result, not a failed request. */
    return err ? mlh_code_error(r, err)
               : mlh_code_reply(r, result, 0, HTTP_OK);
}

/* ---- console, history ---- */

static mls_err *ask(request_rec *r, const mlh_call *call, const char *what,
                    mls_pool_result **result)
{
    static const mls_session_data none = { NULL, 0, -1, -1, -1 };

    MLS_TRY(mlh_session_operation(result, r, call, what, NULL, &none));
    return mlh_code_refusal(*result, r->pool);
}

int mlh_session_console(request_rec *r, const mlh_call *call)
{
    mls_json *json = mls_json_object(r->pool);
    mls_pool_result *result = NULL;
    mls_err *err = ask(r, call, "console", &result);

    if (err) {
        return mlh_reply_error(r, err);
    }
    mls_json_set_string(json, "consoleOutput",
                        mls_json_string(result->json, "text"));
    return mlh_reply_tree(r, HTTP_OK, json);
}

int mlh_session_history(request_rec *r, const mlh_call *call)
{
    mls_json *list = mls_json_array(r->pool);
    mls_pool_result *result = NULL;
    mls_err *err = ask(r, call, "history", &result);

    if (err) {
        return mlh_reply_error(r, err);
    }
    const mls_json *entries = mls_json_get(result->json, "entries");

    for (size_t i = 0; i < mls_json_length(entries); i++) {
        mls_json_add_string(list, mls_json_string(mls_json_at(entries, i),
                                                  "code"));
    }
    return mlh_reply_tree(r, HTTP_OK, list);
}
