/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/{name}/{version}: rows in, rows out.
 *
 * The path that counts: no lock, no system call but the connection's own, no
 * allocation per cell. Body, frame and answer live in memory that is borrowed
 * for the request and kept between requests. */

#include "api/api.h"

#include <string.h>

#include "http/reply.h"
#include "http/request.h"
#include "http/scratch.h"
#include "lifecycle/lifecycle.h"
#include "mlscore/mlscore.h"

APLOG_USE_MODULE(mlserver);

enum {
    SMALL = 64 * 1024,   /* a body that is likely to be here already */
    NAMED_ERRORS = 20    /* rows named in errorMessage */
};

/* What one call works with. */
typedef struct consume {
    request_rec *r;
    const mlh_call *call;
    const mlh_scoring *scoring;
    mlh_scratch *scratch;
    mlscore_context *context;
    int csv_in, csv_out;
} consume;

static mls_err *of_score(request_rec *r, const mlscore_error *error)
{
    int code = MLS_EOTHER;

    switch (error->status) {
    case MLSCORE_EINPUT:
    case MLSCORE_ELIMIT:
        code = MLS_EINVALID;
        break;
    case MLSCORE_ENOMEM:
        code = MLS_EBUSY;
        break;
    case MLSCORE_EIMAGE:
    case MLSCORE_EVERSION:
        code = MLS_ECORRUPT;
        break;
    default:
        break;
    }
    return mls_err_make(r->pool, code, NULL, "%s", error->message);
}

/* ---- the model ---- */

static mls_err *not_found(request_rec *r, const mlh_call *call)
{
    return mls_err_make(r->pool, MLS_ENOTFOUND, NULL,
                        "there is no service \"%s\" in version \"%s\"",
                        call->name, call->version);
}

/* Flags and generation of the version; 0 flags: unknown, or not asked. */
static mls_index_entry entry_of(const consume *c)
{
    mls_epochs *epochs = c->call->state->runtime->epochs;
    mls_index_entry entry;
    const int ticket = mls_epoch_enter(epochs);

    memset(&entry, 0, sizeof(entry));
    if (ticket >= 0) {
        mls_index_find(c->scoring->index, c->call->name,
                       strlen(c->call->name), c->call->version,
                       strlen(c->call->version), &entry);
        mls_epoch_leave(epochs, ticket);
    }
    return entry;
}

/* Before a long body is asked for: is there such a service? */
static mls_err *check_exists(const consume *c)
{
    mls_epochs *epochs = c->call->state->runtime->epochs;
    mls_index_entry entry;
    const int ticket = mls_epoch_enter(epochs);

    if (ticket < 0) {
        return NULL; /* asked again later */
    }
    const int found = mls_index_find(
        c->scoring->index, c->call->name, strlen(c->call->name),
        c->call->version, strlen(c->call->version), &entry);

    mls_epoch_leave(epochs, ticket);
    return found ? NULL : not_found(c->r, c->call);
}

static mls_err *find_model(const mlscore_model **model, const consume *c)
{
    mls_index_entry entry;
    mls_err *err = mls_model_cache_get(model, &entry, c->scoring->cache,
                                       c->call->name, c->call->version,
                                       c->r->pool);

    if (err && err->code == MLS_ENOTFOUND) {
        if (entry.flags & MLS_INDEX_STANDARD) { /* published a moment ago */
            return mls_err_make(c->r->pool, MLS_EUNAVAILABLE, NULL,
                                "the service has just become one of code; "
                                "call it again");
        }
        return not_found(c->r, c->call);
    }
    return err;
}

/* ---- rows in, rows out ---- */

static mls_err *read_rows(const consume *c)
{
    const mlscore_read_options options = {
        .max_rows = (size_t)c->call->config->max_rows,
    };
    const mlscore_buffer *in = &c->scratch->in;
    mlscore_frame *frame = mlscore_context_input(c->context);
    const char *bytes = in->bytes ? in->bytes : "";
    mlscore_error error;
    const mlscore_status status =
        c->csv_in ? mlscore_read_csv(frame, bytes, in->length, &options,
                                     &error)
                  : mlscore_read_json(frame, bytes, in->length, &options,
                                      &error);

    return status == MLSCORE_OK ? NULL : of_score(c->r, &error);
}

/* "row 3: ...; row 7: ...; and 5 more rows" */
static const char *row_messages(request_rec *r, const mlscore_frame *frame)
{
    const char *text = "";

    for (size_t i = 0; i < frame->row_error_count && i < NAMED_ERRORS; i++) {
        const mlscore_row_error *one = &frame->row_errors[i];

        text = apr_psprintf(r->pool, "%s%srow %" APR_SIZE_T_FMT ": %s", text,
                            i ? "; " : "", one->row, one->message);
    }
    if (frame->row_error_count > NAMED_ERRORS) {
        text = apr_psprintf(r->pool, "%s; and %" APR_SIZE_T_FMT " more rows",
                            text, frame->row_error_count - NAMED_ERRORS);
    }
    return text;
}

static mlscore_status append(mlscore_buffer *out, const char *text)
{
    return mlscore_buffer_append(out, text, strlen(text));
}

