/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: a runtime of its own for each, private to its user. */

#include "daemon/pool/pool_private.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/hash.h"
#include "base/ident.h"

static const char *text_or(const char *text, const char *otherwise)
{
    return text ? text : otherwise;
}

static int is_owner(const pool_runtime *runtime, const mls_json *json)
{
    const char *provider = text_or(mls_json_string(json, "provider"), "");
    const char *user = text_or(mls_json_string(json, "user"), "");

    return strcmp(runtime->provider, provider) == 0 &&
           strcmp(runtime->user, user) == 0;
}

/* A session of somebody else is as if it were not there. */
static pool_runtime *session_find(mls_pool *pool, const mls_json *json,
                                  int anybody)
{
    const char *id = text_or(mls_json_string(json, "id"), "");

    for (pool_runtime *r = pool->runtimes; r; r = r->next) {
        if (r->session && strcmp(r->session, id) == 0 &&
            (anybody || is_owner(r, json))) {
            return r;
        }
    }
    return NULL;
}

static void answer_ok(mls_pool *pool, pool_request *request)
{
    mls_json *answer = mls_json_object(request->pool);

    mls_json_set_bool(answer, "ok", 1);
    pool_answer(request, answer);
    pool_request_end(pool, request);
}

static void refuse(mls_pool *pool, pool_request *request, const char *code,
                   const char *message)
{
    pool_answer_error(request, code, message);
    pool_request_end(pool, request);
}

/* ---- create ---- */

/* Those of the caller, or (`json` NULL) of everybody. */
static int count_sessions(const mls_pool *pool, const mls_json *json)
{
    int count = 0;

    for (const pool_runtime *r = pool->runtimes; r; r = r->next) {
        count += r->session && (!json || is_owner(r, json));
    }
    return count;
}

/* NULL, or why there may not be one more. */
static const char *too_many(const mls_pool *pool, const mls_json *json,
                            apr_pool_t *scratch)
{
    const mls_pool_limits *limits = pool->config.limits;

    if (limits->sessions && count_sessions(pool, json) >= limits->sessions) {
        return apr_psprintf(scratch,
                            "you have %ld sessions, as many as are allowed; "
                            "close one first", (long)limits->sessions);
    }
    if (limits->sessions_total
        && count_sessions(pool, NULL) >= limits->sessions_total) {
        return apr_psprintf(scratch,
                            "there are %ld sessions, as many as are allowed; "
                            "try again later", (long)limits->sessions_total);
    }
    return NULL;
}

static mls_err *start_session(pool_runtime **out, mls_pool *pool,
                              const mls_json *json, apr_pool_t *scratch)
{
    mls_pool_definition definition;
    const char *id;

    memset(&definition, 0, sizeof(definition));
    definition.runtime = mls_json_string(json, "runtime");
    definition.snapshot = mls_json_string(json, "snapshot");
    definition.network = (int)pool->config.limits->session_network;
    MLS_TRY(mls_guid_make(&id, scratch));
    MLS_TRY(pool_runtime_start(out, pool, &definition, scratch));
    pool_runtime *made = *out;
    made->session = apr_pstrdup(made->pool, id);
    made->name =
        apr_pstrdup(made->pool, text_or(mls_json_string(json, "name"), ""));
    made->provider = apr_pstrdup(
        made->pool, text_or(mls_json_string(json, "provider"), ""));
    made->user =
        apr_pstrdup(made->pool, text_or(mls_json_string(json, "user"), ""));
    return NULL;
}

static void create(mls_pool *pool, pool_request *request,
                   const mls_json *json)
{
    pool_runtime *made;

    const char *reason = too_many(pool, json, request->pool);
    if (reason) {
        refuse(pool, request, "busy", reason);
        return;
    }
    mls_err *err = start_session(&made, pool, json, request->pool);
    if (err) {
        refuse(pool, request,
               err->code == MLS_EINVALID ? "invalid" : "unavailable",
               mls_err_text(err, request->pool));
        return;
    }
    request->session = made;
}

void pool_session_ready(mls_pool *pool, pool_runtime *runtime,
                        const char *failure)
{
    for (pool_request *q = pool->requests; q; q = q->next) {
        if (q->session != runtime) {
            continue;
        }
        q->session = NULL;
        if (failure) {
            refuse(pool, q, "unavailable",
                   apr_psprintf(q->pool, "the session could not start: %s",
                                failure));
            return;
        }
        mls_json *answer = mls_json_object(q->pool);
        mls_json_set_bool(answer, "ok", 1);
        mls_json_set_string(answer, "id", runtime->session);
        pool_answer(q, answer);
        pool_request_end(pool, q);
        return;
    }
}

/* ---- list, end ---- */

/* A session that is measured while it works says so; one that was given
 * something since then is taken to work on it. */
static const char *state_of(const pool_runtime *runtime)
{
    if (runtime->state >= RUNTIME_RETIRED) {
        return "down";
    }
    return runtime->state < RUNTIME_READY || runtime->executing ? "busy"
                                                                : "idle";
}

