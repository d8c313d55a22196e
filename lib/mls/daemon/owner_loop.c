/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: frames in, jobs out, answers back. One thread, no blocking. */

#include "daemon/owner_private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_strings.h>

enum {
    CONNECTIONS = 4000,
    EVENTS = 64,
    LAST_ANSWERS = 1000000 /* microseconds to send what is done at a stop */
};

/* What waits for what: a prefix, a text, a job, the socket. */
enum phase { PREFIX, TEXT, JOB, ANSWER };

struct connection {
    int fd;
    enum phase phase;
    int greeted; /* said hello */
    int admin;   /* may do what MLS_OP_ADMIN says */
    unsigned char prefix[MLS_WIRE_PREFIX];
    char *text;
    size_t length, done; /* of what the phase moves */
    apr_pool_t *pool;    /* of the request being read or done */
    mls_job *job;
    struct connection *next, **link;
};

struct loop {
    mls_owner *owner;
    int epoll, listener, signals;
    struct connection *connections;
    mls_wire_peers peers;
    int stop;
    apr_pool_t *pool;
};

/* ---- connections ---- */

static void arm(struct loop *loop, struct connection *c, uint32_t events)
{
    struct epoll_event event = { events | EPOLLONESHOT, { .ptr = c } };

    epoll_ctl(loop->epoll, EPOLL_CTL_MOD, c->fd, &event);
}

static void forget(struct loop *loop, struct connection *c)
{
    close(c->fd);
    if (c->pool) {
        apr_pool_destroy(c->pool);
    }
    *c->link = c->next;
    if (c->next) {
        c->next->link = c->link;
    }
    free(c);
    atomic_fetch_sub(&loop->owner->connections, 1);
}

static void begin_request(struct connection *c)
{
    if (c->pool) {
        apr_pool_destroy(c->pool);
    }
    c->pool = NULL;
    c->job = NULL;
    c->phase = PREFIX;
    c->done = 0;
    c->length = MLS_WIRE_PREFIX;
}

static void accept_one(struct loop *loop, int fd)
{
    struct epoll_event event = { EPOLLIN | EPOLLONESHOT, { NULL } };
    uid_t uid;
    gid_t gid;

    if (!mls_wire_peer_allowed(fd, &loop->peers, &uid, &gid)) {
        atomic_fetch_add(&loop->owner->refused, 1);
        mls_daemon_log(loop->owner->daemon,
                       "peer_refused socket=registry uid=%ld gid=%ld",
                       (long)uid, (long)gid);
        close(fd);
        return;
    }
    struct connection *c =
        atomic_load(&loop->owner->connections) < CONNECTIONS
            ? calloc(1, sizeof(*c)) : NULL;
    if (!c) {
        close(fd);
        return;
    }
    c->fd = fd;
    c->admin = uid == 0 || uid == loop->peers.user;
    begin_request(c);
    c->link = &loop->connections;
    c->next = loop->connections;
    if (c->next) {
        c->next->link = &c->next;
    }
    loop->connections = c;
    atomic_fetch_add(&loop->owner->connections, 1);
    event.data.ptr = c;
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event)) {
        forget(loop, c);
    }
}

static void accept_all(struct loop *loop)
{
    for (int i = 0; i < EVENTS; i++) {
        const int fd = accept4(loop->listener, NULL, NULL,
                               SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE) {
                mls_daemon_log(loop->owner->daemon,
                               "accept_failed reason=\"%s\"",
                               strerror(errno));
                usleep(10000);
            }
            return;
        }
        accept_one(loop, fd);
    }
}

/* ---- answers ---- */

static void send_answer(struct loop *loop, struct connection *c)
{
    while (c->done < c->length) {
        const size_t behind = c->done < MLS_WIRE_PREFIX
                                  ? 0 : c->done - MLS_WIRE_PREFIX;
        const int in_prefix = c->done < MLS_WIRE_PREFIX;
        const ssize_t sent =
            in_prefix ? send(c->fd, c->prefix + c->done,
                             MLS_WIRE_PREFIX - c->done,
                             MSG_NOSIGNAL | MSG_MORE)
                      : send(c->fd, c->job->answer + behind,
                             c->length - c->done, MSG_NOSIGNAL);
        if (sent >= 0) {
            c->done += (size_t)sent;
        }
        else if (errno == EAGAIN) {
            arm(loop, c, EPOLLOUT);
            return;
        }
        else if (errno != EINTR) {
            forget(loop, c);
            return;
        }
    }
    begin_request(c);
    arm(loop, c, EPOLLIN);
}

