/* SPDX-License-Identifier: Apache-2.0 */
/* Multipart bodies -> texts and unnamed files. */

#include "http/upload.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "http/reply.h"
#include "http/request.h"
#include "http/spool.h"
#include "service/multipart.h"

enum {
    DESCRIPTION_LENGTH = 64 * 1024,
    ALIAS_LENGTH = 1024,
    VERIFY_LENGTH = 64 * 1024 * 1024,
    FRAME_LENGTH = 1024 * 1024 /* boundaries, headers, unknown fields */
};

/* Where the present part's bytes go. */
typedef struct target {
    const char *name; /* NULL: nowhere, an unknown part */
    apr_int64_t limit;
    apr_int64_t length;
    int *fd;          /* a file, or */
    const char **text; /* a text, collected in `bytes` */
    char *bytes;
    size_t capacity;
} target;

typedef struct reader {
    request_rec *r;
    const mlh_call *call;
    mlh_upload *upload;
    mls_multipart *multipart;
    target target;
    unsigned seen; /* a bit per known part */
} reader;

/* ---- files ---- */

static mls_err *write_all(reader *in, int fd, const char *bytes,
                          size_t length)
{
    while (length) {
        const ssize_t written = write(fd, bytes, length);

        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return mls_err_apr(in->r->pool, errno,
                               "the upload cannot be spooled to %s",
                               in->call->config->upload_dir);
        }
        bytes += written;
        length -= (size_t)written;
    }
    return NULL;
}

/* ---- parts ---- */

static mls_err *begin_file(reader *in, int *fd, apr_int64_t limit)
{
    MLS_TRY(mlh_spool_open(fd, in->r, in->call->config));
    in->target.fd = fd;
    in->target.limit = limit;
    return NULL;
}

static void begin_text(reader *in, const char **text, apr_int64_t limit)
{
    in->target.text = text;
    in->target.limit = limit;
    *text = "";
}

static mls_err *begin(void *baton, const mls_part *part)
{
    static const char *const known[] = { "model", "verify", "description",
                                         "operationId", NULL };
    reader *in = baton;
    mlh_upload *upload = in->upload;
    unsigned which = 0;

    memset(&in->target, 0, sizeof(in->target));
    while (known[which] && strcmp(known[which], part->name) != 0) {
        which++;
    }
    if (!known[which]) {
        in->target.limit = FRAME_LENGTH;
        return NULL;
    }
    if (in->seen >> which & 1) {
        return mls_err_make(in->r->pool, MLS_EINVALID, NULL,
                            "the part \"%s\" is there twice", part->name);
    }
    in->seen |= 1u << which;
    in->target.name = known[which];
    switch (which) {
    case 0:
        return begin_file(in, &upload->model_fd, in->call->server->max_model);
    case 1:
        return begin_file(in, &upload->verify_fd, VERIFY_LENGTH);
    case 2:
        begin_text(in, &upload->description, DESCRIPTION_LENGTH);
        return NULL;
    default:
        begin_text(in, &upload->operation_id, ALIAS_LENGTH);
        return NULL;
    }
}

/* Room doubles, so a text arriving byte by byte costs no more than twice. */
static void append_text(reader *in, const char *bytes, size_t length)
{
    target *to = &in->target;
    const size_t used = (size_t)to->length;

    if (used + length + 1 > to->capacity) {
        to->capacity = 2 * (used + length) + 64;
        char *larger = apr_palloc(in->r->pool, to->capacity);

        if (used) {
            memcpy(larger, to->bytes, used);
        }
        to->bytes = larger;
    }
    memcpy(to->bytes + used, bytes, length);
    to->bytes[used + length] = '\0';
    *to->text = to->bytes;
}

static mls_err *data(void *baton, const char *bytes, size_t length)
{
    reader *in = baton;
    target *to = &in->target;

    if (to->length + (apr_int64_t)length > to->limit) {
        return mls_err_make(in->r->pool, MLS_ETOOLARGE, NULL,
                            "the part \"%s\" is larger than the "
                            "%" APR_INT64_T_FMT " bytes that are allowed",
                            to->name ? to->name : "(unknown)", to->limit);
    }
    if (to->text) {
        if (memchr(bytes, '\0', length)) {
            return mls_err_make(in->r->pool, MLS_EINVALID, NULL,
                                "the part \"%s\" holds a zero byte",
                                to->name);
        }
        append_text(in, bytes, length);
    }
    if (to->fd) {
        MLS_TRY(write_all(in, *to->fd, bytes, length));
    }
    to->length += (apr_int64_t)length;
    return NULL;
}

static mls_err *end(void *baton)
{
    reader *in = baton;

    if (in->target.fd == &in->upload->model_fd) {
        in->upload->model_size = in->target.length;
    }
    return NULL;
}

static mls_err *feed(void *baton, const char *bytes, size_t length)
{
    reader *in = baton;

    return mls_multipart_feed(in->multipart, bytes, length);
}

mls_err *mlh_upload_read(mlh_upload **out, request_rec *r,
                         const mlh_call *call)
{
    mlh_upload *upload = apr_pcalloc(r->pool, sizeof(*upload));
    reader *in = apr_pcalloc(r->pool, sizeof(*in));
    const mls_multipart_events events = { begin, data, end, in };
    const char *boundary;

    upload->model_fd = upload->verify_fd = -1;
    MLS_TRY(mls_multipart_boundary(
        &boundary, apr_table_get(r->headers_in, "Content-Type"), r->pool));
    if (!boundary) {
        return mls_err_make(r->pool, MLH_EMEDIA, NULL,
                            "send multipart/form-data with the parts model, "
                            "description and operationId");
    }
    in->r = r;
    in->call = call;
    in->upload = upload;
    in->multipart = mls_multipart_create(boundary, &events, r->pool);
    MLS_TRY(mlh_body_each(r,
                          call->server->max_model + VERIFY_LENGTH +
                              FRAME_LENGTH,
                          "upload", feed, in));
    MLS_TRY(mls_multipart_finish(in->multipart));
    *out = upload;
    return NULL;
}
