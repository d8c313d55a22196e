/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's loop: accept, read one datagram, give it to a helper or to
 * the pool. */

#include "daemon/super.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "daemon/super_private.h"
#include "daemon/super_pool.h"

enum {
    CONNECTIONS = 256, /* that have not said yet what they want */
    HELPERS = 64,
    POLLED = 4096,
    SPEAK_SECONDS = 10,
    FIXED = 3 /* listener, lifeline, signals */
};

typedef struct waiting {
    int fd;
    apr_time_t since;
} waiting;

typedef struct supervisor {
    mls_daemon *daemon;
    apr_pool_t *pool;
    mls_registry *registry;
    mls_pool *workers;
    int listener, signals;
    waiting connections[CONNECTIONS];
    int connection_count;
    pid_t helpers[HELPERS];
    int helper_count;
    int sweeping; /* pid of the helper that sweeps, or 0 */
    apr_time_t swept;
    apr_uint64_t compiled, refused;
    int stop;
} supervisor;

/* ---- answers ---- */

static void answer_text(int connection, const char *text)
{
    (void)send(connection, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
    close(connection);
}

static void answer_error(supervisor *super, int connection, int code,
                         const char *message)
{
    apr_pool_t *scratch;

    apr_pool_create(&scratch, super->pool);
    answer_text(connection,
                mls_wire_refusal(mls_err_make(scratch, code, NULL, "%s",
                                              message),
                                 scratch));
    apr_pool_destroy(scratch);
}

static void close_all(const int *fds, int count)
{
    for (int i = 0; i < count; i++) {
        close(fds[i]);
    }
}

/* ---- helpers ---- */

static pid_t fork_helper(supervisor *super)
{
    const pid_t pid = fork();

    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        close(super->signals);
        close(super->listener);
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    }
    else if (pid > 0 && super->helper_count < HELPERS) {
        super->helpers[super->helper_count++] = pid;
    }
    return pid;
}

static const char *text_or(const mls_json *json, const char *key,
                           const char *otherwise)
{
    const char *text = mls_json_string(json, key);

    return text ? text : otherwise;
}

static void start_upload(supervisor *super, int connection,
                         const mls_json *request, const int *fds, int count,
                         void (*work)(const mls_daemon *daemon,
                                      const super_upload *upload,
                                      apr_pool_t *pool))
{
    const super_upload upload = {
        connection, fds[0], count > 1 ? fds[1] : -1,
        text_or(request, "subject", ""), text_or(request, "requestId", "-"),
        super->registry
    };

    if (super->helper_count >= super->daemon->options.max_compiles) {
        super->refused++;
        answer_error(super, connection, MLS_EBUSY,
                     "the server is compiling as many models as it may at "
                     "once; try again in a moment");
        close_all(fds, count);
        return;
    }
    const pid_t pid = fork_helper(super);
    if (pid == 0) {
        work(super->daemon, &upload, super->pool);
        _exit(0);
    }
    if (pid < 0) {
        answer_error(super, connection, MLS_EUNAVAILABLE,
                     "a helper process could not be started");
    }
    else {
        super->compiled++;
        close(connection);
    }
    close_all(fds, count);
}

static void start_sweep(supervisor *super)
{
    const pid_t pid = fork_helper(super);

    if (pid == 0) {
        super_sweep_orphans(super->daemon, super->registry, super->pool);
        _exit(0);
    }
    super->swept = apr_time_now();
}

/* ---- requests ---- */

static void answer_status(supervisor *super, int connection)
{
    apr_pool_t *scratch;

    apr_pool_create(&scratch, super->pool);
    mls_json *json = mls_json_object(scratch);
    mls_json_set_bool(json, "ok", 1);
    mls_json_set_int(json, "pid", getpid());
    mls_json_set_int(json, "compiling", super->helper_count);
    mls_json_set_uint(json, "compiled", super->compiled);
    mls_json_set_uint(json, "refused", super->refused);
    mls_json_set(json, "pool", mls_pool_status(super->workers, scratch));
    answer_text(connection, mls_json_text(json, scratch));
    apr_pool_destroy(scratch);
}

