/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's client: uploads to be stored and compiled. */

#include "pool/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "base/json.h"
#include "registry/remote/wire.h"

enum { DATAGRAM = 65536, ANSWER_MAX = 16 << 20 };

struct mls_supervisor {
    const char *path;
};

mls_err *mls_supervisor_open(mls_supervisor **out, const char *socket_path,
                             apr_pool_t *pool)
{
    MLS_TRY(mls_wire_check_path(socket_path, pool));
    *out = apr_pcalloc(pool, sizeof(**out));
    (*out)->path = apr_pstrdup(pool, socket_path);
    return NULL;
}

static mls_err *send_request(int fd, const mls_json *request, const int *fds,
                             int count, apr_pool_t *pool)
{
    const char *text = mls_json_text(request, pool);
    struct iovec part = { (void *)text, strlen(text) };
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };

    if (count > 0) {
        memset(&control, 0, sizeof(control));
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
        struct cmsghdr *item = CMSG_FIRSTHDR(&header);
        item->cmsg_level = SOL_SOCKET;
        item->cmsg_type = SCM_RIGHTS;
        item->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
        memcpy(CMSG_DATA(item), fds, (size_t)count * sizeof(int));
    }
    if (sendmsg(fd, &header, MSG_NOSIGNAL) < 0) {
        return mls_err_make(pool, MLS_EUNAVAILABLE, NULL,
                            "the pool supervisor went away; try again");
    }
    return NULL;
}

static mls_err *wait_for_answer(int fd, int timeout, apr_pool_t *pool)
{
    const apr_time_t deadline = apr_time_now() + apr_time_from_sec(timeout);

    for (;;) {
        struct pollfd one = { fd, POLLIN, 0 };
        const apr_time_t left = deadline - apr_time_now();
        if (left <= 0) {
            return mls_err_make(pool, MLS_ETIMEOUT, NULL,
                                "compiling the model took longer than %d s",
                                timeout);
        }
        const int found = poll(&one, 1, (int)(left / 1000) + 1);
        if (found > 0) {
            return NULL;
        }
        if (found < 0 && errno != EINTR) {
            return mls_err_apr(pool, errno, "cannot wait for the supervisor");
        }
    }
}

/* A long answer comes in a memory file. */
static mls_err *read_file(char **text, size_t *length, int fd,
                          apr_pool_t *pool)
{
    struct stat info;

    if (fstat(fd, &info) != 0 || info.st_size > ANSWER_MAX) {
        return mls_err_make(pool, MLS_EOTHER, NULL,
                            "the supervisor's answer cannot be read");
    }
    *length = (size_t)info.st_size;
    *text = apr_palloc(pool, *length + 1);
    if (pread(fd, *text, *length, 0) != (ssize_t)*length) {
        return mls_err_make(pool, MLS_EOTHER, NULL,
                            "the supervisor's answer was cut");
    }
    return NULL;
}

static mls_err *receive_answer(mls_json **out, int fd, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, DATAGRAM);
    struct iovec part = { text, DATAGRAM };
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes) };
    const ssize_t got = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
    size_t length = got > 0 ? (size_t)got : 0;
    mls_err *err = NULL;

    if (got <= 0) {
        return mls_err_make(pool, MLS_EUNAVAILABLE, NULL,
                            "the pool supervisor went away; try again");
    }
    const struct cmsghdr *item = CMSG_FIRSTHDR(&header);
    if (item && item->cmsg_type == SCM_RIGHTS) {
        int file;
        memcpy(&file, CMSG_DATA(item), sizeof(file));
        err = read_file(&text, &length, file, pool);
        close(file);
    }
    if (err) {
        return err;
    }
    MLS_TRY(mls_json_parse(out, text, length, pool));
    return mls_wire_outcome(*out, pool);
}

static mls_err *call(mls_json **out, const mls_supervisor *supervisor,
                     const mls_json *request, const int *fds, int count,
                     int timeout, apr_pool_t *pool)
{
    int fd;

    MLS_TRY(mls_wire_connect(&fd, supervisor->path, SOCK_SEQPACKET, pool));
    mls_err *err = send_request(fd, request, fds, count, pool);
    if (!err) {
        err = wait_for_answer(fd, timeout, pool);
    }
    if (!err) {
        err = receive_answer(out, fd, pool);
    }
    close(fd);
    return err;
}

mls_err *mls_supervisor_compile(mls_compiled **out,
                                mls_supervisor *supervisor, int model_fd,
                                int verify_fd, const char *subject,
                                const char *request_id, int timeout,
                                apr_pool_t *pool)
{
    const int fds[2] = { model_fd, verify_fd };
    mls_json *request = mls_json_object(pool), *answer;

    mls_json_set_string(request, "op", "compile");
    mls_json_set_string(request, "subject", subject);
    mls_json_set_string(request, "requestId", request_id);
    MLS_TRY(call(&answer, supervisor, request, fds, verify_fd >= 0 ? 2 : 1,
                 timeout, pool));
    *out = apr_pcalloc(pool, sizeof(**out));
    (*out)->blob_size = mls_json_int(answer, "blobSize", 0);
    (*out)->image_size = mls_json_int(answer, "imageSize", 0);
    MLS_TRY(mls_json_need_string(&(*out)->blob, answer, "blob", pool));
    MLS_TRY(mls_json_need_string(&(*out)->image, answer, "image", pool));
    return mls_json_need_string(&(*out)->model, answer, "model", pool);
}

mls_err *mls_supervisor_store(const char **blob, apr_int64_t *size,
                              mls_supervisor *supervisor, int fd,
                              const char *subject, const char *request_id,
                              apr_pool_t *pool)
{
    mls_json *request = mls_json_object(pool), *answer;

    mls_json_set_string(request, "op", "store");
    mls_json_set_string(request, "subject", subject);
    mls_json_set_string(request, "requestId", request_id);
    MLS_TRY(call(&answer, supervisor, request, &fd, 1, 120, pool));
    *size = mls_json_int(answer, "blobSize", 0);
    return mls_json_need_string(blob, answer, "blob", pool);
}

mls_err *mls_supervisor_status(const char **json, mls_supervisor *supervisor,
                               apr_pool_t *pool)
{
    mls_json *request = mls_json_object(pool), *answer;

    mls_json_set_string(request, "op", "status");
    MLS_TRY(call(&answer, supervisor, request, NULL, 0, 2, pool));
    mls_json_remove(answer, "ok");
    *json = mls_json_text(answer, pool);
    return NULL;
}
