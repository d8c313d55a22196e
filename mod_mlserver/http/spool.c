/* SPDX-License-Identifier: Apache-2.0 */
/* Files without a name. */

#include "http/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <http_protocol.h>

#include "http/reply.h"
#include "http/request.h"
#include "service/multipart.h"

static apr_status_t close_fd(void *baton)
{
    close(*(int *)baton);
    return APR_SUCCESS;
}

mls_err *mlh_spool_open(int *fd, request_rec *r, const mlh_config *config)
{
    const char *directory = config->upload_dir;
    int made = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (made < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
        char *name = apr_pstrcat(r->pool, directory, "/mlserver.XXXXXX", NULL);

        made = mkostemp(name, O_CLOEXEC);
        if (made >= 0) {
            unlink(name);
        }
    }
    if (made < 0) {
        return mls_err_apr(r->pool, errno,
                           "no file for the upload in %s (MLServerUploadDir)",
                           directory);
    }
    int *kept = apr_pmemdup(r->pool, &made, sizeof(made));

    apr_pool_cleanup_register(r->pool, kept, close_fd, apr_pool_cleanup_null);
    *fd = made;
    return NULL;
}

/* ---- whole bodies ---- */

typedef struct writer {
    request_rec *r;
    int fd;
} writer;

static mls_err *write_piece(void *baton, const char *bytes, size_t length)
{
    const writer *to = baton;

    while (length) {
        const ssize_t put = write(to->fd, bytes, length);

        if (put < 0 && errno != EINTR) {
            return mls_err_apr(to->r->pool, errno, "cannot spool the body");
        }
        if (put > 0) {
            bytes += put;
            length -= (size_t)put;
        }
    }
    return NULL;
}

mls_err *mlh_spool_body(int *fd, request_rec *r, const mlh_config *config,
                        apr_int64_t limit, const char *what)
{
    writer to = { r, -1 };

    MLS_TRY(mlh_spool_open(&to.fd, r, config));
    *fd = to.fd;
    return mlh_body_each(r, limit, what, write_piece, &to);
}

/* ---- a part of a multipart body ---- */

typedef struct part_reader {
    writer to;
    const char *name;
    const char *filename;
    mls_multipart *multipart;
    int inside, seen;
} part_reader;

static mls_err *part_begin(void *baton, const mls_part *part)
{
    part_reader *in = baton;

    in->inside = !in->seen && !strcmp(part->name, in->name);
    if (in->inside) {
        in->seen = 1;
        in->filename = part->filename;
    }
    return NULL;
}

static mls_err *part_data(void *baton, const char *bytes, size_t length)
{
    part_reader *in = baton;

    return in->inside ? write_piece(&in->to, bytes, length) : NULL;
}

static mls_err *part_end(void *baton)
{
    ((part_reader *)baton)->inside = 0;
    return NULL;
}

static mls_err *feed(void *baton, const char *bytes, size_t length)
{
    return mls_multipart_feed(((part_reader *)baton)->multipart, bytes,
                              length);
}

mls_err *mlh_spool_part(int *fd, const char **filename, request_rec *r,
                        const mlh_config *config, const char *name,
                        apr_int64_t limit)
{
    part_reader in = { .to = { r, -1 }, .name = name };
    const mls_multipart_events events = { part_begin, part_data, part_end,
                                          &in };
    const char *boundary;

    MLS_TRY(mls_multipart_boundary(
        &boundary, apr_table_get(r->headers_in, "Content-Type"), r->pool));
    if (!boundary) {
        return mls_err_make(r->pool, MLH_EMEDIA, NULL,
                            "send multipart/form-data with a part \"%s\"",
                            name);
    }
    MLS_TRY(mlh_spool_open(&in.to.fd, r, config));
    in.multipart = mls_multipart_create(boundary, &events, r->pool);
    MLS_TRY(mlh_body_each(r, limit, "upload", feed, &in));
    MLS_TRY(mls_multipart_finish(in.multipart));
    if (!in.seen || !in.filename || !*in.filename) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            in.seen ? "the part \"%s\" has no filename"
                                    : "the part \"%s\" is missing",
                            name);
    }
    *fd = in.to.fd;
    *filename = in.filename;
    return NULL;
}

/* ---- answers ---- */

int mlh_reply_file(request_rec *r, int fd, const char *type,
                   const char *filename)
{
    struct stat info;
    apr_file_t *file;

    if (fstat(fd, &info) != 0) {
        return mlh_reply_fail(r, MLS_EOTHER, "cannot read the answer");
    }
    apr_os_file_put(&file, &fd, APR_FOPEN_READ | APR_FOPEN_BINARY, r->pool);
    ap_set_content_type(r, type);
    ap_set_content_length(r, info.st_size);
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    if (filename) {
        apr_table_setn(r->headers_out, "Content-Disposition",
                       apr_psprintf(r->pool, "attachment; filename=\"%s\"",
                                    ap_escape_quotes(r->pool, filename)));
    }
    r->status = HTTP_OK;
    if (r->header_only || info.st_size == 0) {
        return OK;
    }
    apr_size_t sent;

    return ap_send_fd(file, r, 0, (apr_size_t)info.st_size, &sent)
                   == APR_SUCCESS
               ? OK
               : DONE;
}
