/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to the pool supervisor and, over a handed-on stream, to workers. */

#include "pool/pool_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "pool/dgram.h"

enum {
    FRAME_HEADER = 5,
    CONSOLE_LIMIT = 1 << 20,
    RESULT_LIMIT = 1 << 30,
    CHUNK = 1 << 16
};

struct mls_pool_client {
    const char *path;
};

/** One call on its way. */
typedef struct conversation {
    apr_pool_t *pool;
    const mls_pool_call *call;
    apr_time_t deadline;
    int connection; /* to the supervisor */
    int stream;     /* to the worker */
    int console;    /* the worker's memory file */
    mls_json *verdict; /* a second datagram: crashed, timeout */
    int cancelled;  /* the supervisor hung up */
    apr_time_t started;
    apr_time_t waited; /* until a worker had the stream */
    int session;    /* it does so at once: it only passed the stream on */
    /* bytes read ahead of the current frame */
    char *buffer;
    apr_size_t have;
} conversation;

mls_err *mls_pool_client_open(mls_pool_client **out, const char *socket_path,
                              apr_pool_t *pool)
{
    struct sockaddr_un address;

    if (strlen(socket_path) >= sizeof(address.sun_path)) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "the socket path %s is longer than %d bytes; "
                            "choose a shorter run directory",
                            socket_path, (int)sizeof(address.sun_path) - 1);
    }
    mls_pool_client *made = apr_pcalloc(pool, sizeof(*made));
    made->path = apr_pstrdup(pool, socket_path);
    *out = made;
    return NULL;
}

/* ---- descriptors live as long as the call's pool ---- */

static apr_status_t close_fd(void *data)
{
    int *fd = data;

    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return APR_SUCCESS;
}

static void close_with_pool(int *fd, apr_pool_t *pool)
{
    apr_pool_cleanup_register(pool, fd, close_fd, apr_pool_cleanup_null);
}

static mls_err *unavailable(apr_pool_t *pool, const char *what)
{
    return mls_err_make(pool, MLS_EUNAVAILABLE, NULL,
                        "the pool supervisor %s; try again in a moment", what);
}

static mls_err *connect_supervisor(int *out, const mls_pool_client *client,
                                   apr_pool_t *pool)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return mls_err_apr(pool, errno, "cannot make a socket");
    }
    apr_cpystrn(address.sun_path, client->path, sizeof(address.sun_path));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        return unavailable(pool, "does not answer");
    }
    *out = fd;
    return NULL;
}

/* The socket's buffer has room for a first datagram. */
static mls_err *send_request(conversation *talk, const mls_json *request,
                             const int *fds, int count)
{
    mls_err *err = mls_dgram_send(talk->connection, request, fds, count,
                                  talk->deadline, talk->pool);

    return !err || err->code == MLS_ETOOLARGE
               ? err
               : unavailable(talk->pool, "went away");
}

/* ---- waiting ---- */

static mls_err *caller_gone(conversation *talk)
{
    return mls_err_make(talk->pool, MLS_EGONE, NULL, "the caller went away");
}

/* Wait until `events` on `fd`, the deadline, or the caller's end. A datagram
 * of the supervisor that comes meanwhile is kept as the verdict. */
static mls_err *wait_for(conversation *talk, int fd, short events);

/* A datagram if there is one, with at most one descriptor. */
static mls_err *read_attached(conversation *talk, mls_json **out, int *fd)
{
    int fds[MLS_DGRAM_FDS], count;
    mls_err *err = mls_dgram_receive(out, fds, &count, talk->connection, 0,
                                     talk->pool);

    for (int i = 0; i < count; i++) {
        if (fd && *fd < 0) {
            *fd = fds[i];
        }
        else {
            close(fds[i]);
        }
    }
    if (!err) {
        talk->cancelled = !*out;
        return NULL;
    }
    *out = NULL;
    if (err->code == MLS_EUNAVAILABLE) {
        talk->cancelled = 1;
        return NULL;
    }
    return err->code == MLS_ETIMEOUT ? NULL : err; /* nothing there yet */
}

