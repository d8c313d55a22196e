/* SPDX-License-Identifier: Apache-2.0 */
/* Errors that httpd (or another of its modules) answers inside our Location:
 * its HTML is dropped and the contract's error object sent in its place. An
 * ErrorDocument that redirects is left alone. */

#include "http/reply.h"

#include <string.h>

#include <http_protocol.h>
#include <util_filter.h>

#include "http/request.h"

static const char filter_name[] = "MLSERVER_ERROR";

static const char *message_of(request_rec *r, const mlh_request *request)
{
    static const struct {
        int status;
        const char *message;
    } messages[] = {
        { HTTP_BAD_REQUEST, "the request is malformed" },
        { HTTP_UNAUTHORIZED,
          "not logged in: get a token from POST /login and send it as "
          "\"Authorization: Bearer <token>\"" },
        { HTTP_FORBIDDEN, "access is not allowed here" },
        { HTTP_NOT_FOUND, "there is nothing under this path" },
        { HTTP_METHOD_NOT_ALLOWED, "this method is not allowed here" },
        { HTTP_REQUEST_TIME_OUT, "the request did not arrive in time" },
        { HTTP_REQUEST_ENTITY_TOO_LARGE,
          "the body is larger than the server allows (LimitRequestBody)" },
        { HTTP_REQUEST_URI_TOO_LARGE, "the path is too long" },
        { HTTP_INTERNAL_SERVER_ERROR,
          "the server failed; its log has the reason" },
        { HTTP_SERVICE_UNAVAILABLE, "the server is not available just now" },
    };

    if (request->error) {
        return request->error;
    }
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        if (messages[i].status == r->status) {
            return messages[i].message;
        }
    }
    return ap_get_status_line(r->status);
}

/* A second challenge beside what another module may have sent. */
static void add_challenge(request_rec *r)
{
    const char *present = apr_table_get(r->headers_out, "WWW-Authenticate");

    if (r->status == HTTP_UNAUTHORIZED &&
        (!present || strncasecmp(present, "Bearer", 6) != 0)) {
        apr_table_addn(r->headers_out, "WWW-Authenticate",
                       "Bearer realm=\"mlserver\"");
    }
}

static int has_eos(apr_bucket_brigade *brigade)
{
    for (apr_bucket *bucket = APR_BRIGADE_FIRST(brigade);
         bucket != APR_BRIGADE_SENTINEL(brigade);
         bucket = APR_BUCKET_NEXT(bucket)) {
        if (APR_BUCKET_IS_EOS(bucket)) {
            return 1;
        }
    }
    return 0;
}

static apr_status_t error_filter(ap_filter_t *filter,
                                 apr_bucket_brigade *brigade)
{
    request_rec *r = filter->r;
    const mlh_request *request = mlh_request_of(r);

    if (!has_eos(brigade)) {
        apr_brigade_cleanup(brigade);
        return APR_SUCCESS;
    }
    apr_brigade_cleanup(brigade);
    const char *json = mlh_error_json(r, r->status, message_of(r, request));
    apr_bucket_alloc_t *allocator = r->connection->bucket_alloc;

    ap_set_content_type(r, "application/json; charset=utf-8");
    ap_set_content_length(r, (apr_off_t)strlen(json));
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    if (request->allow && r->status == HTTP_METHOD_NOT_ALLOWED) {
        apr_table_setn(r->headers_out, "Allow", request->allow);
    }
    add_challenge(r);
    APR_BRIGADE_INSERT_TAIL(brigade,
                            apr_bucket_pool_create(json, strlen(json),
                                                   r->pool, allocator));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(allocator));
    ap_remove_output_filter(filter);
    return ap_pass_brigade(filter->next, brigade);
}

void mlh_insert_error_filter(request_rec *r)
{
    if (r->status >= 400 && mlh_request_find(r)) {
        ap_add_output_filter(filter_name, NULL, r, r->connection);
    }
}

void mlh_register_error_filter(void)
{
    ap_register_output_filter(filter_name, error_filter, NULL,
                              AP_FTYPE_RESOURCE);
}
