/* SPDX-License-Identifier: Apache-2.0 */
/* What may come over mlserverd's sockets: frames of the registry (even first
 * byte) and datagrams of the supervisor (odd), the latter with memory files
 * attached if bits 1 and 2 of the first byte say so. Nothing may be read beyond
 * a limit, no descriptor may be lost. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_time.h>

#include "pool/dgram.h"
#include "registry/remote/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 4096 /* bytes of a frame that are taken */ };

static void must(int good)
{
    if (!good) {
        abort();
    }
}

static apr_time_t soon(void)
{
    return apr_time_now() + apr_time_from_msec(200);
}

static void read_frames(int fd, apr_pool_t *pool)
{
    char *text = NULL;
    size_t length = 0;

    while (!mls_wire_receive(&text, &length, fd, MOST, soon(), pool)) {
        mls_json *answer = NULL;

        must(length <= MOST && text[length] == '\0');
        if (!mls_json_parse(&answer, text, length, pool)) {
            mls_wire_outcome(answer, pool);
        }
    }
}

static void check_frames(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    int pair[2];

    must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
    must(send(pair[0], data, size, MSG_NOSIGNAL | MSG_DONTWAIT) ==
         (ssize_t)size);
    close(pair[0]);
    read_frames(pair[1], pool);
    close(pair[1]);
}

/* ---- datagrams ---- */

static int file_of(const uint8_t *data, size_t size)
{
    const int fd = memfd_create("fuzz", MFD_CLOEXEC);

    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    return fd;
}

/* One message, its text up to the first zero byte; what follows is the
 * content of the attached files. */
static void send_datagram(int fd, const uint8_t *data, size_t size, int files)
{
    const uint8_t *zero = memchr(data, 0, size);
    const size_t text = zero ? (size_t)(zero - data) : size;
    struct iovec part = { (void *)data, text };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(3 * sizeof(int))];
    } control;
    int fds[3];

    memset(&control, 0, sizeof(control));
    for (int i = 0; i < files; i++) {
        fds[i] = file_of(data + text, size - text);
    }
    if (files) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE((size_t)files * sizeof(int));
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN((size_t)files * sizeof(int));
        memcpy(CMSG_DATA(&control.header), fds, (size_t)files * sizeof(int));
    }
    must(sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)text);
    for (int i = 0; i < files; i++) {
        close(fds[i]);
    }
}

/* The lowest number that a new descriptor would have. */
static int next_free(int fd)
{
    const int next = dup(fd);

    must(next >= 0);
    close(next);
    return next;
}

static void check_datagram(const uint8_t *data, size_t size, int files,
                           apr_pool_t *pool)
{
    int pair[2], fds[MLS_DGRAM_FDS], count = 0;
    mls_json *json = NULL;

    must(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
    const int before = next_free(pair[0]);

    send_datagram(pair[0], data, size, files);
    mls_err *err =
        mls_dgram_receive(&json, fds, &count, pair[1], soon(), pool);

    must(count >= 0 && count <= files);
    for (int i = 0; i < count; i++) {
        must(!close(fds[i]));
    }
    must(next_free(pair[0]) == before); /* else one was left open */
    if (!err && json) {
        mls_wire_outcome(json, pool);
    }
    close(pair[0]);
    close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { LARGEST = 32 * 1024 };
    static int initialised;
    apr_pool_t *pool;

    if (!initialised) {
        apr_initialize();
        initialised = 1;
    }
    if (size < 2 || size > LARGEST) {
        return 0;
    }
    apr_pool_create(&pool, NULL);
    if (data[0] % 2) {
        check_datagram(data + 1, size - 1, data[0] / 2 % 4, pool);
    }
    else {
        check_frames(data + 1, size - 1, pool);
    }
    apr_pool_destroy(pool);
    return 0;
}
