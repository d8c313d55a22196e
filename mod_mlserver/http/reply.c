/* SPDX-License-Identifier: Apache-2.0 */
/* Answers, and error codes -> statuses. */

#include "http/reply.h"

#include <string.h>

#include <http_protocol.h>

#include "http/request.h"
#include "service/service_name.h"

APLOG_USE_MODULE(mlserver);

/* What the caller cannot help is logged with its whole chain, and the answer
 * holds the outermost message or (HIDDEN) none of it. LIMIT: the server does as
 * configured. AWAY: a part of it is missing. */
enum blame { CALLER, LIMIT, AWAY, HIDDEN };

/* The one table. */
static const struct error_kind {
    int code;
    int status;
    const char *type;
    enum blame blame;
} kinds[] = {
    { MLS_EOTHER, HTTP_INTERNAL_SERVER_ERROR, "InternalError", HIDDEN },
    { MLS_EINVALID, HTTP_BAD_REQUEST, "InvalidArgument", CALLER },
    { MLS_EUNAUTHORIZED, HTTP_UNAUTHORIZED, "Unauthorized", CALLER },
    { MLS_EFORBIDDEN, HTTP_FORBIDDEN, "Forbidden", CALLER },
    { MLS_ENOTFOUND, HTTP_NOT_FOUND, "NotFound", CALLER },
    { MLS_EEXISTS, HTTP_CONFLICT, "AlreadyExists", CALLER },
    { MLS_ECONFLICT, HTTP_PRECONDITION_FAILED, "PreconditionFailed", CALLER },
    { MLS_ETOOLARGE, HTTP_REQUEST_ENTITY_TOO_LARGE, "TooLarge", CALLER },
    { MLS_EMODEL, HTTP_BAD_REQUEST, "ModelRefused", CALLER },
    { MLS_EBUSY, HTTP_SERVICE_UNAVAILABLE, "Busy", LIMIT },
    { MLS_EUNAVAILABLE, HTTP_SERVICE_UNAVAILABLE, "Unavailable", AWAY },
    { MLS_ENOSPACE, HTTP_INSUFFICIENT_STORAGE, "InsufficientStorage", LIMIT },
    { MLS_ETIMEOUT, HTTP_GATEWAY_TIME_OUT, "Timeout", LIMIT },
    { MLS_ECORRUPT, HTTP_INTERNAL_SERVER_ERROR, "DataDamaged", HIDDEN },
    { MLH_EMEDIA, HTTP_UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", CALLER },
    { MLH_ESLOW, HTTP_REQUEST_TIME_OUT, "RequestTimeout", CALLER },
    { MLH_ETHROTTLED, HTTP_TOO_MANY_REQUESTS, "TooManyRequests", CALLER },
    { MLH_EMETHOD, HTTP_METHOD_NOT_ALLOWED, "MethodNotAllowed", CALLER },
    { MLH_ENOTDONE, HTTP_NOT_IMPLEMENTED, "NotImplemented", CALLER },
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static const struct error_kind *kind_of(int code)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].code == code) {
            return &kinds[i];
        }
    }
    return &kinds[0];
}

int mlh_status_of(int code)
{
    return kind_of(code)->status;
}

static const char *type_of_status(int status)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].status == status) {
            return kinds[i].type;
        }
    }
    return "RequestRefused";
}

const char *mlh_error_json(request_rec *r, int status, const char *message)
{
    const mlh_request *request = mlh_request_of(r);
    mls_json *object = mls_json_object(r->pool);

    mls_json_set_string(object, "message", message);
    mls_json_set_string(object, "link",
                        apr_pstrcat(r->pool,
                                    request ? request->config->mount : "",
                                    "/openapi.json", NULL));
    mls_json_set_string(object, "exceptionType", type_of_status(status));
    return mls_json_text(object, r->pool);
}

/* ---- answers ---- */