static void begin_answer(struct loop *loop, struct connection *c,
                         mls_job *job)
{
    if (job->answer_length > MLS_WIRE_ANSWER_MAX) {
        mls_job_answer(job, mls_err_make(job->pool, MLS_ETOOLARGE, NULL,
                                         "the answer is too large"));
    }
    c->job = job;
    c->phase = ANSWER;
    c->done = 0;
    c->length = MLS_WIRE_PREFIX + job->answer_length;
    mls_wire_set_length(c->prefix, (uint32_t)job->answer_length);
    send_answer(loop, c);
}

static void take_done(struct loop *loop)
{
    uint64_t count;
    mls_job *job;

    if (read(loop->owner->done_event, &count, sizeof(count)) < 0
        && errno != EAGAIN) {
        return;
    }
    job = mls_queue_take(&loop->owner->done, -1, 0);
    while (job) {
        mls_job *next = job->next;
        begin_answer(loop, job->connection, job);
        job = next;
    }
}

/* ---- requests ---- */

static mls_err *check_call(const struct connection *c, const mls_op *op,
                           const char *name, const mls_json *request)
{
    const int hello = name && !strcmp(name, "hello");

    if (!op || (op->flags & MLS_OP_INTERNAL)) {
        return mls_err_make(c->pool, MLS_EINVALID, NULL,
                            "there is no operation \"%s\"", name ? name : "");
    }
    if (hello && mls_json_int(request, "protocol", 0) != MLS_WIRE_PROTOCOL) {
        return mls_err_make(c->pool, MLS_EINVALID, NULL,
                            "this server speaks protocol %d",
                            MLS_WIRE_PROTOCOL);
    }
    if (!hello && !c->greeted) {
        return mls_err_make(c->pool, MLS_EINVALID, NULL,
                            "the first operation is hello");
    }
    if ((op->flags & MLS_OP_ADMIN) && !c->admin) {
        return mls_err_make(c->pool, MLS_EFORBIDDEN, NULL,
                            "%s is for root and the server's own user", name);
    }
    return NULL;
}

static mls_queue *queue_of(mls_owner *owner, const mls_op *op)
{
    return op->kind == MLS_OP_WRITE ? &owner->writes
           : op->kind == MLS_OP_SLOW ? &owner->slow : &owner->readers;
}

static void begin_job(struct loop *loop, struct connection *c)
{
    mls_owner *owner = loop->owner;
    mls_json *request = NULL;

    atomic_fetch_add(&owner->requests, 1);
    mls_err *err = mls_json_parse(&request, c->text, c->length, c->pool);
    const char *name = mls_json_string(request, "op");
    const mls_op *op = name ? mls_op_find(name) : NULL;
    if (!err) {
        err = check_call(c, op, name, request);
    }
    if (loop->stop) {
        forget(loop, c); /* the next owner will answer it */
        return;
    }
    mls_job *job = mls_job_make(owner, op, request, c->pool);
    job->connection = c;
    job->size = (int64_t)c->length;
    c->phase = JOB;
    if (!err) {
        c->greeted = 1;
        if (mls_queue_put(queue_of(owner, op), job)) {
            return;
        }
        err = mls_err_make(c->pool, MLS_EBUSY, NULL,
                           "too many requests wait for the registry");
    }
    mls_job_answer(job, err);
    begin_answer(loop, c, job);
}

static int begin_text(struct connection *c)
{
    c->length = mls_wire_length(c->prefix);
    c->done = 0;
    c->phase = TEXT;
    if (c->length > MLS_WIRE_REQUEST_MAX) {
        return 0;
    }
    apr_pool_create(&c->pool, NULL);
    c->text = apr_palloc(c->pool, c->length + 1);
    c->text[c->length] = '\0';
    return 1;
}

