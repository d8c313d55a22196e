/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/{name}/{version}/swagger.json and GET /openapi.json. */

#include "api/api.h"

#include <string.h>

#include <http_protocol.h>

#include "http/reply.h"
#include "lifecycle/lifecycle.h"
#include "service/openapi.h"

/* docs/api/openapi.json as an array of bytes, made by the Makefile. */
#include "openapi_json.h"

static const char *base_path(const mlh_call *call)
{
    return *call->config->mount ? call->config->mount : "/";
}

int mlh_service_swagger(request_rec *r, const mlh_call *call)
{
    const mls_service *service;
    const char *document;
    mls_err *err = mlh_service_find(&service, r, call);

    if (!err) {
        err = mls_service_swagger(&document, service, base_path(call),
                                  ap_http_scheme(r), r->pool);
    }
    if (err) {
        return mlh_reply_error(r, err);
    }
    mlh_etag_set(r, service->generation);
    if (mlh_etag_none_match(r, service->generation)) {
        return mlh_reply_empty(r, HTTP_NOT_MODIFIED);
    }
    return mlh_reply_json(r, HTTP_OK, document);
}

/* The server's own document, with where it is mounted filled in. */
int mlh_openapi(request_rec *r, const mlh_call *call)
{
    mls_json *document;
    mls_err *err = mls_json_parse(&document, (const char *)openapi_json,
                                  sizeof(openapi_json), r->pool);

    if (err) {
        return mlh_reply_error(r, err);
    }
    mls_json_set_string(document, "basePath", base_path(call));
    return mlh_reply_tree(r, HTTP_OK, document);
}