int mlh_reply_bytes(request_rec *r, int status, const char *type,
                    const char *bytes, size_t length)
{
    mlh_request *request = mlh_request_of(r);

    if (!request->body_done) {
        mlh_body_discard(r);
    }
    r->status = status;
    ap_set_content_type(r, type);
    ap_set_content_length(r, (apr_off_t)length);
    mlh_keep_connection(r);
    apr_bucket_alloc_t *allocator = r->connection->bucket_alloc;
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, allocator);

    if (length) {
        APR_BRIGADE_INSERT_TAIL(
            brigade, apr_bucket_transient_create(bytes, length, allocator));
    }
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(allocator));
    const apr_status_t sent = ap_pass_brigade(r->output_filters, brigade);

    if (sent != APR_SUCCESS) { /* the caller is gone */
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, sent, r,
                      "answer not sent: request=%s", request->id);
    }
    return OK;
}

int mlh_reply_json(request_rec *r, int status, const char *json)
{
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    if (!apr_table_get(r->headers_out, "Cache-Control")) {
        apr_table_setn(r->headers_out, "Cache-Control", "private, no-cache");
    }
    return mlh_reply_bytes(r, status, "application/json; charset=utf-8", json,
                           strlen(json));
}

int mlh_reply_tree(request_rec *r, int status, const mls_json *tree)
{
    return mlh_reply_json(r, status, mls_json_text(tree, r->pool));
}

int mlh_reply_string(request_rec *r, int status, const char *text)
{
    mls_json *array = mls_json_array(r->pool);

    mls_json_add_string(array, text);
    return mlh_reply_tree(r, status, mls_json_at(array, 0));
}

int mlh_reply_empty(request_rec *r, int status)
{
    mlh_request *request = mlh_request_of(r);

    if (!request->body_done) {
        mlh_body_discard(r);
    }
    r->status = status;
    return OK;
}

/* ---- errors ---- */

/* Log what is not the caller's fault; the message for the answer. */
static const char *log_failure(request_rec *r, const struct error_kind *kind,
                               const mls_err *err)
{
    static const int levels[] = { [LIMIT] = APLOG_INFO,
                                  [AWAY] = APLOG_WARNING,
                                  [HIDDEN] = APLOG_ERR };
    const char *id = mlh_request_of(r)->id;

    if (kind->blame == CALLER) {
        return mls_err_text(err, r->pool);
    }
    ap_log_rerror(APLOG_MARK, levels[kind->blame], 0, r,
                  "request failed: request=%s reason=%s", id,
                  mls_err_text(err, r->pool));
    if (kind->blame == HIDDEN) {
        return apr_psprintf(r->pool,
                            "the server failed; its log has the reason under "
                            "request %s",
                            id);
    }
    return err->message;
}

int mlh_reply_error(request_rec *r, const mls_err *err)
{
    const struct error_kind *kind = kind_of(err->code);
    const char *message = log_failure(r, kind, err);

    mlh_timing_failure(r, message, NULL, NULL);

    if (kind->status == HTTP_SERVICE_UNAVAILABLE) {
        apr_table_setn(r->headers_out, "Retry-After", "1");
    }
    if (kind->status == HTTP_UNAUTHORIZED) {
        apr_table_addn(r->err_headers_out, "WWW-Authenticate",
                       "Bearer realm=\"mlserver\"");
    }
    return mlh_reply_json(r, kind->status,
                          mlh_error_json(r, kind->status, message));
}

int mlh_reply_fail(request_rec *r, int code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    const char *message = apr_pvsprintf(r->pool, format, arguments);
    va_end(arguments);
    return mlh_reply_error(r,
                           mls_err_make(r->pool, code, NULL, "%s", message));
}

int mlh_refuse(request_rec *r, int status, const char *message)
{
    mlh_request *request = mlh_request_of(r);

    request->error = message;
    mlh_body_discard(r);
    return status;
}

const char *mlh_service_path(request_rec *r, const char *name,
                             const char *version)
{
    return apr_pstrcat(r->pool, mlh_request_of(r)->config->mount, "/api/",
                       mls_path_escape(name, r->pool), "/",
                       mls_path_escape(version, r->pool), NULL);
}
