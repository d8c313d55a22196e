/* SPDX-License-Identifier: Apache-2.0 */
/* GET and DELETE /admin/api/tokens, DELETE /admin/api/tokens/{id}: who is
 * logged in, from where, and an end to it. One row is one login: the access
 * and refresh tokens that descend from it. Everybody sees their own; Owners
 * everybody's. */

#include "api/api.h"

#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "auth/auth.h"
#include "base/ident.h"
#include "base/timefmt.h"
#include "http/reply.h"
#include "http/request.h"
#include "http/routes.h"
#include "lifecycle/lifecycle.h"
#include "registry/records.h"

enum { PAGE_MAX = 1000 };

/* ---- whose ---- */

/* Does "name" or "provider:name" mean the caller? */
static int is_caller(const mlh_call *call, const char *user,
                     apr_pool_t *pool)
{
    const mls_subject *caller = &call->caller->subject;

    return !strcmp(user, caller->name) ||
           !strcmp(user, apr_pstrcat(pool, caller->provider, ":",
                                     caller->name, NULL));
}

static int may_all(const mlh_call *call)
{
    return mlh_permits(call->config, call->caller->role,
                       call->route->permission, 0);
}

static mls_err *forbidden(apr_pool_t *pool)
{
    return mls_err_make(pool, MLS_EFORBIDDEN, NULL,
                        "only Owners see and revoke the tokens of others");
}

/* ---- listing ---- */

static mls_json *item_of(const mls_family *family, const char *current,
                         apr_pool_t *pool)
{
    mls_json *item = mls_json_object(pool);

    mls_json_set_string(item, "id", family->id);
    mls_json_set_string(item, "user", family->subject.name);
    mls_json_set_string(item, "provider", family->subject.provider);
    mls_json_set_string(item, "createdAt",
                        mls_time_rfc3339(family->created, pool));
    mls_json_set_string(item, "lastUsedAt",
                        mls_time_rfc3339(family->used, pool));
    mls_json_set_string(item, "expiresAt",
                        mls_time_rfc3339(family->expires, pool));
    mls_json_set_string(item, "address", family->address);
    mls_json_set_string(item, "userAgent", family->agent);
    mls_json_set_bool(item, "current",
                      current && !strcmp(current, family->id));
    return item;
}

static int by_use(const void *left, const void *right)
{
    const mls_family *one = *(const mls_family *const *)left;
    const mls_family *other = *(const mls_family *const *)right;

    return one->used > other->used ? -1 : one->used < other->used;
}

static int reply_list(request_rec *r, const mlh_call *call,
                      apr_array_header_t *found, const char *next)
{
    const mlh_identity *caller = call->caller;
    const char *current =
        caller->is_bearer
            ? mls_hex(caller->family, sizeof(caller->family), r->pool)
            : NULL;
    mls_json *answer = mls_json_object(r->pool);
    mls_json *items = mls_json_array(r->pool);

    qsort(found->elts, (size_t)found->nelts, (size_t)found->elt_size,
          by_use);
    for (int i = 0; i < found->nelts; i++) {
        mls_json_add(items,
                     item_of(APR_ARRAY_IDX(found, i, const mls_family *),
                             current, r->pool));
    }
    mls_json_set(answer, "items", items);
    mls_json_set_string(answer, "nextCursor", next);
    return mlh_reply_tree(r, HTTP_OK, answer);
}

/* Own tokens, unless all are asked for or a user is named. */
static mls_err *read_query(mls_token_query *query, request_rec *r,
                           const mlh_call *call)
{
    const char *all = mlh_query(r, "all");
    const char *user = mlh_query(r, "user");

    *query = (mls_token_query){ .cursor = mlh_query(r, "cursor") };
    MLS_TRY(mlh_query_limit(&query->limit, r, PAGE_MAX));
    if (all && strcmp(all, "true") != 0 && strcmp(all, "false") != 0) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "\"all\" is true or false, not \"%s\"", all);
    }
    const int wants_all = all && !strcmp(all, "true");

    if (!may_all(call)) {
        if (wants_all ||
            (user && *user && !is_caller(call, user, r->pool))) {
            return forbidden(r->pool);
        }
        query->subject = &call->caller->subject;
    }
    else if (user && *user) {
        query->user = user;
    }
    else if (!wants_all) {
        query->subject = &call->caller->subject;
    }
    return NULL;
}