static mls_err *read_datagram(conversation *talk, mls_json **out)
{
    return read_attached(talk, out, NULL);
}

static mls_err *wait_for(conversation *talk, int fd, short events)
{
    for (;;) {
        apr_time_t left = talk->deadline - apr_time_now();
        struct pollfd fds[3] = {
            {fd, events, 0},
            {fd == talk->connection || talk->cancelled ? -1
                                                       : talk->connection,
             POLLIN, 0},
            {talk->call->caller, 0, 0}};

        if (left <= 0) {
            return mls_err_make(talk->pool, MLS_ETIMEOUT, NULL,
                                "the call took longer than its time limit of "
                                "%d ms",
                                talk->call->time_limit);
        }
        int slice = left < 200000 ? (int)(left / 1000) + 1 : 200;
        if (poll(fds, 3, slice) < 0 && errno != EINTR) {
            return mls_err_apr(talk->pool, errno, "cannot wait for a worker");
        }
        if (fds[1].revents && !talk->verdict) {
            MLS_TRY(read_datagram(talk, &talk->verdict));
        }
        if (fds[0].revents) {
            return NULL;
        }
        if (fds[2].revents & (POLLHUP | POLLERR | POLLNVAL) ||
            (talk->call->gone && talk->call->gone(talk->call->baton))) {
            return caller_gone(talk);
        }
    }
}

/* ---- the supervisor's answers ---- */

static mls_err *answer_error(const mls_json *answer, apr_pool_t *pool)
{
    static const struct {
        const char *name;
        int code;
    } codes[] = {{"busy", MLS_EBUSY},
                 {"notfound", MLS_ENOTFOUND},
                 {"invalid", MLS_EINVALID},
                 {"timeout", MLS_ETIMEOUT},
                 {"nospace", MLS_ENOSPACE},
                 {"unavailable", MLS_EUNAVAILABLE}};
    const char *name = mls_json_string(answer, "code");
    const char *message = mls_json_string(answer, "message");
    int code = MLS_EOTHER;

    for (size_t i = 0; name && i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strcmp(codes[i].name, name) == 0) {
            code = codes[i].code;
        }
    }
    return mls_err_make(pool, code, NULL, "%s",
                        message ? message : "the supervisor refused");
}

static mls_err *first_answer(conversation *talk, mls_json **out)
{
    mls_json *answer = NULL;

    while (!answer) {
        MLS_TRY(wait_for(talk, talk->connection, POLLIN));
        MLS_TRY(read_datagram(talk, &answer));
        if (talk->cancelled) {
            return unavailable(talk->pool, "went away");
        }
    }
    if (!mls_json_bool(answer, "ok", 0)) {
        return answer_error(answer, talk->pool);
    }
    *out = answer;
    return NULL;
}

static mls_err *begin(conversation **out, const mls_pool_client *client,
                      const mls_pool_call *call, apr_pool_t *pool)
{
    conversation *talk = apr_pcalloc(pool, sizeof(*talk));

    talk->pool = pool;
    talk->call = call;
    talk->stream = talk->console = -1;
    talk->started = apr_time_now();
    talk->deadline = talk->started + (apr_time_t)call->time_limit * 1000;
    MLS_TRY(connect_supervisor(&talk->connection, client, pool));
    close_with_pool(&talk->connection, pool);
    close_with_pool(&talk->stream, pool);
    close_with_pool(&talk->console, pool);
    *out = talk;
    return NULL;
}

static void common_members(mls_json *request, const mls_pool_call *call)
{
    mls_json_set_string(request, "requestId", call->request_id);
    mls_json_set_int(request, "deadlineMs", call->time_limit);
}

/* ---- frames out ---- */

