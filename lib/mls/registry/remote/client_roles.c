/* SPDX-License-Identifier: Apache-2.0 */
/* role_mappings.h's calls, as requests to the owner. */

#include "registry/role_mappings.h"

#include <apr_strings.h>

#include "registry/remote/registry_client.h"

static mls_json *request_for(const char *op, apr_pool_t *pool)
{
    mls_json *request = mls_json_object(pool);

    mls_json_set_string(request, "op", op);
    return request;
}

mls_err *mls_mappings_get(mls_mappings *out, mls_registry *registry,
                          apr_pool_t *pool)
{
    mls_json *answer;

    MLS_TRY(mls_registry_ask(&answer, registry,
                             request_for("roles.get", pool), pool));
    return mls_mappings_from_json(out, mls_json_get(answer, "roles"), pool);
}

mls_err *mls_mappings_set(mls_registry *registry,
                          const mls_mappings *mappings, apr_pool_t *pool)
{
    mls_json *request = request_for("roles.set", pool), *answer;

    mls_json_set(request, "roles", mls_mappings_to_json(mappings, pool));
    return mls_registry_write(&answer, registry, request, pool);
}

mls_err *mls_mappings_flush(mls_registry *registry, apr_pool_t *pool)
{
    mls_json *answer;

    return mls_registry_write(&answer, registry,
                              request_for("roles.flush", pool), pool);
}

mls_err *mls_control_token(const char **token, mls_registry *registry,
                           apr_pool_t *pool)
{
    mls_json *answer;

    /* Without an id: the answer is not kept for one who asks again. */
    MLS_TRY(mls_registry_ask(&answer, registry,
                             request_for("token.control", pool), pool));
    const char *access = mls_json_string(answer, "access");

    if (!access) {
        return mls_err_make(pool, MLS_EUNAVAILABLE, NULL,
                            "the registry gave no token");
    }
    *token = apr_pstrdup(pool, access);
    return NULL;
}