int mlh_tokens_list(request_rec *r, const mlh_call *call)
{
    apr_array_header_t *found = NULL;
    const char *next = NULL;
    mls_token_query query;
    mls_err *err = read_query(&query, r, call);

    if (!err) {
        err = mls_token_list(&found, &next, call->state->runtime->registry,
                             &query, r->pool);
    }
    return err ? mlh_reply_error(r, err) : reply_list(r, call, found, next);
}

/* ---- revoking ---- */

static void describe(request_rec *r, const mls_subject *whose)
{
    if (whose->name) {
        mlh_audit_detail(r, "of %s:%s", whose->provider, whose->name);
    }
}

int mlh_token_revoke(request_rec *r, const mlh_call *call)
{
    const mls_subject *own = may_all(call) ? NULL : &call->caller->subject;
    mls_subject whose = { NULL, NULL };
    mls_err *err =
        mls_token_revoke_family(&whose, call->state->runtime->registry,
                                call->name, own, r->pool);

    if (err && err->code == MLS_ENOTFOUND) {
        return mlh_reply_fail(r, MLS_ENOTFOUND,
                              "there is no login with this id%s",
                              own ? " of yours" : "");
    }
    if (err) {
        return mlh_reply_error(r, err);
    }
    describe(r, &whose);
    return mlh_reply_empty(r, HTTP_NO_CONTENT);
}

static int is_known(const apr_array_header_t *subjects,
                    const mls_subject *subject)
{
    for (int i = 0; i < subjects->nelts; i++) {
        if (mls_subject_same(&APR_ARRAY_IDX(subjects, i, mls_subject),
                             subject)) {
            return 1;
        }
    }
    return 0;
}

/* Everybody who is meant by a name and has tokens: it may be known to several
 * providers. */
static mls_err *subjects_of(apr_array_header_t *subjects, request_rec *r,
                            const mlh_call *call, const char *user)
{
    mls_token_query query = { .user = user };

    do {
        apr_array_header_t *found;

        MLS_TRY(mls_token_list(&found, &query.cursor,
                               call->state->runtime->registry, &query,
                               r->pool));
        for (int i = 0; i < found->nelts; i++) {
            const mls_family *family =
                APR_ARRAY_IDX(found, i, const mls_family *);

            if (!is_known(subjects, &family->subject)) {
                APR_ARRAY_PUSH(subjects, mls_subject) = family->subject;
            }
        }
    } while (query.cursor);
    return NULL;
}

static mls_err *revoke_all(apr_array_header_t *subjects, request_rec *r,
                           const mlh_call *call)
{
    const char *names = "of";

    for (int i = 0; i < subjects->nelts; i++) {
        const mls_subject *one = &APR_ARRAY_IDX(subjects, i, mls_subject);

        MLS_TRY(mls_token_revoke_subject(call->state->runtime->registry, one,
                                         r->pool));
        names = apr_pstrcat(r->pool, names, i ? ", " : " ", one->provider,
                            ":", one->name, NULL);
    }
    mlh_audit_detail(r, "%s", subjects->nelts ? names : "nobody has any");
    return NULL;
}

int mlh_tokens_revoke(request_rec *r, const mlh_call *call)
{
    const char *user = mlh_query(r, "user");
    apr_array_header_t *subjects =
        apr_array_make(r->pool, 2, sizeof(mls_subject));
    mls_err *err = NULL;

    if (!user || !*user) {
        return mlh_reply_fail(r, MLS_EINVALID,
                              "the query parameter user is missing: whose "
                              "tokens?");
    }
    mlh_audit_target(r, apr_pstrcat(r->pool, "user ", user, NULL));
    if (may_all(call)) {
        err = subjects_of(subjects, r, call, user);
    }
    else if (is_caller(call, user, r->pool)) {
        APR_ARRAY_PUSH(subjects, mls_subject) = call->caller->subject;
    }
    else {
        err = forbidden(r->pool);
    }
    if (!err) {
        err = revoke_all(subjects, r, call);
    }
    return err ? mlh_reply_error(r, err)
               : mlh_reply_empty(r, HTTP_NO_CONTENT);
}
