/* SPDX-License-Identifier: Apache-2.0 */
/* Keep the connection after an error that we answer ourselves.
 *
 * httpd closes it after 400, 413, 500, 501 and 503 whoever answers, since its
 * own errors of these kinds leave the input in an unknown state. Ours do not:
 * the body was read, or mlh_body_discard has decided to close. So for these
 * answers the request's filter that writes the header is exchanged for one
 * that decides on keeping the connection as if the status were 404. The status
 * stays so until the log is written, since httpd looks at it once more when it
 * throws away what is left of the body. */

#include "http/reply.h"

#include <string.h>

#include <http_protocol.h>
#include <mod_core.h>
#include <util_filter.h>

static const char filter_name[] = "MLSERVER_HEADER";

static int put_field(void *baton, const char *name, const char *value)
{
    apr_bucket_brigade *brigade = baton;

    apr_brigade_puts(brigade, NULL, NULL, name);
    apr_brigade_puts(brigade, NULL, NULL, ": ");
    apr_brigade_puts(brigade, NULL, NULL, value);
    apr_brigade_puts(brigade, NULL, NULL, CRLF);
    return 1;
}

/* A status after which httpd keeps the connection. */
enum { HARMLESS = HTTP_NOT_FOUND };

static void decide_keepalive(request_rec *r)
{
    const int status = r->status;

    r->status = HARMLESS;
    ap_set_keepalive(r);
    r->status = status;
}

static apr_status_t header_filter(ap_filter_t *filter,
                                  apr_bucket_brigade *body)
{
    request_rec *r = filter->r;
    apr_bucket_brigade *header =
        apr_brigade_create(r->pool, r->connection->bucket_alloc);

    r->headers_out =
        apr_table_overlay(r->pool, r->err_headers_out, r->headers_out);
    apr_table_clear(r->err_headers_out);
    apr_table_compress(r->headers_out, APR_OVERLAP_TABLES_MERGE);
    apr_table_setn(r->headers_out, "Content-Type", r->content_type);
    decide_keepalive(r);
    ap_basic_http_header(r, header); /* status line, Date, Server */
    apr_table_unset(r->headers_out, "Date");
    apr_table_unset(r->headers_out, "Server");
    apr_table_do(put_field, header, r->headers_out, NULL);
    apr_brigade_puts(header, NULL, NULL, CRLF);
    APR_BRIGADE_PREPEND(body, header);
    mlh_request_of(r)->answered = r->status;
    r->status = HARMLESS;
    r->sent_bodyct = 1;
    ap_remove_output_filter(filter);
    return ap_pass_brigade(filter->next, body);
}

void mlh_register_header_filter(void)
{
    ap_register_output_filter(filter_name, header_filter, NULL,
                              AP_FTYPE_PROTOCOL);
}

void mlh_restore_status(request_rec *r)
{
    const mlh_request *request = mlh_request_of(r);

    if (request && request->answered) {
        r->status = request->answered;
    }
}

/* Would httpd take the answer's length as it is? A filter that changes the
 * body (mod_deflate) makes the default way the right one. */
static int changes_body(const ap_filter_t *filter)
{
    for (; filter; filter = filter->next) {
        if (filter->frec->ftype == AP_FTYPE_CONTENT_SET &&
            strcasecmp(filter->frec->name, "fixup_headers_out") != 0) {
            return 1;
        }
    }
    return 0;
}

void mlh_keep_connection(request_rec *r)
{
    ap_filter_t *filter = r->output_filters;

    if (!ap_status_drops_connection(r->status) || r->header_only ||
        r->assbackwards || r->main || r->connection->master ||
        r->proto_num < HTTP_VERSION(1, 1) || changes_body(filter)) {
        return;
    }
    while (filter && strcasecmp(filter->frec->name, "http_header") != 0) {
        filter = filter->next;
    }
    ap_filter_rec_t *ours = ap_get_output_filter_handle(filter_name);

    if (filter && ours) {
        filter->frec = ours;
        filter->ctx = NULL;
    }
}
