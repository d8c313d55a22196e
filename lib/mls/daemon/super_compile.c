/* SPDX-License-Identifier: Apache-2.0 */
/* What a helper process does with an upload: copy, digest, compile, answer. */

#include "daemon/super_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "blob/blob.h"

/* A compiled model's description may be longer than a datagram: it then
 * follows as a memory file. */
static void answer(int connection, mls_json *json, apr_pool_t *pool)
{
    const char *text = mls_json_text(json, pool);
    struct iovec part = { (void *)text, strlen(text) };
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
    int file = -1;

    if (part.iov_len > SUPER_DATAGRAM / 2) {
        file = memfd_create("answer", MFD_CLOEXEC);
        for (size_t put = 0; file >= 0 && put < part.iov_len;) {
            const ssize_t more = write(file, text + put, part.iov_len - put);
            if (more < 0) {
                return;
            }
            put += (size_t)more;
        }
        part = (struct iovec){ (void *)"{}", 2 };
        memset(&control, 0, sizeof(control));
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *item = CMSG_FIRSTHDR(&header);
        item->cmsg_level = SOL_SOCKET;
        item->cmsg_type = SCM_RIGHTS;
        item->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(item), &file, sizeof(int));
    }
    (void)sendmsg(connection, &header, MSG_NOSIGNAL);
    if (file >= 0) {
        close(file);
    }
}

static void refuse(const mls_daemon *daemon, const super_upload *upload,
                   const mls_err *err, apr_pool_t *pool)
{
    const char *text = mls_wire_refusal(err, pool);
    struct iovec part = { (void *)text, strlen(text) };
    const struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };

    mls_daemon_log_err(daemon, err, "upload_refused request=%s subject=\"%s\"",
                       upload->request_id, upload->subject);
    (void)sendmsg(upload->connection, &header, MSG_NOSIGNAL);
}

/* ---- quota ---- */

static mls_err *check_quota(const mls_daemon *daemon,
                            const super_upload *upload, apr_pool_t *pool)
{
    const int64_t quota = daemon->options.quota_bytes;
    mls_json *request = mls_json_object(pool), *answered;
    const char *text, *colon = strchr(upload->subject, ':');
    struct stat info;

    if (quota <= 0 || !colon || fstat(upload->model, &info) != 0) {
        return NULL;
    }
    mls_json *subject = mls_json_object(pool);
    mls_json_set_string(subject, "provider",
                        apr_pstrmemdup(pool, upload->subject,
                                       (size_t)(colon - upload->subject)));
    mls_json_set_string(subject, "name", colon + 1);
    mls_json_set_string(request, "op", "usage");
    mls_json_set(request, "subject", subject);
    MLS_TRY(mls_registry_call(&text, upload->registry,
                              mls_json_text(request, pool), pool));
    MLS_TRY(mls_json_parse(&answered, text, strlen(text), pool));
    const int64_t used = mls_json_int(answered, "bytes", 0);
    if (used + info.st_size > quota) {
        return mls_err_make(pool, MLS_ENOSPACE, NULL,
                            "your models would take %lld MB, and %lld MB are "
                            "allowed; delete versions that are not needed",
                            (long long)(used + info.st_size) >> 20,
                            (long long)quota >> 20);
    }
    return NULL;
}

/* ---- compile ---- */

static mls_err *failed(const super_run *run, apr_pool_t *pool)
{
    return run->refused
               ? mls_err_make(pool, MLS_EMODEL, NULL, "%s", run->reason)
               : mls_err_make(pool, MLS_EUNAVAILABLE, NULL,
                              "the compiler could not be run: %s",
                              run->reason);
}

static mls_err *compile(int *image, const mls_daemon *daemon, int model,
                        int verify, apr_pool_t *pool)
{
    static const char *const plain[] = { "compile", "-", "-o", "-", NULL };
    static const char *const verified[] = {
        "compile", "-", "-o", "-", "--verify", "/dev/fd/3", NULL
    };
    super_run run;

    *image = memfd_create("image", MFD_CLOEXEC);
    if (*image < 0) {
        return mls_err_apr(pool, errno, "cannot make a memory file");
    }
    MLS_TRY(super_mlscore(&run, daemon, verify >= 0 ? verified : plain, model,
                          *image, verify, pool));
    return run.reason ? failed(&run, pool) : NULL;
}

