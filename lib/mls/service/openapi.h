/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_SERVICE_OPENAPI_H
#define MLS_SERVICE_OPENAPI_H

/**
 * The Swagger 2.0 document of one service version, in the shape that the
 * older product's code generators and users know: the call itself, the login
 * calls that it needs, and the definitions of what goes in and comes out.
 */

#include "base/err.h"
#include "registry/registry.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Make the document of `service`. `base_path` is where the server is mounted
 *  ("/" at the root), `scheme` "http" or "https". */
mls_err *mls_service_swagger(const char **json, const mls_service *service,
                             const char *base_path, const char *scheme,
                             apr_pool_t *pool);

#ifdef __cplusplus
}
#endif

#endif
