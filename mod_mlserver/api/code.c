/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the handlers that run code. */

#include "api/code.h"

#include <poll.h>
#include <string.h>

#include <apr_portable.h>
#include <http_core.h>
#include <http_protocol.h>

#include "http/reply.h"

mls_err *mlh_code_pool(mls_pool_client **out, request_rec *r,
                       const mlh_call *call)
{
    return mls_pool_client_open(
        out, apr_pstrcat(r->pool, call->server->run_dir, "/supervisor.sock",
                         NULL),
        r->pool);
}

/* The caller of a call that takes long. */
typedef struct caller {
    request_rec *r;
    apr_os_sock_t fd; /* -1 under HTTP/2 */
    int probed;
} caller;

/* A caller that closed its socket and one that only finished sending look the
 * same until something is sent: the former then answers with a reset, which
 * poll reports. 100 Continue may be sent at any time (RFC 9110, 15.2). */
static void probe(caller *who)
{
    struct pollfd one = { who->fd, POLLRDHUP, 0 };
    const int status = who->r->status;

    if (who->fd < 0 || who->probed
        || who->r->proto_num < HTTP_VERSION(1, 1) || poll(&one, 1, 0) <= 0
        || !(one.revents & POLLRDHUP)) {
        return;
    }
    who->probed = 1;
    who->r->status = HTTP_CONTINUE;
    who->r->expecting_100 = 1; /* else httpd keeps it to itself */
    ap_send_interim_response(who->r, 0);
    who->r->expecting_100 = 0;
    who->r->status = status;
}

/* Under HTTP/2 the stream is reset, not the socket closed. */
static int is_aborted(void *baton)
{
    caller *who = baton;
    const conn_rec *connection = who->r->connection;

    probe(who);
    return connection->aborted
           || (connection->master && connection->master->aborted);
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
    const caller who = { r, fd, 0 };

    out->caller = fd;
    out->gone = is_aborted;
    out->baton = apr_pmemdup(r->pool, &who, sizeof(who));
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
        mlh_timing_failure(r, result->reason, result->console, NULL);
        return mlh_reply_tree(r, HTTP_INTERNAL_SERVER_ERROR,
                              crash_result(result, r->pool));
    }
    mls_json *json = result->json;
    const char *console = mls_json_string(json, "consoleOutput");
    const char *message = mls_json_string(json, "errorMessage");
    const char *trace = mls_json_string(json, "traceback");
    const int success = mls_json_bool(json, "success", 0);

    if (!success) { /* kept until the log is written */
        mlh_timing_failure(r, message ? apr_pstrdup(r->pool, message) : NULL,
                           console ? apr_pstrdup(r->pool, console) : NULL,
                           trace ? apr_pstrdup(r->pool, trace) : NULL);
    }
    if (!success && with_trace && trace && *trace) {
        mls_json_set_string(json, "errorMessage",
                            apr_pstrcat(r->pool, message ? message : "", "\n",
                                        trace, NULL));
    }
    mls_json_remove(json, "traceback");
    mls_json_remove(json, "kind");
    return mlh_reply_tree(r, success ? HTTP_OK : error_status, json);
}

int mlh_code_error(request_rec *r, const mls_err *err)
{
    enum { CLOSED = 499 }; /* as other servers log it */

    if (err->code != MLS_EGONE) {
        return mlh_reply_error(r, err);
    }
    r->status = CLOSED;
    r->status_line = "499 Client Closed Request";
    r->connection->keepalive = AP_CONN_CLOSE;
    return DONE;
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