static mls_err *inspect(const char **model, const mls_daemon *daemon,
                        int image, apr_pool_t *pool)
{
    static const char *const arguments[] = { "inspect", "--json", "-", NULL };
    super_run run;
    mls_json *json;

    lseek(image, 0, SEEK_SET);
    MLS_TRY(super_mlscore(&run, daemon, arguments, image, -1, -1, pool));
    if (run.reason) {
        return failed(&run, pool);
    }
    MLS_TRY(mls_json_parse(&json, run.output, strlen(run.output), pool));
    *model = mls_json_text(json, pool);
    return NULL;
}

/* The upload as the blob store has it: what was digested is what is read. */
static mls_err *stored(const char **blob, apr_int64_t *size, int *fd,
                       const mls_daemon *daemon, const super_upload *upload,
                       apr_pool_t *pool)
{
    MLS_TRY(mls_blob_put(blob, size, daemon->paths.blobs, upload->model,
                         daemon->options.max_model_size,
                         daemon->options.reserve_bytes, 0600, pool));
    *fd = open(mls_blob_path(daemon->paths.blobs, *blob, pool),
               O_RDONLY | O_CLOEXEC);
    return *fd < 0 ? mls_err_apr(pool, errno, "cannot open the stored model")
                   : NULL;
}

static mls_err *store_and_compile(mls_json *result, const mls_daemon *daemon,
                                  const super_upload *upload,
                                  apr_pool_t *pool)
{
    const char *blob, *image, *model = NULL;
    apr_int64_t blob_size, image_size;
    int model_fd, image_fd;

    MLS_TRY(check_quota(daemon, upload, pool));
    MLS_TRY(stored(&blob, &blob_size, &model_fd, daemon, upload, pool));
    if (upload->verify >= 0) {
        lseek(upload->verify, 0, SEEK_SET);
    }
    MLS_TRY(compile(&image_fd, daemon, model_fd, upload->verify, pool));
    MLS_TRY(inspect(&model, daemon, image_fd, pool));
    MLS_TRY(mls_blob_put(&image, &image_size, daemon->paths.image_format,
                         image_fd, 0, daemon->options.reserve_bytes, 0640,
                         pool));
    mls_json_set_bool(result, "ok", 1);
    mls_json_set_string(result, "blob", blob);
    mls_json_set_int(result, "blobSize", blob_size);
    mls_json_set_string(result, "image", image);
    mls_json_set_int(result, "imageSize", image_size);
    mls_json_set_string(result, "model", model);
    return NULL;
}

void super_compile(const mls_daemon *daemon, const super_upload *upload,
                   apr_pool_t *pool)
{
    mls_json *result = mls_json_object(pool);
    const mls_err *err = store_and_compile(result, daemon, upload, pool);

    if (err) {
        refuse(daemon, upload, err, pool);
    }
    else {
        answer(upload->connection, result, pool);
    }
}

void super_store(const mls_daemon *daemon, const super_upload *upload,
                 apr_pool_t *pool)
{
    mls_json *result = mls_json_object(pool);
    const char *blob;
    apr_int64_t size;
    mls_err *err = check_quota(daemon, upload, pool);

    if (!err) {
        err = mls_blob_put(&blob, &size, daemon->paths.blobs, upload->model,
                           daemon->options.max_model_size,
                           daemon->options.reserve_bytes, 0600, pool);
    }
    if (err) {
        refuse(daemon, upload, err, pool);
        return;
    }
    mls_json_set_bool(result, "ok", 1);
    mls_json_set_string(result, "blob", blob);
    mls_json_set_int(result, "blobSize", size);
    answer(upload->connection, result, pool);
}
