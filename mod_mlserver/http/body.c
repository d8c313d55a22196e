/* SPDX-License-Identifier: Apache-2.0 */
/* Request bodies: read piece by piece through httpd's input filters, unpacked
 * when they are compressed, with a limit on what comes out. */

#include "http/request.h"

#include <string.h>

#include <http_protocol.h>

#include "http/inflate.h"
#include "http/reply.h"

APLOG_USE_MODULE(mlserver);

enum {
    PIECE = 64 * 1024,
    DISCARD = 64 * 1024, /* read away after a refusal */
    JSON_LIMIT = 64 * 1024
};

/* ---- reading ---- */

static mls_err *too_large(request_rec *r, const char *what, apr_int64_t limit)
{
    return mls_err_make(r->pool, MLS_ETOOLARGE, NULL,
                        "the %s is larger than the %" APR_INT64_T_FMT
                        " bytes that are allowed",
                        what, limit);
}

/* What an input filter's failure means for the caller. */
static mls_err *read_failed(request_rec *r, apr_status_t status)
{
    const int http = ap_map_http_request_error(status, HTTP_BAD_REQUEST);

    r->connection->keepalive = AP_CONN_CLOSE;
    if (http == HTTP_REQUEST_ENTITY_TOO_LARGE) {
        return mls_err_make(r->pool, MLS_ETOOLARGE, NULL,
                            "the body is larger than the server allows "
                            "(LimitRequestBody)");
    }
    if (http == HTTP_REQUEST_TIME_OUT) {
        return mls_err_make(r->pool, MLH_ESLOW, NULL,
                            "the body did not arrive in time");
    }
    return mls_err_make(r->pool, MLS_EINVALID, NULL,
                        "the body could not be read to its end");
}

/* Where the bytes go on their way to the sink. */
typedef struct body_reader {
    request_rec *r;
    const char *what;
    apr_int64_t limit;
    apr_int64_t total; /* bytes given to the sink */
    mlh_inflate *inflate;
    mlh_sink *sink;
    void *baton;
} body_reader;

static mls_err *deliver(void *baton, const char *bytes, size_t length)
{
    body_reader *reader = baton;

    reader->total += (apr_int64_t)length;
    if (reader->total > reader->limit) {
        return too_large(reader->r, reader->what, reader->limit);
    }
    return reader->sink(reader->baton, bytes, length);
}

static mls_err *take_piece(body_reader *reader, const char *bytes,
                           size_t length)
{
    if (reader->inflate) {
        return mlh_inflate_feed(reader->inflate, bytes, length, deliver,
                                reader);
    }
    return deliver(reader, bytes, length);
}

/* One brigade's data; *end is set at the end of the body. */
static mls_err *take_brigade(body_reader *reader, apr_bucket_brigade *brigade,
                             int *end)
{
    for (apr_bucket *bucket = APR_BRIGADE_FIRST(brigade);
         bucket != APR_BRIGADE_SENTINEL(brigade);
         bucket = APR_BUCKET_NEXT(bucket)) {
        const char *bytes;
        apr_size_t length;

        if (APR_BUCKET_IS_EOS(bucket)) {
            *end = 1;
            return NULL;
        }
        if (APR_BUCKET_IS_METADATA(bucket)) {
            continue;
        }
        const apr_status_t status =
            apr_bucket_read(bucket, &bytes, &length, APR_BLOCK_READ);

        if (status != APR_SUCCESS) {
            return read_failed(reader->r, status);
        }
        if (length) {
            MLS_TRY(take_piece(reader, bytes, length));
        }
    }
    return NULL;
}

/* Content-Encoding, unless an input filter of httpd's has dealt with it. */
static mls_err *start_inflate(body_reader *reader)
{
    request_rec *r = reader->r;
    const char *encoding = apr_table_get(r->headers_in, "Content-Encoding");

    if (!encoding || !strcasecmp(encoding, "identity")) {
        return NULL;
    }
    for (const ap_filter_t *filter = r->input_filters;
         filter && filter != r->proto_input_filters; filter = filter->next) {
        if (!strcasecmp(filter->frec->name, "deflate")) {
            return NULL;
        }
    }
    return mlh_inflate_create(&reader->inflate, encoding, r->pool);
}

