/* SPDX-License-Identifier: Apache-2.0 */
/* registry.h's calls on tokens, as requests to the owner. Issuing and
 * refreshing carry no request id: asked twice, the one leaves a family that
 * nobody uses, the other gives the same token again. */

#include "registry/registry.h"

#include <apr_strings.h>

#include "registry/records.h"
#include "registry/remote/registry_client.h"

static mls_json *request_for(const char *op, apr_pool_t *pool)
{
    mls_json *request = mls_json_object(pool);

    mls_json_set_string(request, "op", op);
    return request;
}

static void set(mls_json *json, const char *key, const char *text)
{
    if (text) {
        mls_json_set_string(json, key, text);
    }
}

static mls_err *ask_for_tokens(mls_tokens **out, mls_registry *registry,
                               mls_json *request,
                               const mls_token_request *wanted,
                               apr_pool_t *pool)
{
    mls_tokens *tokens = apr_pcalloc(pool, sizeof(*tokens));
    mls_json *answer;

    set(request, "audience", wanted->audience);
    set(request, "address", wanted->address);
    set(request, "agent", wanted->agent);
    mls_json_set_int(request, "accessLifetime", wanted->access_lifetime);
    mls_json_set_int(request, "refreshIdle", wanted->refresh_idle);
    mls_json_set_int(request, "refreshMaximum", wanted->refresh_maximum);
    MLS_TRY(mls_registry_ask(&answer, registry, request, pool));
    MLS_TRY(mls_json_need_string(&tokens->access, answer, "access", pool));
    MLS_TRY(mls_json_need_string(&tokens->refresh, answer, "refresh", pool));
    tokens->access = apr_pstrdup(pool, tokens->access);
    tokens->refresh = apr_pstrdup(pool, tokens->refresh);
    tokens->expires = mls_json_int(answer, "expires", 0);
    *out = tokens;
    return NULL;
}

mls_err *mls_token_issue(mls_tokens **out, mls_registry *registry,
                         const mls_token_request *request, apr_pool_t *pool)
{
    mls_json *json = request_for("token.issue", pool);

    MLS_TRY(mls_subject_check(&request->subject, pool));
    mls_json_set(json, "subject",
                 mls_subject_to_json(&request->subject, pool));
    return ask_for_tokens(out, registry, json, request, pool);
}

mls_err *mls_token_refresh(mls_tokens **out, mls_registry *registry,
                           const char *refresh,
                           const mls_token_request *request, apr_pool_t *pool)
{
    mls_json *json = request_for("token.refresh", pool);

    set(json, "refresh", refresh);
    return ask_for_tokens(out, registry, json, request, pool);
}

mls_err *mls_token_revoke(mls_registry *registry, const char *refresh,
                          apr_pool_t *pool)
{
    mls_json *json = request_for("token.revoke", pool);
    mls_json *answer;

    set(json, "refresh", refresh);
    return mls_registry_write(&answer, registry, json, pool);
}

mls_err *mls_token_revoke_subject(mls_registry *registry,
                                  const mls_subject *subject,
                                  apr_pool_t *pool)
{
    mls_json *json = request_for("subject.revoke", pool);
    mls_json *answer;

    MLS_TRY(mls_subject_check(subject, pool));
    mls_json_set(json, "subject", mls_subject_to_json(subject, pool));
    return mls_registry_write(&answer, registry, json, pool);
}
