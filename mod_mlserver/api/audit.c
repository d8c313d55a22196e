/* SPDX-License-Identifier: Apache-2.0 */
/* GET /admin/api/audit: search what the registry keeps of the audit; as JSON,
 * or as CSV for those who ask for it. */

#include "api/api.h"

#include <string.h>

#include "audit/audit.h"
#include "base/timefmt.h"
#include "http/reply.h"
#include "http/request.h"
#include "lifecycle/lifecycle.h"
#include "registry/audit_trail.h"

/* ---- the question ---- */

static mls_err *time_of(apr_time_t *out, request_rec *r, const char *name)
{
    const char *text = mlh_query(r, name);

    *out = 0;
    if (text && *text && !mls_time_parse(out, text)) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "\"%s\" must be a time such as "
                            "2024-05-06T07:08:09Z, not \"%s\"",
                            name, text);
    }
    return NULL;
}

static const char *word_of(request_rec *r, const char *name)
{
    const char *text = mlh_query(r, name);

    return text && *text ? text : NULL;
}

static mls_err *read_query(mls_audit_query *query, request_rec *r)
{
    *query = (mls_audit_query){
        .user = word_of(r, "user"),
        .service = word_of(r, "service"),
        .operation = word_of(r, "operation"),
        .outcome = word_of(r, "outcome"),
        .cursor = word_of(r, "cursor"),
    };
    if (query->outcome && strcmp(query->outcome, MLS_AUDIT_SUCCESS) != 0 &&
        strcmp(query->outcome, MLS_AUDIT_REFUSED) != 0 &&
        strcmp(query->outcome, MLS_AUDIT_FAILED) != 0) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "\"outcome\" is success, refused or failed, not "
                            "\"%s\"",
                            query->outcome);
    }
    MLS_TRY(time_of(&query->from, r, "from"));
    MLS_TRY(time_of(&query->to, r, "to"));
    return mlh_query_limit(&query->limit, r, MLS_AUDIT_PAGE_MAX);
}

/* ---- the answer ---- */

static int reply_json(request_rec *r, const apr_array_header_t *records,
                      const char *next)
{
    mls_json *answer = mls_json_object(r->pool);
    mls_json *items = mls_json_array(r->pool);

    for (int i = 0; i < records->nelts; i++) {
        mls_json_add(items,
                     mlh_audit_json(APR_ARRAY_IDX(records, i,
                                                  const mls_audit *),
                                    r->pool));
    }
    mls_json_set(answer, "items", items);
    mls_json_set_string(answer, "nextCursor", next);
    return mlh_reply_tree(r, HTTP_OK, answer);
}

/* RFC 4180. What a spreadsheet would take for a formula gets an apostrophe:
 * callers choose some of these texts. */
static const char *cell(const char *text, apr_pool_t *pool)
{
    if (!text) {
        return "";
    }
    char *out = apr_palloc(pool, strlen(text) * 2 + 4);
    char *to = out;

    *to++ = '"';
    if (*text && strchr("=+-@\t\r", *text)) {
        *to++ = '\'';
    }
    for (; *text; text++) {
        if (*text == '"') {
            *to++ = '"';
        }
        *to++ = *text;
    }
    *to++ = '"';
    *to = '\0';
    return out;
}

static const char *line_of(const mls_audit *record, apr_pool_t *pool)
{
    const char *texts[] = {
        record->request_id, record->subject.name, record->subject.provider,
        record->role,       record->address,      record->operation,
        record->target,     record->outcome,
    };
    const char *line = mls_time_rfc3339(record->time, pool);

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        line = apr_pstrcat(pool, line, ",", cell(texts[i], pool), NULL);
    }
    return apr_psprintf(pool, "%s,%d,%" APR_INT64_T_FMT ".%03d,%s", line,
                        record->status, record->duration / 1000,
                        (int)(record->duration % 1000),
                        cell(record->detail, pool));
}

static int reply_csv(request_rec *r, const apr_array_header_t *records,
                     const char *next)
{
    apr_array_header_t *lines =
        apr_array_make(r->pool, records->nelts + 2, sizeof(const char *));

    APR_ARRAY_PUSH(lines, const char *) =
        "time,requestId,user,provider,role,address,operation,target,outcome,"
        "status,durationMilliseconds,detail\r\n";
    for (int i = 0; i < records->nelts; i++) {
        APR_ARRAY_PUSH(lines, const char *) = apr_pstrcat(
            r->pool,
            line_of(APR_ARRAY_IDX(records, i, const mls_audit *), r->pool),
            "\r\n", NULL);
    }
    const char *text = apr_array_pstrcat(r->pool, lines, 0);

    if (next) {
        apr_table_setn(r->headers_out, "X-Next-Cursor", next);
    }
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    apr_table_setn(r->headers_out, "Cache-Control", "private, no-cache");
    return mlh_reply_bytes(r, HTTP_OK,
                           "text/csv; charset=utf-8; header=present", text,
                           strlen(text));
}

int mlh_audit(request_rec *r, const mlh_call *call)
{
    apr_array_header_t *records = NULL;
    mls_audit_query query;
    const char *next = NULL;
    mls_err *err = read_query(&query, r);

    if (!err) {
        err = mls_audit_search(&records, &next,
                               call->state->runtime->registry, &query,
                               r->pool);
    }
    if (err) {
        return mlh_reply_error(r, err);
    }
    return mlh_accept_prefers(r, "text/csv") ? reply_csv(r, records, next)
                                             : reply_json(r, records, next);
}
