/* SPDX-License-Identifier: Apache-2.0 */
/* GET /admin/api/sessions: everybody's sessions, their size and age but not
 * what is in them. DELETE /admin/api/sessions/{id} ends one. For Owners. */

#include "api/api.h"

#include <stdlib.h>
#include <string.h>

#include "api/code.h"
#include "base/timefmt.h"
#include "http/reply.h"
#include "http/request.h"

enum { LIMIT = 100, MOST = 1000, WAIT = 10000 /* ms */ };

static mls_err *ask(mls_json **answer, request_rec *r, const mlh_call *call,
                    const char *operation, const char *id)
{
    mls_json *request = mls_json_object(r->pool);
    mls_pool_client *pool;
    mls_pool_call one;

    mls_json_set_string(request, "op", operation);
    mls_json_set_bool(request, "all", 1);
    if (id) {
        mls_json_set_string(request, "id", id);
    }
    MLS_TRY(mlh_code_pool(&pool, r, call));
    mlh_code_call(&one, r, call, WAIT);
    return mls_session_control(answer, pool, &one, request, r->pool);
}

/* ---- list ---- */

/* In the order of their ids, so that a page begins after the last one. */
static int compare_ids(const void *left, const void *right)
{
    return strcmp(mls_json_string(*(mls_json *const *)left, "id"),
                  mls_json_string(*(mls_json *const *)right, "id"));
}

static mls_json **sorted(size_t *count, const mls_json *sessions,
                         apr_pool_t *pool)
{
    mls_json **list = apr_palloc(
        pool, (mls_json_length(sessions) + 1) * sizeof(*list));

    *count = 0;
    for (size_t i = 0; i < mls_json_length(sessions); i++) {
        mls_json *one = mls_json_at(sessions, i);

        if (mls_json_string(one, "id")) {
            list[(*count)++] = one;
        }
    }
    qsort(list, *count, sizeof(*list), compare_ids);
    return list;
}

static const char *time_of(const mls_json *session, const char *key,
                           apr_pool_t *pool)
{
    return mls_time_rfc3339(
        apr_time_from_sec(mls_json_int(session, key, 0)), pool);
}

/* 0: not measured yet. */
static void set_bytes(mls_json *item, const char *key, int64_t bytes)
{
    if (bytes > 0) {
        mls_json_set_int(item, key, bytes);
    }
    else {
        mls_json_set(item, key, NULL);
    }
}

static mls_json *item_of(const mls_json *session, apr_pool_t *pool)
{
    mls_json *item = mls_json_object(pool);

    mls_json_set_string(item, "id", mls_json_string(session, "id"));
    mls_json_set_string(item, "user", mls_json_string(session, "owner"));
    mls_json_set_string(item, "provider",
                        mls_json_string(session, "provider"));
    mls_json_set_string(item, "name", mls_json_string(session, "name"));
    mls_json_set_string(item, "runtimeType",
                        mls_json_string(session, "runtimeType"));
    mls_json_set_string(item, "state", mls_json_string(session, "state"));
    mls_json_set_string(item, "createdAt", time_of(session, "started", pool));
    mls_json_set_string(item, "lastUsedAt", time_of(session, "used", pool));
    set_bytes(item, "memoryBytes", mls_json_int(session, "memory", 0));
    set_bytes(item, "diskBytes", mls_json_int(session, "disk", 0));
    return item;
}

static mls_err *limit_asked(size_t *limit, request_rec *r)
{
    const char *text = mlh_query(r, "limit");
    char *end = NULL;
    const apr_int64_t number = text ? apr_strtoi64(text, &end, 10) : LIMIT;

    if ((text && (*end || !*text)) || number < 1 || number > MOST) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "limit must be a whole number from 1 to %d",
                            MOST);
    }
    *limit = (size_t)number;
    return NULL;
}

static mls_err *list(mls_json **out, request_rec *r, const mlh_call *call)
{
    const char *cursor = mlh_query(r, "cursor");
    mls_json *items = mls_json_array(r->pool);
    mls_json *page = mls_json_object(r->pool);
    mls_json *answer = NULL;
    const char *next = NULL;
    size_t limit = LIMIT, count = 0;

    MLS_TRY(limit_asked(&limit, r));
    MLS_TRY(ask(&answer, r, call, "session.list", NULL));
    mls_json **sessions =
        sorted(&count, mls_json_get(answer, "sessions"), r->pool);

    for (size_t i = 0; i < count && !next; i++) {
        const char *id = mls_json_string(sessions[i], "id");

        if (cursor && strcmp(id, cursor) <= 0) {
            continue;
        }
        mls_json_add(items, item_of(sessions[i], r->pool));
        if (mls_json_length(items) == limit && i + 1 < count) {
            next = id;
        }
    }
    mls_json_set(page, "items", items);
    mls_json_set_string(page, "nextCursor", next);
    *out = page;
    return NULL;
}

int mlh_all_sessions_list(request_rec *r, const mlh_call *call)
{
    mls_json *page = NULL;
    mls_err *err = list(&page, r, call);

    return err ? mlh_reply_error(r, err) : mlh_reply_tree(r, HTTP_OK, page);
}

/* ---- end ---- */

int mlh_any_session_close(request_rec *r, const mlh_call *call)
{
    mls_json *answer = NULL;
    mls_err *err = ask(&answer, r, call, "session.close", call->name);

    return err ? mlh_reply_error(r, err)
               : mlh_reply_empty(r, HTTP_NO_CONTENT);
}
