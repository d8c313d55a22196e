/* SPDX-License-Identifier: Apache-2.0 */
/* Frames, errors and peers of the UNIX sockets between httpd and mlserverd. */

#include "registry/remote/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <apr_strings.h>

static const struct {
    int code;
    const char *word;
} words[] = {
    { MLS_EINVALID, "invalid" },
    { MLS_EUNAUTHORIZED, "unauthorized" },
    { MLS_EFORBIDDEN, "forbidden" },
    { MLS_ENOTFOUND, "notfound" },
    { MLS_EEXISTS, "exists" },
    { MLS_ECONFLICT, "conflict" },
    { MLS_ETOOLARGE, "toolarge" },
    { MLS_EMODEL, "model" },
    { MLS_EBUSY, "busy" },
    { MLS_EUNAVAILABLE, "unavailable" },
    { MLS_ENOSPACE, "nospace" },
    { MLS_ETIMEOUT, "timeout" },
    { MLS_ECORRUPT, "corrupt" },
    { MLS_EOTHER, "other" },
};

enum { WORDS = sizeof(words) / sizeof(words[0]) };

const char *mls_wire_word(int code)
{
    for (int i = 0; i < WORDS; i++) {
        if (words[i].code == code) {
            return words[i].word;
        }
    }
    return "other";
}

int mls_wire_code(const char *word)
{
    for (int i = 0; word && i < WORDS; i++) {
        if (!strcmp(words[i].word, word)) {
            return words[i].code;
        }
    }
    return MLS_EOTHER;
}

void mls_wire_set_refusal(mls_json *answer, const mls_err *err,
                          apr_pool_t *pool)
{
    mls_json_set_bool(answer, "ok", 0);
    mls_json_set_string(answer, "code", mls_wire_word(err->code));
    mls_json_set_string(answer, "message", mls_err_text(err, pool));
}

const char *mls_wire_refusal(const mls_err *err, apr_pool_t *pool)
{
    mls_json *answer = mls_json_object(pool);

    mls_wire_set_refusal(answer, err, pool);
    return mls_json_text(answer, pool);
}

mls_err *mls_wire_outcome(const mls_json *answer, apr_pool_t *pool)
{
    if (mls_json_bool(answer, "ok", 0)) {
        return NULL;
    }
    const char *message = mls_json_string(answer, "message");
    return mls_err_make(pool, mls_wire_code(mls_json_string(answer, "code")),
                        NULL, "%s", message ? message : "no reason given");
}

uint32_t mls_wire_length(const unsigned char prefix[MLS_WIRE_PREFIX])
{
    return (uint32_t)prefix[0] | (uint32_t)prefix[1] << 8
           | (uint32_t)prefix[2] << 16 | (uint32_t)prefix[3] << 24;
}

void mls_wire_set_length(unsigned char prefix[MLS_WIRE_PREFIX],
                         uint32_t length)
{
    for (int i = 0; i < MLS_WIRE_PREFIX; i++) {
        prefix[i] = (unsigned char)(length >> (8 * i));
    }
}

mls_err *mls_wire_check_path(const char *path, apr_pool_t *pool)
{
    const size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

    if (strlen(path) <= most) {
        return NULL;
    }
    return mls_err_make(pool, MLS_EINVALID, NULL,
                        "the socket path %s has %d bytes, the system allows "
                        "%d: choose a shorter run directory",
                        path, (int)strlen(path), (int)most);
}

static mls_err *open_socket(int *fd, struct sockaddr_un *address,
                            const char *path, int type, apr_pool_t *pool)
{
    MLS_TRY(mls_wire_check_path(path, pool));
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, strlen(path) + 1);
    *fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0) {
        return mls_err_apr(pool, errno, "socket for %s", path);
    }
    return NULL;
}

static mls_err *peer_of(struct ucred *peer, int fd, apr_pool_t *pool)
{
    socklen_t length = sizeof(*peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &length)) {
        return mls_err_apr(pool, errno, "who is at the other end");
    }
    return NULL;
}

/* Whoever owns the directory could put any socket there anyway. */
static mls_err *check_server(int fd, const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');
    const char *directory =
        slash ? apr_pstrmemdup(pool, path, (apr_size_t)(slash - path)) : ".";
    struct ucred peer;
    struct stat status;

    MLS_TRY(peer_of(&peer, fd, pool));
    if (peer.uid == 0 || peer.uid == geteuid()
        || (!stat(*directory ? directory : "/", &status)
            && status.st_uid == peer.uid)) {
        return NULL;
    }
    return mls_err_make(pool, MLS_EUNAVAILABLE, NULL,
                        "the server at %s runs as uid %ld, which owns neither "
                        "the directory nor this process",
                        path, (long)peer.uid);
}

