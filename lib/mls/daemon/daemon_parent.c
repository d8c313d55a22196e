/* SPDX-License-Identifier: Apache-2.0 */
/* The parent: starts the children, starts them again, ends with httpd. It reads
 * nothing from anybody. */

#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "daemon/isolate.h"
#include "daemon/owner.h"
#include "daemon/super.h"
#include "registry/bdb/bdb_env.h"

enum {
    CHILDREN = 2,
    LOCK_WAIT = 10,        /* seconds for a former mlserverd to end */
    STOP_AFTER = 8,        /* seconds that a child has to stop in order */
    LIVED_LONG = 1000000,  /* microseconds: a death after that is no loop */
    BACKOFF_FIRST = 20000, /* microseconds */
    BACKOFF_MOST = 1000000 /* callers wait for two seconds */
};

struct child {
    const char *role;
    int (*run)(mls_daemon *daemon, apr_pool_t *pool);
    pid_t pid; /* 0: not running */
    apr_time_t started;
    apr_time_t start_at; /* when it is not running */
    apr_interval_time_t backoff;
};

struct parent {
    mls_daemon *daemon;
    struct child children[CHILDREN];
    int signals; /* signalfd */
    int httpd;   /* pidfd, or -1 */
    int lifeline_end; /* write end: closed when this process ends */
    sigset_t before;  /* signal mask that children start with */
    int stopping;
    int exit_code;
    apr_pool_t *pool;
};

/* ---- start ---- */

static mls_err *open_signals(struct parent *parent)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigprocmask(SIG_BLOCK, &set, &parent->before);
    sigdelset(&parent->before, SIGTERM);
    sigdelset(&parent->before, SIGINT);
    sigdelset(&parent->before, SIGCHLD);
    parent->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return parent->signals < 0
               ? mls_err_apr(parent->pool, errno, "signalfd") : NULL;
}

/* A process that is gone already is no error: we stop at once. */
static mls_err *open_httpd(struct parent *parent)
{
    const pid_t pid = parent->daemon->options.httpd_pid;

    parent->httpd = -1;
    if (!pid) {
        return NULL;
    }
    parent->httpd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (parent->httpd < 0 && errno == ESRCH) {
        parent->stopping = 1;
        return NULL;
    }
    return parent->httpd < 0
               ? mls_err_apr(parent->pool, errno, "watch httpd, pid %ld",
                             (long)pid)
               : NULL;
}

static mls_err *open_lifeline(struct parent *parent)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC)) {
        return mls_err_apr(parent->pool, errno, "pipe");
    }
    parent->daemon->lifeline = ends[0];
    parent->lifeline_end = ends[1];
    return NULL;
}

/* In a directory of the user's: never through a link, never half written. */
static mls_err *write_pid_file(const struct parent *parent)
{
    const char *path = parent->daemon->paths.pid_file;
    const char *temporary =
        apr_psprintf(parent->pool, "%s.%ld", path, (long)getpid());
    const char *text = apr_psprintf(parent->pool, "%ld\n", (long)getpid());

    unlink(temporary);
    const int fd = open(temporary,
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                        0644);
    if (fd < 0) {
        return mls_err_apr(parent->pool, errno, "make %s", temporary);
    }
    const ssize_t length = (ssize_t)strlen(text);
    const int wrong = write(fd, text, (size_t)length) != length;
    const int reason = errno;
    close(fd);
    if (wrong || rename(temporary, path)) {
        mls_err *err = mls_err_apr(parent->pool, wrong ? reason : errno,
                                   "write %s", path);
        unlink(temporary);
        return err;
    }
    return NULL;
}

/* The program is read once, by whoever may read it; the compile sandbox gets
 * this copy. So the image format always is the one this server was built with,
 * and the program may lie where the worker user cannot go. */
static mls_err *open_compiler(struct parent *parent)
{
    mls_daemon *daemon = parent->daemon;
    mls_err *err = mls_isolate_load(&daemon->compiler_fd,
                                    daemon->options.mlscore, parent->pool);

    return err ? mls_err_make(parent->pool, MLS_EINVALID, err,
                              "the model compiler (--mlscore)")
               : NULL;
}

