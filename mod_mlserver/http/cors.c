/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-origin requests of browsers (the Fetch standard's CORS protocol),
 * for the origins that MLServerCORSOrigin names. No credentials: callers send
 * a bearer token, which pages of other origins cannot send by accident. */

#include "http/reply.h"

#include <string.h>

static const char *allowed_origin(request_rec *r, const mlh_config *config)
{
    const char *origin = apr_table_get(r->headers_in, "Origin");

    for (int i = 0; origin && i < config->cors_origins->nelts; i++) {
        const char *allowed =
            APR_ARRAY_IDX(config->cors_origins, i, const char *);

        if (!strcmp(allowed, "*")) {
            return "*";
        }
        if (!strcasecmp(allowed, origin)) {
            return origin;
        }
    }
    return NULL;
}

static int is_configured(const mlh_config *config)
{
    return config->cors_origins->nelts > 1 ||
           (config->cors_origins->nelts == 1 &&
            strcasecmp(APR_ARRAY_IDX(config->cors_origins, 0, const char *),
                       "none") != 0);
}

void mlh_cors_headers(request_rec *r, const mlh_config *config)
{
    if (!is_configured(config)) {
        return;
    }
    const char *origin = allowed_origin(r, config);

    apr_table_mergen(r->err_headers_out, "Vary", "Origin");
    if (origin) {
        apr_table_setn(r->err_headers_out, "Access-Control-Allow-Origin",
                       origin);
        apr_table_setn(r->err_headers_out, "Access-Control-Expose-Headers",
                       "ETag, Location, Retry-After, X-Request-Id");
    }
}

int mlh_cors_is_preflight(request_rec *r, const mlh_config *config)
{
    return r->method_number == M_OPTIONS && is_configured(config) &&
           apr_table_get(r->headers_in, "Access-Control-Request-Method") &&
           allowed_origin(r, config);
}

int mlh_cors_reply(request_rec *r, const char *methods)
{
    apr_table_setn(r->headers_out, "Access-Control-Allow-Methods", methods);
    apr_table_setn(r->headers_out, "Access-Control-Allow-Headers",
                   "Authorization, Content-Type, Content-Encoding, Accept, "
                   "If-Match, If-None-Match, X-Request-Id, X-Requested-With");
    apr_table_setn(r->headers_out, "Access-Control-Max-Age", "600");
    return mlh_reply_empty(r, HTTP_NO_CONTENT);
}