static mls_json *describe(const pool_runtime *runtime, apr_pool_t *pool)
{
    mls_json *json = mls_json_object(pool);

    mls_json_set_string(json, "id", runtime->session);
    mls_json_set_string(json, "name", runtime->name);
    mls_json_set_string(json, "owner", runtime->user);
    mls_json_set_string(json, "provider", runtime->provider);
    mls_json_set_string(json, "state", state_of(runtime));
    mls_json_set_string(json, "runtimeType", runtime->interpreter->name);
    mls_json_set_string(json, "runtimeVersion", runtime->version);
    mls_json_set_int(json, "memory", runtime->memory);
    mls_json_set_int(json, "disk", runtime->disk);
    mls_json_set_int(json, "started", apr_time_sec(runtime->started));
    mls_json_set_int(json, "used", apr_time_sec(runtime->used));
    return json;
}

static void list(mls_pool *pool, pool_request *request, const mls_json *json)
{
    mls_json *answer = mls_json_object(request->pool);
    mls_json *sessions = mls_json_array(request->pool);
    int all = mls_json_bool(json, "all", 0);

    for (const pool_runtime *r = pool->runtimes; r; r = r->next) {
        if (r->session && (all || is_owner(r, json))) {
            mls_json_add(sessions, describe(r, request->pool));
        }
    }
    mls_json_set_bool(answer, "ok", 1);
    mls_json_set(answer, "sessions", sessions);
    pool_answer(request, answer);
    pool_request_end(pool, request);
}

static void interrupt(pool_runtime *runtime, apr_pool_t *scratch)
{
    mls_json *message = mls_json_object(scratch);

    mls_json_set_string(message, "op", "interrupt");
    pool_send(runtime->control, message, NULL, 0, scratch);
}

/* ---- operations ---- */

/* The runtime answers on the stream; the connection only tells the child that
 * the request was passed on. */
static void pass_on(mls_pool *pool, pool_request *request,
                    pool_runtime *session, const mls_json *json)
{
    mls_json *message = mls_json_object(request->pool);
    int fds[2] = {request->stream, request->file};
    mls_json *operation = mls_json_get(json, "request");

    if (!operation || request->stream < 0) {
        refuse(pool, request, "invalid",
               "a session operation needs a request and a stream");
        return;
    }
    mls_json_set_string(message, "op", "session");
    mls_json_set(message, "request", operation);
    if (pool_send(session->control, message, fds, request->file >= 0 ? 2 : 1,
                  request->pool)) {
        refuse(pool, request, "busy",
               "the session has too many operations waiting");
        return;
    }
    session->used = apr_time_now();
    session->executing = 1; /* until it is measured */
    answer_ok(pool, request);
}

/* A snapshot's bytes for a child that has looked its record up. */
static void fetch(mls_pool *pool, pool_request *request, const mls_json *json)
{
    mls_json *answer = mls_json_object(request->pool);
    int fd;
    mls_err *err = pool_open_blob(&fd, pool,
                                  text_or(mls_json_string(json, "blob"), ""),
                                  request->pool);

    if (err) {
        refuse(pool, request, "notfound", err->message);
        return;
    }
    mls_json_set_bool(answer, "ok", 1);
    pool_send(request->connection, answer, &fd, 1, request->pool);
    close(fd);
    pool_request_end(pool, request);
}

void pool_session_request(mls_pool *pool, pool_request *request,
                          const char *operation, const mls_json *json)
{
    int any = mls_json_bool(json, "all", 0);

    if (strcmp(operation, "session.create") == 0) {
        create(pool, request, json);
        return;
    }
    if (strcmp(operation, "session.list") == 0) {
        list(pool, request, json);
        return;
    }
    if (strcmp(operation, "session.fetch") == 0) {
        fetch(pool, request, json);
        return;
    }
    int ending = strcmp(operation, "session.close") == 0;
    pool_runtime *session = session_find(pool, json, ending && any);
    if (!session || session->state >= RUNTIME_RETIRED) {
        refuse(pool, request, "notfound", "there is no such session");
    }
    else if (ending) {
        pool_runtime_end(pool, session, NULL);
        answer_ok(pool, request);
    }
    else if (strcmp(operation, "session.cancel") == 0) {
        interrupt(session, request->pool);
        answer_ok(pool, request);
    }
    else if (strcmp(operation, "session.do") == 0) {
        pass_on(pool, request, session, json);
    }
    else {
        refuse(pool, request, "invalid", "there is no such operation");
    }
}

void pool_session_tick(mls_pool *pool, apr_time_t now)
{
    pool_runtime *next;

    for (pool_runtime *r = pool->runtimes; r; r = next) {
        next = r->next;
        if (r->session && r->used
            + apr_time_from_sec(pool->config.limits->session_idle) < now) {
            pool_runtime_end(pool, r, "it was idle too long");
        }
    }
}