/* Held by the children too, who inherit it: the next mlserverd waits until the
 * last of them is gone. */
static mls_err *lock_state(struct parent *parent)
{
    const char *path = apr_pstrcat(parent->pool, parent->daemon->paths.state,
                                   "/mlserverd.lock", NULL);
    int fd;

    return mls_bdb_lock(&fd, path, apr_time_from_sec(LOCK_WAIT),
                        parent->pool);
}

static mls_err *prepare(struct parent *parent)
{
    mls_daemon *daemon = parent->daemon;

    MLS_TRY(mls_wire_check_path(daemon->paths.registry_socket, parent->pool));
    MLS_TRY(mls_wire_check_path(daemon->paths.supervisor_socket,
                                parent->pool));
    MLS_TRY(mls_identities_find(&daemon->who, &daemon->options,
                                parent->pool));
    MLS_TRY(mls_layout_make_roots(daemon, parent->pool));
    MLS_TRY(lock_state(parent));
    MLS_TRY(open_compiler(parent));
    MLS_TRY(open_lifeline(parent));
    MLS_TRY(open_signals(parent));
    MLS_TRY(open_httpd(parent));
    mls_err *err = write_pid_file(parent);
    if (err && err->code == MLS_ENOSPACE) { /* only a convenience */
        mls_daemon_log_err(daemon, err, "no_pid_file");
        return NULL;
    }
    return err;
}

/* ---- children ---- */

/* In the child, which learns of the parent's death by a signal that it asks for
 * and by the end of the pipe. */
static void become_child(struct parent *parent, const struct child *child)
{
    mls_daemon *daemon = parent->daemon;

    daemon->role = child->role;
    close(parent->lifeline_end);
    close(parent->signals);
    if (parent->httpd >= 0) {
        close(parent->httpd);
    }
    sigprocmask(SIG_SETMASK, &parent->before, NULL);
    prctl(PR_SET_NAME, apr_pstrcat(parent->pool, "mls-", child->role, NULL),
          0, 0, 0);
    _exit(child->run(daemon, parent->pool));
}

static void start(struct parent *parent, struct child *child)
{
    child->started = apr_time_now();
    child->pid = fork();
    if (child->pid == 0) {
        become_child(parent, child);
    }
    if (child->pid < 0) {
        child->pid = 0;
        child->start_at = child->started + BACKOFF_MOST;
        mls_daemon_log(parent->daemon, "fork_failed child=%s reason=\"%s\"",
                       child->role, strerror(errno));
        return;
    }
    mls_daemon_log(parent->daemon, "started child=%s pid=%ld", child->role,
                   (long)child->pid);
}

static void start_due(struct parent *parent)
{
    for (int i = 0; i < CHILDREN; i++) {
        struct child *child = &parent->children[i];
        if (!child->pid && child->start_at <= apr_time_now()) {
            start(parent, child);
        }
    }
}

static void stop_all(struct parent *parent, int exit_code)
{
    if (!parent->stopping) {
        parent->stopping = 1;
        parent->exit_code = exit_code;
    }
    for (int i = 0; i < CHILDREN; i++) {
        if (parent->children[i].pid) {
            kill(parent->children[i].pid, SIGTERM);
        }
    }
}

static void log_death(const struct parent *parent, const struct child *child,
                      pid_t pid, int status)
{
    if (WIFSIGNALED(status)) {
        mls_daemon_log(parent->daemon, "died child=%s pid=%ld signal=%d",
                       child->role, (long)pid, WTERMSIG(status));
    }
    else {
        mls_daemon_log(parent->daemon, "ended child=%s pid=%ld code=%d",
                       child->role, (long)pid, WEXITSTATUS(status));
    }
}

static void child_ended(struct parent *parent, struct child *child, int status)
{
    const apr_time_t now = apr_time_now();
    const int lived_long = now - child->started >= LIVED_LONG;

    log_death(parent, child, child->pid, status);
    child->pid = 0;
    child->backoff = lived_long ? 0
                     : !child->backoff ? BACKOFF_FIRST
                     : child->backoff * 2 < BACKOFF_MOST ? child->backoff * 2
                                                         : BACKOFF_MOST;
    child->start_at = now + child->backoff;
    if (WIFEXITED(status) && WEXITSTATUS(status) == MLS_EXIT_HOPELESS) {
        mls_daemon_log(parent->daemon,
                       "giving_up child=%s reason=\"it cannot start\"",
                       child->role);
        stop_all(parent, MLS_EXIT_HOPELESS);
    }
}

