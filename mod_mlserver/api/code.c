/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the handlers that run code. */

#include "api/code.h"

#include <string.h>

#include <apr_portable.h>
#include <http_core.h>

#include "http/reply.h"

mls_err *mlh_code_pool(mls_pool_client **out, request_rec *r,
                       const mlh_call *call)
{
    return mls_pool_client_open(
        out, apr_pstrcat(r->pool, call->server->run_dir, "/supervisor.sock",
                         NULL),
        r->pool);
}

/* Under HTTP/2 the stream is reset, not the socket closed. */
static int is_aborted(void *baton)
{
    const request_rec *r = baton;

    return r->connection->aborted
           || (r->connection->master && r->connection->master->aborted);
}

void mlh_code_call(mls_pool_call *out, request_rec *r, const mlh_call *call,
                   int milliseconds)
{
    apr_socket_t *socket = r->connection->master
                               ? NULL
                               : ap_get_conn_socket(r->connection);
    apr_os_sock_t fd = -1;

    if (socket && apr_os_sock_get(&fd, socket) != APR_SUCCESS) {
        fd = -1;
    }
    out->request_id = call->request->id;
    out->time_limit = milliseconds;
    out->caller = fd;
    out->gone = is_aborted;
    out->baton = r;
}

/* ---- results ---- */

static mls_json *crash_result(const mls_pool_result *result, apr_pool_t *pool)
{
    mls_json *json = mls_json_object(pool);

    mls_json_set_bool(json, "success", 0);
    mls_json_set_string(json, "errorMessage", result->reason);
    mls_json_set(json, "outputParameters", mls_json_object(pool));
    mls_json_set(json, "outputFiles", mls_json_object(pool));
    mls_json_set_string(json, "consoleOutput",
                        result->console ? result->console : "");
    mls_json_set(json, "changedFiles", mls_json_array(pool));
    return json;
}

int mlh_code_reply(request_rec *r, const mls_pool_result *result,
                   int with_trace, int error_status)
{
    if (result->crashed) {
        return mlh_reply_tree(r, HTTP_INTERNAL_SERVER_ERROR,
                              crash_result(result, r->pool));
    }
    mls_json *json = result->json;
    const char *message = mls_json_string(json, "errorMessage");
    const char *trace = mls_json_string(json, "traceback");
    const int success = mls_json_bool(json, "success", 0);

    if (!success && with_trace && trace && *trace) {
        mls_json_set_string(json, "errorMessage",
                            apr_pstrcat(r->pool, message ? message : "", "\n",
                                        trace, NULL));
    }
    mls_json_remove(json, "traceback");
    mls_json_remove(json, "kind");
    return mlh_reply_tree(r, success ? HTTP_OK : error_status, json);
}

mls_err *mlh_code_refusal(const mls_pool_result *result, apr_pool_t *pool)
{
    static const struct {
        const char *word;
        int code;
    } codes[] = { { "notfound", MLS_ENOTFOUND }, { "invalid", MLS_EINVALID },
                  { "nospace", MLS_ENOSPACE }, { "busy", MLS_EBUSY } };

    if (result->crashed) {
        return mls_err_make(pool, MLS_EUNAVAILABLE, NULL, "%s",
                            result->reason);
    }
    if (mls_json_bool(result->json, "ok", 0)) {
        return NULL;
    }
    const char *word = mls_json_string(result->json, "code");
    const char *message = mls_json_string(result->json, "message");

    for (size_t i = 0; word && i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (!strcmp(codes[i].word, word)) {
            return mls_err_make(pool, codes[i].code, NULL, "%s", message);
        }
    }
    return mls_err_make(pool, MLS_EOTHER, NULL, "%s",
                        message ? message : "the session answered nothing");
}

mls_err *mlh_session_operation(mls_pool_result **out, request_rec *r,
                               const mlh_call *call, const char *what,
                               const char *name, const mls_session_data *data)
{
    enum { LIMIT = 60000 }; /* ms; executions have their own */
    mls_json *operation = mls_json_object(r->pool);
    mls_pool_client *pool;
    mls_pool_call one;

    mls_json_set_string(operation, "do", what);
    if (name) {
        mls_json_set_string(operation, "name", name);
    }
    MLS_TRY(mlh_code_pool(&pool, r, call));
    mlh_code_call(&one, r, call,
                  !strcmp(what, "execute") ? (int)call->config->execute_timeout
                                                 * 1000
                                           : LIMIT);
    return mls_session_do(out, pool, &one, &call->caller->subject, call->name,
                          operation, data, r->pool);
}
