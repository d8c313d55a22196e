/* SPDX-License-Identifier: Apache-2.0 */
/* JSON and descriptors in datagrams. */

#include "pool/dgram.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

union control {
    struct cmsghdr header; /* for its alignment */
    char bytes[CMSG_SPACE(sizeof(int) * MLS_DGRAM_FDS)];
};

static mls_err *broken(apr_pool_t *pool, int reason)
{
    return mls_err_make(pool, MLS_EUNAVAILABLE, NULL,
                        "the connection to the supervisor broke: %s",
                        strerror(reason));
}

static mls_err *await(int fd, short events, apr_time_t deadline,
                      apr_pool_t *pool)
{
    for (;;) {
        const apr_time_t left = deadline - apr_time_now();
        struct pollfd entry = { fd, events, 0 };

        if (left <= 0) {
            return mls_err_make(pool, MLS_ETIMEOUT, NULL,
                                "the supervisor took too long");
        }
        const int ready = poll(&entry, 1, (int)(left / 1000) + 1);
        if (ready > 0) {
            return NULL;
        }
        if (ready < 0 && errno != EINTR) {
            return mls_err_apr(pool, errno, "poll");
        }
    }
}

/* ---- send ---- */

static mls_err *send_text(int fd, const char *text, size_t length,
                          const int *fds, int count, apr_time_t deadline,
                          apr_pool_t *pool)
{
    struct iovec part = { (void *)text, length };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    union control control;

    if (count > 0) {
        memset(&control, 0, sizeof(control));
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * (size_t)count);
    }
    for (;;) {
        if (sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
            return NULL;
        }
        if (errno == EAGAIN) {
            MLS_TRY(await(fd, POLLOUT, deadline, pool));
        }
        else if (errno != EINTR) {
            return broken(pool, errno);
        }
    }
}

static mls_err *memory_file(int *fd, const char *text, size_t length,
                            apr_pool_t *pool)
{
    *fd = memfd_create("answer", MFD_CLOEXEC);
    if (*fd < 0) {
        return mls_err_apr(pool, errno, "memory file");
    }
    while (length) {
        const ssize_t written = write(*fd, text, length);
        if (written <= 0) {
            close(*fd);
            return mls_err_apr(pool, errno, "memory file");
        }
        text += written;
        length -= (size_t)written;
    }
    return NULL;
}

mls_err *mls_dgram_send(int fd, const mls_json *json, const int *fds,
                        int count, apr_time_t deadline, apr_pool_t *pool)
{
    const char *text = mls_json_text(json, pool);
    const size_t length = strlen(text);
    int all[MLS_DGRAM_FDS];
    int file;

    if (length <= MLS_DGRAM_TEXT) {
        return send_text(fd, text, length, fds, count, deadline, pool);
    }
    if (length > MLS_DGRAM_LONG || count >= MLS_DGRAM_FDS) {
        return mls_err_make(pool, MLS_ETOOLARGE, NULL,
                            "a message of %" APR_SIZE_T_FMT " bytes", length);
    }
    MLS_TRY(memory_file(&file, text, length, pool));
    if (count > 0) {
        memcpy(all, fds, sizeof(int) * (size_t)count);
    }
    all[count] = file;
    mls_err *err = send_text(fd, "{\"long\":true}", 13, all, count + 1,
                             deadline, pool);
    close(file);
    return err;
}

/* ---- receive ---- */

void mls_rights_take(struct msghdr *message, int *fds, int *count, int room)
{
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET
            || header->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const int more =
            (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int i = 0; i < more; i++) {
            int one;
            memcpy(&one, CMSG_DATA(header) + sizeof(int) * (size_t)i,
                   sizeof(int));
            if (*count < room) {
                fds[(*count)++] = one;
            }
            else {
                close(one);
            }
        }
    }
}

static mls_err *read_long(mls_json **json, int file, apr_pool_t *pool)
{
    struct stat status;

    if (fstat(file, &status) || !S_ISREG(status.st_mode)
        || status.st_size > MLS_DGRAM_LONG) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "a long message without its memory file");
    }
    const size_t length = (size_t)status.st_size;
    char *text = apr_palloc(pool, length + 1);
    size_t done = 0;
    while (done < length) {
        const ssize_t got =
            pread(file, text + done, length - done, (off_t)done);
        if (got <= 0) {
            return mls_err_make(pool, MLS_EINVALID, NULL,
                                "a long message is cut short");
        }
        done += (size_t)got;
    }
    return mls_json_parse(json, text, length, pool);
}

mls_err *mls_dgram_receive(mls_json **json, int *fds, int *count, int fd,
                           apr_time_t deadline, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, MLS_DGRAM_TEXT + 1);
    struct iovec part = { text, MLS_DGRAM_TEXT };
    union control control;
    ssize_t length;

    *json = NULL;
    *count = 0;
    for (;;) {
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1,
                                  .msg_control = control.bytes,
                                  .msg_controllen = sizeof(control.bytes) };
        length = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        if (length >= 0) {
            mls_rights_take(&message, fds, count, MLS_DGRAM_FDS);
            if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
                return mls_err_make(pool, MLS_ETOOLARGE, NULL,
                                    "a datagram of more than %d bytes or %d "
                                    "descriptors",
                                    MLS_DGRAM_TEXT, MLS_DGRAM_FDS);
            }
            break;
        }
        if (errno == EAGAIN) {
            MLS_TRY(await(fd, POLLIN, deadline, pool));
        }
        else if (errno != EINTR) {
            return broken(pool, errno);
        }
    }
    if (length == 0) {
        return NULL;
    }
    text[length] = '\0';
    MLS_TRY(mls_json_parse(json, text, (size_t)length, pool));
    if (mls_json_bool(*json, "long", 0) && *count > 0) {
        const int file = fds[--*count];
        mls_err *err = read_long(json, file, pool);
        close(file);
        return err;
    }
    return NULL;
}
