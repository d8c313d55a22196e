/* SPDX-License-Identifier: Apache-2.0 */
/* audit_trail.h's calls, as requests to the owner. */

#include "registry/audit_trail.h"

#include <string.h>

#include <apr_strings.h>

#include "registry/remote/registry_client.h"
#include "registry/remote/wire.h"

mls_err *mls_audit_add(mls_registry *registry,
                       const apr_array_header_t *texts, apr_int64_t most,
                       apr_int64_t age, apr_pool_t *pool)
{
    /* The texts are JSON already, so the request is put around them. */
    const char *request = apr_psprintf(
        pool,
        "{\"op\":\"audit.add\",\"most\":%" APR_INT64_T_FMT
        ",\"age\":%" APR_INT64_T_FMT ",\"records\":[%s]}",
        most, age, apr_array_pstrcat(pool, texts, ','));
    const char *text;
    mls_json *answer;

    MLS_TRY(mls_registry_call(&text, registry, request, pool));
    MLS_TRY(mls_json_parse(&answer, text, strlen(text), pool));
    return mls_wire_outcome(answer, pool);
}

/* What the owner has in memory is written first, so that a search finds what
 * was done before it. */
static mls_err *flush(mls_registry *registry, apr_pool_t *pool)
{
    mls_json *request = mls_json_object(pool), *answer;

    mls_json_set_string(request, "op", "audit.flush");
    return mls_registry_ask(&answer, registry, request, pool);
}

mls_err *mls_audit_search(apr_array_header_t **out, const char **next,
                          mls_registry *registry,
                          const mls_audit_query *query, apr_pool_t *pool)
{
    mls_json *request = mls_audit_query_to_json(query, pool), *answer;

    *next = NULL;
    if (!query->cursor) {
        mls_err *err = flush(registry, pool);

        /* A full disk must not keep an Owner from searching. */
        if (err && err->code != MLS_ENOSPACE) {
            return err;
        }
    }
    mls_json_set_string(request, "op", "audit.search");
    MLS_TRY(mls_registry_ask(&answer, registry, request, pool));
    const mls_json *found = mls_json_get(answer, "records");

    *out = apr_array_make(pool, 64, sizeof(const mls_audit *));
    for (size_t i = 0; i < mls_json_length(found); i++) {
        mls_audit *one = apr_palloc(pool, sizeof(*one));

        MLS_TRY(mls_audit_from_json(one, mls_json_at(found, i), pool));
        APR_ARRAY_PUSH(*out, const mls_audit *) = one;
    }
    *next = apr_pstrdup(pool, mls_json_string(answer, "next"));
    return NULL;
}