static void reap(struct parent *parent)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (int i = 0; i < CHILDREN; i++) {
            if (parent->children[i].pid == pid) {
                child_ended(parent, &parent->children[i], status);
            }
        }
    }
}

/* ---- the loop ---- */

static int running(const struct parent *parent)
{
    int count = 0;

    for (int i = 0; i < CHILDREN; i++) {
        count += parent->children[i].pid != 0;
    }
    return count;
}

/* Milliseconds until a child is to be started; -1 when none is waiting. */
static int next_start(const struct parent *parent)
{
    const apr_time_t now = apr_time_now();
    apr_interval_time_t wait = -1;

    for (int i = 0; i < CHILDREN; i++) {
        const struct child *child = &parent->children[i];
        if (!child->pid) {
            const apr_interval_time_t left =
                child->start_at > now ? child->start_at - now : 0;
            wait = wait < 0 || left < wait ? left : wait;
        }
    }
    return wait < 0 ? -1 : (int)(wait / 1000) + 1;
}

static void read_signals(struct parent *parent)
{
    struct signalfd_siginfo info;

    while (read(parent->signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGCHLD) {
            continue;
        }
        mls_daemon_log(parent->daemon, "stopping signal=%d",
                       (int)info.ssi_signo);
        stop_all(parent, 0);
    }
    reap(parent);
}

static void wait_for_events(struct parent *parent, int milliseconds)
{
    struct pollfd entries[2] = { { parent->signals, POLLIN, 0 },
                                 { parent->httpd, POLLIN, 0 } };

    if (poll(entries, parent->stopping ? 1 : 2, milliseconds) <= 0) {
        return;
    }
    read_signals(parent);
    if (!parent->stopping && (entries[1].revents & POLLIN)) {
        mls_daemon_log(parent->daemon, "stopping httpd_gone=%ld",
                       (long)parent->daemon->options.httpd_pid);
        stop_all(parent, 0);
    }
}

static void stop_in_order(struct parent *parent)
{
    const apr_time_t deadline =
        apr_time_now() + apr_time_from_sec(STOP_AFTER);

    stop_all(parent, parent->exit_code);
    while (running(parent) && apr_time_now() < deadline) {
        wait_for_events(parent, 100);
    }
    for (int i = 0; i < CHILDREN; i++) {
        if (parent->children[i].pid) {
            mls_daemon_log(parent->daemon, "killing child=%s pid=%ld",
                           parent->children[i].role,
                           (long)parent->children[i].pid);
            kill(parent->children[i].pid, SIGKILL);
            waitpid(parent->children[i].pid, NULL, 0);
        }
    }
    unlink(parent->daemon->paths.pid_file);
    mls_daemon_log(parent->daemon, "stopped code=%d", parent->exit_code);
}

int mls_daemon_run(mls_daemon *daemon, apr_pool_t *pool)
{
    struct parent parent = {
        .daemon = daemon,
        .children = { { .role = "owner", .run = mls_owner_main },
                      { .role = "supervisor", .run = mls_super_main } },
        .pool = pool,
    };

    mls_err *err = prepare(&parent);
    if (err) {
        mls_daemon_log_err(daemon, err, "cannot_start");
        return MLS_EXIT_HOPELESS;
    }
    mls_daemon_log(daemon, "up state=%s run=%s user=%s worker=%s httpd=%ld",
                   daemon->paths.state, daemon->paths.run,
                   daemon->who.user_name, daemon->who.worker_name,
                   (long)daemon->options.httpd_pid);
    if (!daemon->who.privileged) {
        mls_daemon_log(daemon,
                       "one_user user=%s meaning=\"not started as root: "
                       "everything runs as this user, separated by the "
                       "sandbox only\"", daemon->who.user_name);
    }
    while (!parent.stopping) {
        start_due(&parent);
        wait_for_events(&parent, next_start(&parent));
    }
    stop_in_order(&parent);
    return parent.exit_code;
}