static mls_err *read_all(body_reader *reader)
{
    request_rec *r = reader->r;
    apr_bucket_brigade *brigade =
        apr_brigade_create(r->pool, r->connection->bucket_alloc);
    mls_err *err = NULL;
    int end = 0;

    while (!end && !err) {
        const apr_status_t status =
            ap_get_brigade(r->input_filters, brigade, AP_MODE_READBYTES,
                           APR_BLOCK_READ, PIECE);

        err = status == APR_SUCCESS ? take_brigade(reader, brigade, &end)
                                    : read_failed(r, status);
        apr_brigade_cleanup(brigade);
    }
    apr_brigade_destroy(brigade);
    mlh_request_of(r)->body_done = end;
    if (!err && reader->inflate) {
        err = mlh_inflate_finish(reader->inflate);
    }
    return err;
}

/* The length that the caller announced, -1 when none. */
static apr_int64_t announced(request_rec *r)
{
    const char *text = apr_table_get(r->headers_in, "Content-Length");

    return text && !apr_table_get(r->headers_in, "Transfer-Encoding")
               ? apr_atoi64(text)
               : -1;
}

mls_err *mlh_body_each(request_rec *r, apr_int64_t limit, const char *what,
                       mlh_sink *sink, void *baton)
{
    body_reader reader = { .r = r, .what = what, .limit = limit,
                           .sink = sink, .baton = baton };

    if (announced(r) > limit) {
        return too_large(r, what, limit); /* nothing was read, nor 100 sent */
    }
    MLS_TRY(start_inflate(&reader));
    return read_all(&reader);
}

/* ---- whole bodies ---- */

/* A buffer, and a pool for the error that appending to it may give. */
typedef struct buffer_sink {
    mlscore_buffer *buffer;
    apr_pool_t *pool;
} buffer_sink;

static mls_err *append_to(void *baton, const char *bytes, size_t length)
{
    buffer_sink *sink = baton;

    if (mlscore_buffer_append(sink->buffer, bytes, length) != MLSCORE_OK) {
        return mls_err_make(sink->pool, MLS_EBUSY, NULL,
                            "not enough memory for the body");
    }
    return NULL;
}

mls_err *mlh_body_read(mlscore_buffer *buffer, request_rec *r,
                       apr_int64_t limit, const char *what)
{
    buffer_sink sink = { buffer, r->pool };

    return mlh_body_each(r, limit, what, append_to, &sink);
}

static apr_status_t free_buffer(void *buffer)
{
    mlscore_buffer_free(buffer);
    return APR_SUCCESS;
}

mls_err *mlh_body_json(mls_json **out, request_rec *r)
{
    mlscore_buffer *buffer = apr_pcalloc(r->pool, sizeof(*buffer));

    apr_pool_cleanup_register(r->pool, buffer, free_buffer,
                              apr_pool_cleanup_null);
    MLS_TRY(mlh_body_read(buffer, r, JSON_LIMIT, "body"));
    MLS_TRY(mls_json_parse(out, buffer->bytes ? buffer->bytes : "",
                           buffer->length, r->pool));
    if (mls_json_type_of(*out) != MLS_JSON_OBJECT) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "the body must be a JSON object");
    }
    return NULL;
}

/* ---- after a refusal ---- */

void mlh_body_discard(request_rec *r)
{
    const apr_int64_t length = announced(r);
    apr_off_t seen = 0;

    mlh_request_of(r)->body_done = 1;
    if (!ap_request_has_body(r) ||
        r->connection->keepalive == AP_CONN_CLOSE) {
        return;
    }
    if (length > DISCARD || r->expecting_100) {
        r->connection->keepalive = AP_CONN_CLOSE;
        return;
    }
    apr_bucket_brigade *brigade =
        apr_brigade_create(r->pool, r->connection->bucket_alloc);
    int end = 0;

    while (!end && seen <= DISCARD) {
        apr_off_t piece = 0;

        if (ap_get_brigade(r->input_filters, brigade, AP_MODE_READBYTES,
                           APR_BLOCK_READ, PIECE) != APR_SUCCESS) {
            break;
        }
        apr_brigade_length(brigade, 1, &piece);
        seen += piece;
        end = !APR_BRIGADE_EMPTY(brigade) &&
              APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(brigade));
        apr_brigade_cleanup(brigade);
    }
    if (!end) {
        r->connection->keepalive = AP_CONN_CLOSE;
    }
}
