/* SPDX-License-Identifier: Apache-2.0 */
/* From a request that is over to a record, and to the line of the log. */

#include "audit/audit_private.h"

#include <signal.h>
#include <string.h>

#include "auth/auth.h"
#include "base/json.h"
#include "base/timefmt.h"
#include "http/routes.h"

enum {
    DETAIL_MOST = 1000,
    TARGET_MOST = 512,
    USER_MOST = 512,
    SHORTEST = 16 /* of a text that is cut */
};

static mlh_audit_note *note_of(request_rec *r)
{
    mlh_request *request = mlh_request_of(r);

    if (!request) {
        return NULL;
    }
    if (!request->audit) {
        request->audit = apr_pcalloc(r->pool, sizeof(*request->audit));
    }
    return request->audit;
}

/* The first bytes of a text, no character of UTF-8 in halves. */
static const char *cut(const char *text, size_t most, apr_pool_t *pool)
{
    size_t length = text ? strlen(text) : 0;

    if (length <= most) {
        return text;
    }
    length = most;
    while (length && ((unsigned char)text[length] & 0xc0) == 0x80) {
        length--;
    }
    return apr_pstrmemdup(pool, text, length);
}

void mlh_audit_target(request_rec *r, const char *target)
{
    mlh_audit_note *note = note_of(r);

    if (note && target) {
        note->target = apr_pstrdup(r->pool, target);
    }
}

void mlh_audit_detail(request_rec *r, const char *format, ...)
{
    mlh_audit_note *note = note_of(r);
    va_list arguments;

    if (note) {
        va_start(arguments, format);
        note->detail = apr_pvsprintf(r->pool, format, arguments);
        va_end(arguments);
    }
}

void mlh_audit_subject(request_rec *r, const mls_subject *subject,
                       const char *role)
{
    mlh_audit_note *note = note_of(r);

    if (note) {
        note->subject.provider = apr_pstrdup(r->pool, subject->provider);
        note->subject.name = apr_pstrdup(r->pool, subject->name);
        note->role = apr_pstrdup(r->pool, role);
    }
}

/* ---- the record ---- */

static int is_refusal(int status)
{
    return status == HTTP_UNAUTHORIZED || status == HTTP_FORBIDDEN ||
           status == HTTP_TOO_MANY_REQUESTS;
}

int mlh_audit_wanted(const request_rec *r, const mlh_request *request)
{
    const mlh_route *route = request->route;

    if (is_refusal(r->status)) {
        return 1;
    }
    return route && strcmp(route->method, "GET") != 0 &&
           route->permission != MLS_PERMIT_CONSUME;
}

/* Does the route lead to a service? */
static int is_of_service(const mlh_route *route)
{
    return strstr(route->path, "/{name}") != NULL;
}

static void fill_target(mls_audit *record, request_rec *r,
                        const mlh_request *request)
{
    const char *name = request->parameters[0];
    const char *version = request->parameters[1];

    record->target = request->path + (request->path[1] != '\0');
    if (request->route && name && is_of_service(request->route)) {
        record->service = name;
        record->target =
            version ? apr_pstrcat(r->pool, name, "/", version, NULL) : name;
    }
    if (request->audit && request->audit->target) {
        record->target = request->audit->target;
    }
}

static void fill_subject(mls_audit *record, const mlh_request *request)
{
    const mlh_identity *caller = &request->identity;

    if (caller->subject.name) {
        record->subject = caller->subject;
        record->role = mls_role_name(caller->role);
    }
    else if (request->audit && request->audit->subject.name) {
        record->subject = request->audit->subject;
        record->role = request->audit->role;
    }
}

void mlh_audit_fill(mls_audit *record, request_rec *r,
                    const mlh_request *request)
{
    *record = (mls_audit){
        .time = r->request_time,
        .request_id = request->id,
        .address = r->useragent_ip,
        .operation = request->route ? request->route->operation : NULL,
        .status = r->status,
        .duration = apr_time_now() - r->request_time,
        .outcome = is_refusal(r->status) ? MLS_AUDIT_REFUSED
                   : r->status < 400     ? MLS_AUDIT_SUCCESS
                                         : MLS_AUDIT_FAILED,
    };
    fill_subject(record, request);
    fill_target(record, r, request);
    record->detail = request->audit && request->audit->detail
                         ? request->audit->detail
                         : request->error;
    record->detail = cut(record->detail, DETAIL_MOST, r->pool);
    record->target = cut(record->target, TARGET_MOST, r->pool);
    record->subject.name = cut(record->subject.name, USER_MOST, r->pool);
}

/* A child of prefork ends where SIGTERM meets it: not between taking a record
 * and having it written, and never inside a lock that its end needs. */
void mlh_audit_request(request_rec *r)
{
    const mlh_request *request = mlh_request_of(r);
    sigset_t stop, before;
    mls_audit record;

    if (!request || !mlh_audit_wanted(r, request)) {
        return;
    }
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stop, &before);
    mlh_audit_fill(&record, r, request);
    mlh_audit_log(r, request->server, &record);
    mlh_audit_send(r, request->state, &record);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- the line ---- */

/* JSON lets DEL, the C1 controls and the Unicode line ends stand; a terminal
 * or a tool that reads lines may not. */
static const char *escape(const char *text, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, strlen(text) * 3 + 2);
    char *to = out;

    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at == 0x7f) {
            memcpy(to, "\\u007f", 6);
            to += 6;
        }
        else if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f) {
            to += apr_snprintf(to, 7, "\\u00%02x", at[1]);
            at++;
        }
        else if (at[0] == 0xe2 && at[1] == 0x80 &&
                 (at[2] == 0xa8 || at[2] == 0xa9)) {
            to += apr_snprintf(to, 7, "\\u20%02x", at[2] - 0x80);
            at += 2;
        }
        else {
            *to++ = (char)*at;
        }
    }
    *to = '\0';
    return out;
}

mls_json *mlh_audit_json(const mls_audit *record, apr_pool_t *pool)
{
    mls_json *json = mls_json_object(pool);

    mls_json_set_string(json, "time", mls_time_rfc3339(record->time, pool));
    mls_json_set_string(json, "requestId", record->request_id);
    mls_json_set_string(json, "user", record->subject.name);
    mls_json_set_string(json, "provider", record->subject.provider);
    mls_json_set_string(json, "role", record->role);
    mls_json_set_string(json, "address", record->address);
    mls_json_set_string(json, "operation", record->operation);
    mls_json_set_string(json, "target", record->target);
    mls_json_set_string(json, "outcome", record->outcome);
    mls_json_set_int(json, "status", record->status);
    mls_json_set_double(json, "durationMilliseconds",
                        (double)record->duration / 1000);
    mls_json_set_string(json, "detail", record->detail);
    return json;
}

static const char *line_of(const mls_audit *record, apr_pool_t *pool)
{
    const char *text = mls_json_text(mlh_audit_json(record, pool), pool);

    return apr_pstrcat(pool, escape(text, pool), "\n", NULL);
}

static const char *halve(const char *text, apr_pool_t *pool)
{
    const size_t length = text ? strlen(text) : 0;

    return length > SHORTEST ? cut(text, length / 2, pool) : text;
}

const char *mlh_audit_line(const mls_audit *record, size_t most,
                           apr_pool_t *pool)
{
    mls_audit shorter = *record;
    const char *line = line_of(&shorter, pool);

    while (strlen(line) > most) {
        shorter.detail = halve(shorter.detail, pool);
        shorter.target = halve(shorter.target, pool);
        shorter.subject.name = halve(shorter.subject.name, pool);
        line = line_of(&shorter, pool);
    }
    return line;
}