static mls_err *write_json(const consume *c, const mlscore_frame *frame)
{
    mlscore_buffer *out = &c->scratch->out;
    mlscore_error error = { .status = MLSCORE_ENOMEM,
                            .message = "not enough memory for the answer" };
    mlscore_status status = append(out,
                                   "{\"success\":true,\"errorMessage\":");

    if (status == MLSCORE_OK && !frame->row_error_count) {
        status = append(out, "\"\"");
    }
    else if (status == MLSCORE_OK) {
        const char *text = row_messages(c->r, frame);

        status = mlscore_write_json_string(out, text, strlen(text));
    }
    if (status == MLSCORE_OK) {
        status = append(out, ",\"outputParameters\":{\"outputData\":");
    }
    if (status == MLSCORE_OK) {
        status = mlscore_write_json(out, frame, &error);
    }
    if (status == MLSCORE_OK) {
        status = append(out, "},\"outputFiles\":{},\"consoleOutput\":\"\","
                             "\"changedFiles\":[]}");
    }
    return status == MLSCORE_OK ? NULL : of_score(c->r, &error);
}

static mls_err *write_csv(const consume *c, const mlscore_frame *frame)
{
    mlscore_error error;

    if (frame->row_error_count) { /* there is no other place for it */
        apr_table_setn(c->r->headers_out, "X-Row-Errors",
                       apr_psprintf(c->r->pool, "%" APR_SIZE_T_FMT,
                                    frame->row_error_count));
    }
    return mlscore_write_csv(&c->scratch->out, frame, &error) == MLSCORE_OK
               ? NULL
               : of_score(c->r, &error);
}

static mls_err *score_bound(consume *c)
{
    mlscore_error error;

    mlh_timing_stage(c->call->request, MLS_STAGE_WAIT);
    MLS_TRY(read_rows(c));
    mlh_timing_stage(c->call->request, MLS_STAGE_PARSE);
    const mlscore_status status = mlscore_score(c->context, &error);

    mlh_timing_stage(c->call->request, MLS_STAGE_RUN);
    if (status != MLSCORE_OK) {
        return of_score(c->r, &error);
    }
    const mlscore_frame *frame = mlscore_context_output(c->context);

    if (frame->row_error_count && frame->row_error_count >= frame->rows) {
        return mls_err_make(c->r->pool, MLS_EINVALID, NULL,
                            "the model refuses every row: %s",
                            row_messages(c->r, frame));
    }
    return c->csv_out ? write_csv(c, frame) : write_json(c, frame);
}

/* Inside an epoch: the model stays mapped until the answer is written. */
static mls_err *score(consume *c)
{
    const mlscore_model *model;
    mlscore_error error;

    MLS_TRY(find_model(&model, c));
    MLS_TRY(mls_model_cache_context(&c->context, c->scoring->cache,
                                    c->r->pool));
    mls_err *err = NULL;

    if (mlscore_context_bind(c->context, model, &error) != MLSCORE_OK) {
        err = of_score(c->r, &error);
    }
    else {
        err = score_bound(c);
    }
    mls_model_cache_return(c->scoring->cache, c->context);
    return err;
}

static mls_err *score_in_epoch(consume *c)
{
    mls_epochs *epochs = c->call->state->runtime->epochs;
    const int ticket = mls_epoch_enter(epochs);

    if (ticket < 0) {
        return mls_err_make(c->r->pool, MLS_EBUSY, NULL,
                            "too many requests at once");
    }
    mls_err *err = score(c);

    mls_epoch_leave(epochs, ticket);
    return err;
}

static mls_err *check_type(consume *c)
{
    c->csv_in = mlh_content_is(c->r, "text/csv");
    c->csv_out = mlh_accept_prefers(c->r, "text/csv");
    if (!c->csv_in && !mlh_content_is_json(c->r)) {
        return mls_err_make(c->r->pool, MLH_EMEDIA, NULL,
                            "this type of body is not read; send "
                            "Content-Type: application/json or text/csv");
    }
    return NULL;
}

static mls_err *consume_rows(consume *c)
{
    const char *length = apr_table_get(c->r->headers_in, "Content-Length");

    MLS_TRY(check_type(c));
    if (!length || apr_atoi64(length) > SMALL || c->r->expecting_100) {
        MLS_TRY(check_exists(c));
    }
    MLS_TRY(mlh_body_read(&c->scratch->in, c->r, c->call->config->max_body,
                          "body"));
    return score_in_epoch(c);
}

int mlh_consume(request_rec *r, const mlh_call *call)
{
    consume c = { .r = r, .call = call,
                  .scoring = mlh_scoring_of(call->state) };

    if (!c.scoring) {
        return mlh_reply_fail(r, MLS_EUNAVAILABLE, "the server is starting");
    }
    const mls_index_entry entry = entry_of(&c);

    mlh_timing_stage(call->request, MLS_STAGE_AUTHORISE);
    if (entry.flags) {
        mlh_timing_service(call->request, call->name, call->version);
    }
    if (entry.flags & MLS_INDEX_STANDARD) {
        return mlh_consume_code(r, call, entry.generation);
    }
    mlh_scratch_stack *stack = call->state->runtime->scratch;

    c.scratch = mlh_scratch_take(stack);
    if (!c.scratch) {
        return mlh_reply_fail(r, MLS_EBUSY, "too many requests at once");
    }
    mls_err *err = consume_rows(&c);
    const int result =
        err ? mlh_reply_error(r, err)
            : mlh_reply_bytes(r, HTTP_OK,
                              c.csv_out ? "text/csv; charset=utf-8"
                                        : "application/json; charset=utf-8",
                              c.scratch->out.bytes, c.scratch->out.length);

    mlh_scratch_return(stack, c.scratch);
    mlh_timing_stage(call->request, MLS_STAGE_WRITE);
    return result;
}