static mls_err *send_all(conversation *talk, const char *bytes,
                         apr_size_t length, int *closed)
{
    while (length > 0) {
        ssize_t put = send(talk->stream, bytes, length,
                           MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put > 0) {
            bytes += put;
            length -= (apr_size_t)put;
        }
        else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            MLS_TRY(wait_for(talk, talk->stream, POLLOUT));
        }
        else if (errno != EINTR) {
            *closed = 1; /* it died; reading tells why */
            return NULL;
        }
    }
    return NULL;
}

static mls_err *send_frame(conversation *talk, char kind, const char *bytes,
                           apr_size_t length, int *closed)
{
    unsigned char header[FRAME_HEADER] = {
        (unsigned char)kind, length & 0xff, (length >> 8) & 0xff,
        (length >> 16) & 0xff, (length >> 24) & 0xff};

    MLS_TRY(send_all(talk, (const char *)header, sizeof(header), closed));
    return *closed ? NULL : send_all(talk, bytes, length, closed);
}

static mls_err *send_source(conversation *talk, int source, int *closed)
{
    char *chunk = apr_palloc(talk->pool, CHUNK);
    off_t offset = 0;

    while (!*closed) {
        ssize_t got = pread(source, chunk, CHUNK, offset);
        if (got < 0) {
            return mls_err_apr(talk->pool, errno, "cannot read the upload");
        }
        MLS_TRY(send_frame(talk, 'D', chunk, (apr_size_t)got, closed));
        if (got == 0) {
            break;
        }
        offset += got;
    }
    return NULL;
}

/* ---- frames in ---- */

/* The first is the console; there should be no more. */
static void keep_descriptor(conversation *talk, struct msghdr *header)
{
    int fds[1], count = 0;

    mls_rights_take(header, fds, &count, 1);
    if (count && talk->console >= 0) {
        close(fds[0]);
    }
    else if (count) {
        talk->console = fds[0];
    }
}

/* Receive some bytes; *got is 0 at the end of the stream. */
static mls_err *receive_some(conversation *talk, char *bytes, apr_size_t room,
                             apr_size_t *got)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec part = {bytes, room};

    for (;;) {
        struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1,
                                .msg_control = control.bytes,
                                .msg_controllen = sizeof(control.bytes)};
        ssize_t count = recvmsg(talk->stream, &header,
                                MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (count >= 0) {
            keep_descriptor(talk, &header);
            *got = (apr_size_t)count;
            return NULL;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            MLS_TRY(wait_for(talk, talk->stream, POLLIN));
        }
        else if (errno != EINTR) {
            *got = 0;
            return NULL;
        }
    }
}

static mls_err *receive_exactly(conversation *talk, char *bytes,
                                apr_size_t length, int *ended)
{
    while (length > 0) {
        apr_size_t got;
        MLS_TRY(receive_some(talk, bytes, length, &got));
        if (got == 0) {
            *ended = 1;
            return NULL;
        }
        bytes += got;
        length -= got;
    }
    return NULL;
}

static mls_err *write_sink(conversation *talk, int sink, const char *bytes,
                           apr_size_t length)
{
    while (length > 0) {
        ssize_t put = write(sink, bytes, length);
        if (put < 0 && errno != EINTR) {
            return mls_err_apr(talk->pool, errno, "cannot keep the answer");
        }
        if (put > 0) {
            bytes += put;
            length -= (apr_size_t)put;
        }
    }
    return NULL;
}

static mls_err *receive_data(conversation *talk, int sink, apr_size_t length,
                             int *ended)
{
    char *chunk = apr_palloc(talk->pool, CHUNK);

    while (length > 0 && !*ended) {
        apr_size_t part = length < CHUNK ? length : CHUNK;
        MLS_TRY(receive_exactly(talk, chunk, part, ended));
        if (!*ended && sink >= 0) {
            MLS_TRY(write_sink(talk, sink, chunk, part));
        }
        length -= part;
    }
    return NULL;
}

