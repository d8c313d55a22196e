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

/* The answer tells the subject even when it is a refusal. */
static mls_err *read_subject(mls_subject *out, const mls_json *answer,
                             apr_pool_t *pool)
{
    const mls_json *subject = mls_json_get(answer, "subject");

    *out = (mls_subject){ NULL, NULL };
    return subject ? mls_subject_from_json(out, subject, pool) : NULL;
}

static mls_err *ask_for_tokens(mls_tokens **out, mls_registry *registry,
                               mls_json *request,
                               const mls_token_request *wanted,
                               apr_pool_t *pool)
{
    mls_tokens *tokens = apr_pcalloc(pool, sizeof(*tokens));
    mls_json *answer = NULL;

    *out = tokens;
    set(request, "audience", wanted->audience);
    set(request, "address", wanted->address);
    set(request, "agent", wanted->agent);
    mls_json_set_int(request, "accessLifetime", wanted->access_lifetime);
    mls_json_set_int(request, "refreshIdle", wanted->refresh_idle);
    mls_json_set_int(request, "refreshMaximum", wanted->refresh_maximum);
    mls_err *err = mls_registry_ask(&answer, registry, request, pool);
    mls_err *told = read_subject(&tokens->subject, answer, pool);

    MLS_TRY(err ? err : told);
    MLS_TRY(mls_json_need_string(&tokens->access, answer, "access", pool));
    MLS_TRY(mls_json_need_string(&tokens->refresh, answer, "refresh", pool));
    tokens->access = apr_pstrdup(pool, tokens->access);
    tokens->refresh = apr_pstrdup(pool, tokens->refresh);
    tokens->expires = mls_json_int(answer, "expires", 0);
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

static mls_err *ask_to_revoke(mls_subject *whose, mls_registry *registry,
                              mls_json *request, apr_pool_t *pool)
{
    mls_json *answer;

    MLS_TRY(mls_registry_write(&answer, registry, request, pool));
    return whose ? read_subject(whose, answer, pool) : NULL;
}

mls_err *mls_token_revoke(mls_subject *whose, mls_registry *registry,
                          const char *refresh, apr_pool_t *pool)
{
    mls_json *json = request_for("token.revoke", pool);

    set(json, "refresh", refresh);
    return ask_to_revoke(whose, registry, json, pool);
}

mls_err *mls_token_revoke_family(mls_subject *whose, mls_registry *registry,
                                 const char *family,
                                 const mls_subject *subject,
                                 apr_pool_t *pool)
{
    mls_json *json = request_for("token.revoke_family", pool);

    set(json, "family", family);
    if (subject) {
        mls_json_set(json, "subject", mls_subject_to_json(subject, pool));
    }
    return ask_to_revoke(whose, registry, json, pool);
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

mls_err *mls_token_list(apr_array_header_t **out, const char **next,
                        mls_registry *registry, const mls_token_query *query,
                        apr_pool_t *pool)
{
    mls_json *json = request_for("token.list", pool), *answer;

    if (query->subject) {
        mls_json_set(json, "subject",
                     mls_subject_to_json(query->subject, pool));
    }
    set(json, "user", query->user);
    set(json, "after", query->cursor);
    if (query->limit) {
        mls_json_set_int(json, "limit", query->limit);
    }
    MLS_TRY(mls_registry_ask(&answer, registry, json, pool));
    const mls_json *found = mls_json_get(answer, "families");

    *out = apr_array_make(pool, 8, sizeof(const mls_family *));
    for (size_t i = 0; i < mls_json_length(found); i++) {
        mls_family *one;

        MLS_TRY(mls_family_from_json(&one, mls_json_at(found, i), pool));
        APR_ARRAY_PUSH(*out, const mls_family *) = one;
    }
    *next = apr_pstrdup(pool, mls_json_string(answer, "next"));
    return NULL;
}