mls_err *mls_wire_connect(int *fd, const char *path, int type,
                          apr_pool_t *pool)
{
    struct sockaddr_un address;

    MLS_TRY(open_socket(fd, &address, path, type, pool));
    mls_err *err = NULL;
    if (connect(*fd, (struct sockaddr *)&address, sizeof(address))) {
        const int reason = errno;
        err = mls_err_make(pool,
                           reason == EAGAIN ? MLS_EBUSY : MLS_EUNAVAILABLE,
                           NULL, "mlserverd does not answer at %s: %s", path,
                           reason == EAGAIN ? "too many callers wait"
                                            : strerror(reason));
    }
    else {
        err = check_server(*fd, path, pool);
    }
    if (err) {
        close(*fd);
        *fd = -1;
    }
    return err;
}

mls_err *mls_wire_listen(int *fd, const char *path, int type, apr_pool_t *pool)
{
    struct sockaddr_un address;

    MLS_TRY(open_socket(fd, &address, path, type, pool));
    /* The lock on the state says that nobody else serves here. */
    unlink(path);
    if (bind(*fd, (struct sockaddr *)&address, sizeof(address))
        || chmod(path, 0660) || listen(*fd, 1024)) {
        mls_err *err = mls_err_apr(pool, errno, "listen at %s", path);
        close(*fd);
        *fd = -1;
        return err;
    }
    return NULL;
}

int mls_wire_peer_allowed(int fd, const mls_wire_peers *peers, uid_t *uid,
                          gid_t *gid)
{
    struct ucred peer = { 0, (uid_t)-1, (gid_t)-1 };
    socklen_t length = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length)) {
        return 0;
    }
    *uid = peer.uid;
    *gid = peer.gid;
    return peer.uid == 0 || peer.uid == peers->user
           || (peers->any_of_group && peer.gid == peers->group);
}

/* Wait until the socket is ready; an error when the deadline passes first. */
static mls_err *await(int fd, short events, apr_time_t deadline,
                      apr_pool_t *pool)
{
    for (;;) {
        const apr_time_t left = deadline - apr_time_now();
        struct pollfd entry = { fd, events, 0 };

        if (left <= 0) {
            return mls_err_make(pool, MLS_ETIMEOUT, NULL,
                                "mlserverd took too long");
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

static mls_err *broken(apr_pool_t *pool, int reason)
{
    return mls_err_make(pool, MLS_EUNAVAILABLE, NULL,
                        "the connection to mlserverd broke: %s",
                        reason ? strerror(reason) : "it was closed");
}

static mls_err *send_all(int fd, const void *data, size_t length, int flags,
                         apr_time_t deadline, apr_pool_t *pool)
{
    const char *at = data;

    while (length) {
        const ssize_t sent =
            send(fd, at, length, MSG_NOSIGNAL | MSG_DONTWAIT | flags);
        if (sent >= 0) {
            at += sent;
            length -= (size_t)sent;
        }
        else if (errno == EAGAIN) {
            MLS_TRY(await(fd, POLLOUT, deadline, pool));
        }
        else if (errno != EINTR) {
            return broken(pool, errno);
        }
    }
    return NULL;
}

mls_err *mls_wire_send(int fd, const char *text, size_t length,
                       apr_time_t deadline, apr_pool_t *pool)
{
    unsigned char prefix[MLS_WIRE_PREFIX];

    if (length > MLS_WIRE_ANSWER_MAX) {
        return mls_err_make(pool, MLS_ETOOLARGE, NULL,
                            "a frame of %" APR_SIZE_T_FMT " bytes", length);
    }
    mls_wire_set_length(prefix, (uint32_t)length);
    MLS_TRY(send_all(fd, prefix, sizeof(prefix), MSG_MORE, deadline, pool));
    return send_all(fd, text, length, 0, deadline, pool);
}

static mls_err *receive_all(int fd, void *data, size_t length,
                            apr_time_t deadline, apr_pool_t *pool)
{
    char *at = data;

    while (length) {
        const ssize_t got = recv(fd, at, length, MSG_DONTWAIT);
        if (got > 0) {
            at += got;
            length -= (size_t)got;
        }
        else if (got == 0) {
            return broken(pool, 0);
        }
        else if (errno == EAGAIN) {
            MLS_TRY(await(fd, POLLIN, deadline, pool));
        }
        else if (errno != EINTR) {
            return broken(pool, errno);
        }
    }
    return NULL;
}

mls_err *mls_wire_receive(char **text, size_t *length, int fd, size_t maximum,
                          apr_time_t deadline, apr_pool_t *pool)
{
    unsigned char prefix[MLS_WIRE_PREFIX];

    MLS_TRY(receive_all(fd, prefix, sizeof(prefix), deadline, pool));
    *length = mls_wire_length(prefix);
    if (*length > maximum) {
        return mls_err_make(pool, MLS_ETOOLARGE, NULL,
                            "a frame of %" APR_SIZE_T_FMT " bytes, at most "
                            "%" APR_SIZE_T_FMT " are taken",
                            *length, maximum);
    }
    *text = apr_palloc(pool, *length + 1);
    MLS_TRY(receive_all(fd, *text, *length, deadline, pool));
    (*text)[*length] = '\0';
    return NULL;
}