static mls_err *receive_result(conversation *talk, mls_pool_result *result,
                               apr_size_t length, int *ended)
{
    if (length > RESULT_LIMIT) {
        result->reason = apr_psprintf(talk->pool,
                                      "the result is larger than %d bytes",
                                      RESULT_LIMIT);
        *ended = 1;
        return NULL;
    }
    char *bytes = apr_palloc(talk->pool, length + 1);
    MLS_TRY(receive_exactly(talk, bytes, length, ended));
    if (*ended) {
        return NULL;
    }
    mls_err *err = mls_json_parse(&result->json, bytes, length, talk->pool);
    if (err || mls_json_type_of(result->json) != MLS_JSON_OBJECT) {
        result->json = NULL;
        result->reason = "the code's process answered what is no result";
        *ended = 1;
    }
    return NULL;
}

/* Frames up to the result, or the end of the stream. */
static mls_err *receive_answer(conversation *talk, mls_pool_result *result,
                               int sink)
{
    int ended = 0;

    while (!ended && !result->json) {
        unsigned char header[FRAME_HEADER];
        MLS_TRY(receive_exactly(talk, (char *)header, sizeof(header),
                                &ended));
        if (ended) {
            break;
        }
        apr_size_t length = header[1] | (apr_size_t)header[2] << 8 |
                            (apr_size_t)header[3] << 16 |
                            (apr_size_t)header[4] << 24;
        if (header[0] == 'R') {
            MLS_TRY(receive_result(talk, result, length, &ended));
        }
        else {
            MLS_TRY(receive_data(talk, header[0] == 'B' ? sink : -1, length,
                                 &ended));
        }
    }
    return NULL;
}

/* ---- a crash ---- */

static const char *console_text(const conversation *talk)
{
    if (talk->console < 0) {
        return "";
    }
    char *text = apr_palloc(talk->pool, CONSOLE_LIMIT + 1);
    ssize_t got = pread(talk->console, text, CONSOLE_LIMIT, 0);
    text[got > 0 ? got : 0] = '\0';
    return text;
}

/* The stream ended without a result: the supervisor knows why, soon. */
static mls_err *explain_crash(conversation *talk, mls_pool_result *result)
{
    if (result->reason) { /* it was not to be read on */
        result->crashed = 1;
        result->console = console_text(talk);
        return NULL;
    }
    if (talk->session) {
        result->crashed = 1;
        result->reason = "the session's process ended; its workspace is "
                         "lost, its files are kept";
        result->console = console_text(talk);
        return NULL;
    }
    talk->deadline = apr_time_now() + apr_time_from_sec(1);
    while (!talk->verdict && !talk->cancelled) {
        if (wait_for(talk, talk->connection, POLLIN) ||
            read_datagram(talk, &talk->verdict)) {
            break;
        }
    }
    const char *code =
        talk->verdict ? mls_json_string(talk->verdict, "code") : NULL;
    if (code && strcmp(code, "timeout") == 0) {
        return answer_error(talk->verdict, talk->pool);
    }
    if (!talk->verdict && talk->cancelled) {
        return unavailable(talk->pool, "went away while the code ran");
    }
    const char *message =
        talk->verdict ? mls_json_string(talk->verdict, "message") : NULL;
    result->crashed = 1;
    result->reason = message ? message : "the code's process ended";
    result->console = console_text(talk);
    return NULL;
}