static void read_request(struct loop *loop, struct connection *c)
{
    for (;;) {
        char *at = c->phase == PREFIX ? (char *)c->prefix : c->text;
        const ssize_t got = recv(c->fd, at + c->done, c->length - c->done, 0);
        if (got < 0 && errno == EAGAIN) {
            arm(loop, c, EPOLLIN);
            return;
        }
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            forget(loop, c);
            return;
        }
        c->done += (size_t)got;
        if (c->done < c->length) {
            continue;
        }
        if (c->phase == TEXT) {
            begin_job(loop, c);
            return;
        }
        if (!begin_text(c)) {
            mls_daemon_log(loop->owner->daemon,
                           "frame_refused bytes=%lu",
                           (unsigned long)c->length);
            forget(loop, c);
            return;
        }
        if (c->length == 0) {
            begin_job(loop, c);
            return;
        }
    }
}

/* ---- the loop ---- */

static mls_err *watch(struct loop *loop, int *tag)
{
    struct epoll_event event = { EPOLLIN, { .ptr = tag } };

    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, *tag, &event)
               ? mls_err_apr(loop->pool, errno, "epoll_ctl") : NULL;
}

static mls_err *open_loop(struct loop *loop)
{
    mls_daemon *daemon = loop->owner->daemon;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    loop->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->signals < 0 || loop->epoll < 0) {
        return mls_err_apr(loop->pool, errno, "signalfd and epoll");
    }
    MLS_TRY(mls_wire_listen(&loop->listener, daemon->paths.registry_socket,
                            SOCK_STREAM, loop->pool));
    MLS_TRY(watch(loop, &loop->listener));
    MLS_TRY(watch(loop, &loop->signals));
    MLS_TRY(watch(loop, &loop->owner->done_event));
    return watch(loop, &daemon->lifeline);
}

static void handle(struct loop *loop, const struct epoll_event *event)
{
    struct connection *c = event->data.ptr;

    if (event->data.ptr == &loop->listener) {
        accept_all(loop);
    }
    else if (event->data.ptr == &loop->owner->done_event) {
        take_done(loop);
    }
    else if (event->data.ptr == &loop->signals
             || event->data.ptr == &loop->owner->daemon->lifeline) {
        loop->stop = 1;
    }
    else if (c->phase == ANSWER) {
        send_answer(loop, c);
    }
    else if (c->phase != JOB) {
        read_request(loop, c);
    }
}

static void turn(struct loop *loop, int milliseconds)
{
    struct epoll_event events[EVENTS];
    const int count = epoll_wait(loop->epoll, events, EVENTS, milliseconds);

    for (int i = 0; i < count; i++) {
        handle(loop, &events[i]);
    }
}

static int somebody_waits(const struct loop *loop)
{
    for (const struct connection *c = loop->connections; c; c = c->next) {
        if (c->phase == JOB || c->phase == ANSWER) {
            return 1;
        }
    }
    return 0;
}

/* What was begun is done and answered; what was not is refused by the close. */
static void finish(struct loop *loop)
{
    const apr_time_t deadline = apr_time_now() + LAST_ANSWERS;

    close(loop->listener);
    mls_queue_close(&loop->owner->writes);
    mls_queue_close(&loop->owner->readers);
    mls_queue_close(&loop->owner->slow);
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->signals, NULL);
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->owner->daemon->lifeline, NULL);
    while (somebody_waits(loop) && apr_time_now() < deadline) {
        turn(loop, 20);
    }
    for (struct connection *c = loop->connections; c; c = c->next) {
        shutdown(c->fd, SHUT_RDWR);
    }
}

mls_err *mls_owner_loop(mls_owner *owner, apr_pool_t *pool)
{
    struct loop loop = { .owner = owner, .pool = pool };

    loop.peers = mls_daemon_peers(&owner->daemon->who);
    MLS_TRY(open_loop(&loop));
    mls_daemon_log(owner->daemon, "ready socket=%s generation=%llu",
                   owner->daemon->paths.registry_socket,
                   (unsigned long long)atomic_load(&owner->generation));
    while (!loop.stop) {
        turn(&loop, -1);
    }
    finish(&loop);
    return NULL;
}