static void dispatch(supervisor *super, int connection,
                     const mls_json *request, const int *fds, int count)
{
    const char *op = text_or(request, "op", "");

    if (mls_pool_takes(op)) {
        mls_pool_request(super->workers, connection, request, fds, count);
    }
    else if (!strcmp(op, "compile") && count > 0) {
        start_upload(super, connection, request, fds, count, super_compile);
    }
    else if (!strcmp(op, "store") && count > 0) {
        start_upload(super, connection, request, fds, count, super_store);
    }
    else {
        close_all(fds, count);
        if (!strcmp(op, "status") || !strcmp(op, "hello")) {
            answer_status(super, connection);
        }
        else {
            answer_error(super, connection, MLS_EINVALID,
                         "the supervisor knows no such operation");
        }
    }
}

static int receive(int fd, char *bytes, size_t size, ssize_t *got, int *fds)
{
    struct iovec part = { bytes, size };
    union {
        char bytes[CMSG_SPACE(SUPER_DESCRIPTORS * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes) };
    int count = 0;

    *got = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    for (struct cmsghdr *item = *got >= 0 ? CMSG_FIRSTHDR(&header) : NULL;
         item; item = CMSG_NXTHDR(&header, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        int found = (int)((item->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int i = 0; i < found && count < SUPER_DESCRIPTORS; i++) {
            memcpy(&fds[count++], CMSG_DATA(item) + (size_t)i * sizeof(int),
                   sizeof(int));
        }
    }
    return count;
}

static void speak(supervisor *super, int fd)
{
    apr_pool_t *scratch;
    int fds[SUPER_DESCRIPTORS];
    ssize_t got;
    mls_json *request = NULL;

    apr_pool_create(&scratch, super->pool);
    char *bytes = apr_palloc(scratch, SUPER_DATAGRAM);
    const int count = receive(fd, bytes, SUPER_DATAGRAM, &got, fds);
    if (got <= 0) {
        close_all(fds, count);
        close(fd);
    }
    else if (mls_json_parse(&request, bytes, (size_t)got, scratch)) {
        close_all(fds, count);
        answer_error(super, fd, MLS_EINVALID, "the request is not JSON");
    }
    else {
        dispatch(super, fd, request, fds, count);
    }
    apr_pool_destroy(scratch);
}

/* ---- connections ---- */

static void accept_all(supervisor *super)
{
    const mls_wire_peers peers = mls_daemon_peers(&super->daemon->who);
    uid_t uid;
    gid_t gid;

    while (super->connection_count < CONNECTIONS) {
        const int fd = accept4(super->listener, NULL, NULL,
                               SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            return;
        }
        if (!mls_wire_peer_allowed(fd, &peers, &uid, &gid)) {
            mls_daemon_log(super->daemon, "peer_refused uid=%ld gid=%ld",
                           (long)uid, (long)gid);
            close(fd);
            continue;
        }
        super->connections[super->connection_count++] =
            (waiting){ fd, apr_time_now() };
    }
}

static void forget(supervisor *super, int i)
{
    super->connections[i] =
        super->connections[--super->connection_count];
}

static void hear(supervisor *super, const struct pollfd *fds, int count)
{
    const apr_time_t late = apr_time_now() - apr_time_from_sec(SPEAK_SECONDS);

    for (int i = count - 1; i >= 0; i--) {
        const int fd = super->connections[i].fd;
        if (fds[i].revents) {
            forget(super, i);
            speak(super, fd);
        }
        else if (super->connections[i].since < late) {
            forget(super, i);
            close(fd);
        }
    }
}

/* ---- children ---- */

static void reap(supervisor *super)
{
    struct signalfd_siginfo info;
    pid_t pid;
    int status;

    while (read(super->signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
            super->stop = 1;
        }
    }
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (int i = 0; i < super->helper_count; i++) {
            if (super->helpers[i] == pid) {
                super->helpers[i] = super->helpers[--super->helper_count];
                break;
            }
        }
        mls_pool_reaped(super->workers, pid, status);
    }
}

static mls_err *open_signals(supervisor *super)
{
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    signal(SIGPIPE, SIG_IGN);
    super->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    return super->signals < 0
               ? mls_err_apr(super->pool, errno, "cannot watch signals")
               : NULL;
}

/* ---- the loop ---- */

static void turn(supervisor *super, struct pollfd *fds)
{
    int timeout = 60000;

    fds[0] = (struct pollfd){ super->listener, POLLIN, 0 };
    fds[1] = (struct pollfd){ super->daemon->lifeline, POLLIN, 0 };
    fds[2] = (struct pollfd){ super->signals, POLLIN, 0 };
    for (int i = 0; i < super->connection_count; i++) {
        fds[FIXED + i] =
            (struct pollfd){ super->connections[i].fd, POLLIN, 0 };
        timeout = 1000;
    }
    const int spoken = super->connection_count;
    const int pool_at = FIXED + spoken;
    int pooled = mls_pool_poll(super->workers, fds + pool_at,
                               POLLED - pool_at, &timeout);
    if (pooled < 0) {
        pooled = 0;
        timeout = 50;
    }
    if (poll(fds, (nfds_t)(pool_at + pooled), timeout) < 0) {
        return;
    }
    if (fds[1].revents) {
        super->stop = 1;
        return;
    }
    mls_pool_dispatch(super->workers, fds + pool_at, pooled);
    hear(super, fds + FIXED, spoken);
    if (fds[0].revents) {
        accept_all(super);
    }
    reap(super);
    if (super->swept + apr_time_from_sec(600) < apr_time_now()) {
        start_sweep(super);
    }
}

static mls_err *prepare(supervisor *super)
{
    mls_daemon *daemon = super->daemon;
    const char *why;

    MLS_TRY(mls_become_supervisor(&daemon->who, super->pool));
    MLS_TRY(open_signals(super));
    MLS_TRY(mls_registry_open(&super->registry, daemon->paths.registry_socket,
                              super->pool));
    super_sweep_temporary(daemon, super->pool);
    const int namespaces = super_namespaces(daemon, &why, super->pool);
    if (!namespaces) {
        mls_daemon_log(daemon,
                       "sandbox state=%s reason=\"%s\" meaning=\"%s\"",
                       daemon->options.sandbox_reduced ? "REDUCED" : "REFUSED",
                       why,
                       daemon->options.sandbox_reduced
                           ? "uploads and code run under limits and their own "
                             "user only"
                           : "models cannot be compiled and code cannot run "
                             "here; allow user namespaces, or set "
                             "MLServerSandbox reduced");
    }
    else {
        daemon->options.sandbox_reduced = 0;
    }
    MLS_TRY(super_pool_create(&super->workers, daemon, super->registry,
                              namespaces, super->pool));
    return mls_wire_listen(&super->listener, daemon->paths.supervisor_socket,
                           SOCK_SEQPACKET, super->pool);
}

int mls_super_main(mls_daemon *daemon, apr_pool_t *pool)
{
    supervisor *super = apr_pcalloc(pool, sizeof(*super));
    struct pollfd *fds = apr_pcalloc(pool, POLLED * sizeof(*fds));

    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    super->daemon = daemon;
    super->pool = pool;
    super->swept = apr_time_now();
    mls_err *err = prepare(super);
    if (err) {
        mls_daemon_log_err(daemon, err, "cannot_start");
        return err->code == MLS_EINVALID ? MLS_EXIT_HOPELESS : 1;
    }
    mls_daemon_log(daemon, "up");
    while (!super->stop) {
        turn(super, fds);
    }
    mls_pool_stop(super->workers);
    for (int i = 0; i < super->helper_count; i++) {
        kill(super->helpers[i], SIGKILL);
    }
    return 0;
}