static void say_done(conversation *talk)
{
    static const char done[] = "{\"op\":\"done\"}";

    if (!talk->cancelled) {
        (void)send(talk->connection, done, sizeof(done) - 1,
                   MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}

/* ---- the calls ---- */

static mls_err *hand_stream(conversation *talk, mls_json *request, int file)
{
    int pair[2], fds[2];
    mls_json *answer;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return mls_err_apr(talk->pool, errno, "cannot make a stream");
    }
    talk->stream = pair[0];
    fds[0] = pair[1];
    fds[1] = file;
    mls_err *err = send_request(talk, request, fds, file >= 0 ? 2 : 1);
    close(pair[1]);
    MLS_TRY(err);
    err = first_answer(talk, &answer);
    talk->waited = apr_time_now() - talk->started;
    return err;
}

static mls_err *exchange(mls_pool_result **out, conversation *talk,
                         const mls_session_data *data)
{
    mls_pool_result *result = apr_pcalloc(talk->pool, sizeof(*result));
    int closed = 0;

    result->waited = talk->waited;
    if (data->body) {
        MLS_TRY(send_frame(talk, 'Q', data->body, data->length, &closed));
    }
    if (data->source >= 0 && !closed) {
        MLS_TRY(send_source(talk, data->source, &closed));
    }
    MLS_TRY(receive_answer(talk, result, data->sink));
    if (result->json) {
        say_done(talk);
    }
    else {
        MLS_TRY(explain_crash(talk, result));
    }
    *out = result;
    return NULL;
}

mls_err *mls_pool_run(mls_pool_result **out, mls_pool_client *client,
                      const mls_pool_call *call, const char *service,
                      const char *version, apr_uint64_t generation,
                      const char *body, apr_size_t length, apr_pool_t *pool)
{
    mls_json *request = mls_json_object(pool);
    conversation *talk;

    MLS_TRY(begin(&talk, client, call, pool));
    mls_json_set_string(request, "op", "run");
    mls_json_set_string(request, "service", service);
    mls_json_set_string(request, "version", version);
    mls_json_set_uint(request, "generation", generation);
    common_members(request, call);
    MLS_TRY(hand_stream(talk, request, -1));
    char *whole = apr_palloc(pool, length + 12);
    memcpy(whole, "{\"inputs\":", 10);
    memcpy(whole + 10, body, length);
    memcpy(whole + 10 + length, "}", 2);
    mls_session_data data = {whole, length + 11, -1, -1, -1};
    return exchange(out, talk, &data);
}

mls_err *mls_session_control(mls_json **answer, mls_pool_client *client,
                             const mls_pool_call *call, mls_json *request,
                             apr_pool_t *pool)
{
    conversation *talk;

    MLS_TRY(begin(&talk, client, call, pool));
    common_members(request, call);
    MLS_TRY(send_request(talk, request, NULL, 0));
    return first_answer(talk, answer);
}

mls_err *mls_session_fetch(int *fd, mls_pool_client *client,
                           const mls_pool_call *call, const char *blob,
                           apr_pool_t *pool)
{
    mls_json *request = mls_json_object(pool), *answer = NULL;
    conversation *talk;

    MLS_TRY(begin(&talk, client, call, pool));
    mls_json_set_string(request, "op", "session.fetch");
    mls_json_set_string(request, "blob", blob);
    common_members(request, call);
    MLS_TRY(send_request(talk, request, NULL, 0));
    while (!answer) {
        MLS_TRY(wait_for(talk, talk->connection, POLLIN));
        MLS_TRY(read_attached(talk, &answer, &talk->console));
        if (talk->cancelled) {
            return unavailable(pool, "went away");
        }
    }
    if (!mls_json_bool(answer, "ok", 0) || talk->console < 0) {
        return answer_error(answer, pool);
    }
    *fd = talk->console;
    return NULL;
}

mls_err *mls_session_do(mls_pool_result **out, mls_pool_client *client,
                        const mls_pool_call *call, const mls_subject *subject,
                        const char *session, mls_json *operation,
                        const mls_session_data *data, apr_pool_t *pool)
{
    mls_json *request = mls_json_object(pool);
    conversation *talk;

    MLS_TRY(begin(&talk, client, call, pool));
    talk->session = 1;
    mls_json_set_string(request, "op", "session.do");
    mls_json_set_string(request, "id", session);
    mls_json_set_string(request, "provider", subject->provider);
    mls_json_set_string(request, "user", subject->name);
    mls_json_set(request, "request", operation);
    common_members(request, call);
    MLS_TRY(hand_stream(talk, request, data->file));
    return exchange(out, talk, data);
}
