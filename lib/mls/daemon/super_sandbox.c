/* SPDX-License-Identifier: Apache-2.0 */
/* mlscore on hostile bytes: as the worker user, in bubblewrap, without network
 * or files, with limits on memory, time and output. */

#include "daemon/super_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_tables.h>
#include <apr_time.h>

enum {
    EXTRA = 3,     /* a further input, as the program sees it */
    PROGRAM = 4,   /* the compiler's own bytes */
    CAPTURE = 1 << 20,
    PROCESSES = 64,
    EXIT_SETUP = 120
};

/* ---- the command ---- */

static void add(apr_array_header_t *argv, const char *text)
{
    APR_ARRAY_PUSH(argv, const char *) = text;
}

static void add_bind(apr_array_header_t *argv, const char *path)
{
    add(argv, "--ro-bind-try");
    add(argv, path);
    add(argv, path);
}

static apr_array_header_t *command(const mls_daemon *daemon,
                                   const char *const *arguments,
                                   apr_pool_t *pool)
{
    static const char *const folders[] = { "/usr", "/lib", "/lib32", "/lib64",
                                           "/etc/ld.so.cache", NULL };
    apr_array_header_t *argv = apr_array_make(pool, 48, sizeof(char *));

    if (daemon->options.sandbox_reduced) {
        add(argv, "mlscore");
    }
    else {
        add(argv, "bwrap");
        add(argv, "--unshare-all");
        add(argv, "--die-with-parent");
        add(argv, "--new-session");
        add(argv, "--clearenv");
        for (int i = 0; folders[i]; i++) {
            add_bind(argv, folders[i]);
        }
        add(argv, "--proc");
        add(argv, "/proc");
        add(argv, "--dev");
        add(argv, "/dev");
        add(argv, "--tmpfs");
        add(argv, "/tmp");
        add(argv, "--perms");
        add(argv, "0555");
        add(argv, "--ro-bind-data");
        add(argv, apr_itoa(pool, PROGRAM));
        add(argv, "/tmp/mlscore");
        add(argv, "--chdir");
        add(argv, "/tmp");
        add(argv, "--");
        add(argv, "/tmp/mlscore");
    }
    for (int i = 0; arguments[i]; i++) {
        add(argv, arguments[i]);
    }
    add(argv, NULL);
    return argv;
}

/* ---- the process ---- */

static void limit(int what, rlim_t value)
{
    const struct rlimit both = { value, value };

    setrlimit(what, &both);
}

static void set_limits(const mls_daemon *daemon)
{
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, 64);
    limit(RLIMIT_NPROC, PROCESSES);
    limit(RLIMIT_DATA, (rlim_t)daemon->options.compile_memory);
    limit(RLIMIT_CPU, (rlim_t)daemon->options.compile_timeout);
    limit(RLIMIT_FSIZE, (rlim_t)daemon->options.compile_memory);
}

/* Descriptors first go where no target lies, then to their targets. */
static int place(const int from[5])
{
    int high[5];

    for (int i = 0; i < 5; i++) {
        high[i] = from[i] < 0 ? -1 : fcntl(from[i], F_DUPFD, 16);
        if (from[i] >= 0 && high[i] < 0) {
            return 0;
        }
    }
    for (int i = 0; i < 5; i++) {
        if (high[i] < 0) {
            close(i);
        }
        else if (dup2(high[i], i) < 0) {
            return 0;
        }
    }
    for (int fd = 5; fd < 4096; fd++) {
        close(fd);
    }
    return 1;
}

static int reduced_program(void)
{
    return fcntl(PROGRAM, F_SETFD, FD_CLOEXEC) == 0;
}

static void child(const mls_daemon *daemon, const int fds[5],
                  char *const *argv, apr_pool_t *pool)
{
    static char *const no_environment[] = { NULL };
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setsid();
    /* The program has to be at its start for whoever copies it. */
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[PROGRAM]);
    int own[5] = { fds[0], fds[1], fds[2], fds[3],
                   open(path, O_RDONLY | O_CLOEXEC) };
    if (own[PROGRAM] < 0) {
        own[PROGRAM] = fds[PROGRAM];
        lseek(own[PROGRAM], 0, SEEK_SET);
    }
    if (!place(own) || mls_become_worker(&daemon->who, pool)
        || mls_drop_capabilities(0, pool)) {
        _exit(EXIT_SETUP);
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    set_limits(daemon);
    if (daemon->options.sandbox_reduced) {
        if (reduced_program()) {
            fexecve(PROGRAM, argv, no_environment);
        }
    }
    else {
        execvp(argv[0], argv);
    }
    _exit(EXIT_SETUP);
}

/* ---- watching ---- */

typedef struct pipes {
    int fd[2];       /* read ends: output, errors */
    char *text[2];
    size_t length[2];
} pipes;

static void drain(pipes *p, int i)
{
    char rest[4096];
    const size_t room = CAPTURE - p->length[i];
    const ssize_t got = room > 0 ? read(p->fd[i], p->text[i] + p->length[i],
                                        room)
                                 : read(p->fd[i], rest, sizeof(rest));

    if (got > 0) {
        p->length[i] += room > 0 ? (size_t)got : 0;
    }
    else if (got == 0 || errno != EINTR) {
        close(p->fd[i]);
        p->fd[i] = -1;
    }
}

/* 0 when time ran out. */
static int read_pipes(pipes *p, apr_time_t deadline)
{
    while (p->fd[0] >= 0 || p->fd[1] >= 0) {
        struct pollfd fds[2] = { { p->fd[0], POLLIN, 0 },
                                 { p->fd[1], POLLIN, 0 } };
        const apr_time_t left = deadline - apr_time_now();
        if (left <= 0) {
            return 0;
        }
        if (poll(fds, 2, (int)(left / 1000) + 1) < 0 && errno != EINTR) {
            return 0;
        }
        for (int i = 0; i < 2; i++) {
            if (fds[i].revents) {
                drain(p, i);
            }
        }
    }
    return 1;
}

static const char *last_line(char *text, size_t length, apr_pool_t *pool)
{
    text[length] = '\0';
    while (length > 0 && (unsigned char)text[length - 1] <= ' ') {
        text[--length] = '\0';
    }
    const char *line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    if (strncmp(line, "mlscore: ", 9) == 0) {
        line += 9;
    }
    if (strncmp(line, "-: ", 3) == 0) {
        line += 3;
    }
    return apr_pstrdup(pool, line);
}

static const char *signal_reason(const mls_daemon *daemon, int how,
                                 apr_pool_t *pool)
{
    switch (how) {
    case SIGXCPU:
    case SIGKILL:
        return apr_psprintf(pool,
                            "the model could not be read within the limits "
                            "of %d s and %lld MB",
                            daemon->options.compile_timeout,
                            (long long)daemon->options.compile_memory >> 20);
    case SIGXFSZ:
        return "the compiled model would be larger than the limit";
    default:
        return apr_psprintf(pool,
                            "reading the model ended with signal %d; the file "
                            "is damaged or hostile",
                            how);
    }
}

static void judge(super_run *run, const mls_daemon *daemon, int status,
                  pipes *p, apr_pool_t *pool)
{
    const char *line = last_line(p->text[1], p->length[1], pool);

    p->text[0][p->length[0]] = '\0';
    run->output = p->text[0];
    run->reason = NULL;
    run->refused = 0;
    if (WIFSIGNALED(status) || WEXITSTATUS(status) > 128) {
        const int how = WIFSIGNALED(status) ? WTERMSIG(status)
                                            : WEXITSTATUS(status) - 128;
        run->refused = 1;
        run->reason = signal_reason(daemon, how, pool);
    }
    else if (WEXITSTATUS(status) == 1) {
        /* bubblewrap's own failures also end with 1 */
        run->refused = strstr(line, "bwrap: ") == NULL;
        run->reason = *line ? line : "the model was refused";
    }
    else if (WEXITSTATUS(status) != 0) {
        run->reason = *line ? line
                            : apr_psprintf(pool,
                                           "the compiler ended with status %d",
                                           WEXITSTATUS(status));
    }
}

static pid_t start(const mls_daemon *daemon, const char *const *arguments,
                   int in, int out, int extra, pipes *p, apr_pool_t *pool)
{
    int output[2] = { -1, -1 }, errors[2];
    apr_array_header_t *argv = command(daemon, arguments, pool);

    if (pipe2(errors, O_CLOEXEC) != 0
        || (out < 0 && pipe2(output, O_CLOEXEC) != 0)) {
        return -1;
    }
    const pid_t pid = fork();
    if (pid == 0) {
        const int fds[5] = { in, out < 0 ? output[1] : out, errors[1], extra,
                             daemon->compiler_fd };
        child(daemon, fds, (char *const *)argv->elts, pool);
    }
    close(errors[1]);
    if (output[1] >= 0) {
        close(output[1]);
    }
    p->fd[0] = output[0];
    p->fd[1] = errors[0];
    return pid;
}

mls_err *super_mlscore(super_run *run, const mls_daemon *daemon,
                       const char *const *arguments, int in, int out,
                       int extra, apr_pool_t *pool)
{
    pipes p = { { -1, -1 },
                { apr_palloc(pool, CAPTURE + 1), apr_palloc(pool, CAPTURE + 1) },
                { 0, 0 } };
    int status = 0;
    const pid_t pid = start(daemon, arguments, in, out, extra, &p, pool);

    if (pid < 0) {
        return mls_err_apr(pool, errno, "cannot start the compiler");
    }
    const int in_time = read_pipes(
        &p, apr_time_now()
                + apr_time_from_sec(daemon->options.compile_timeout));
    if (!in_time) {
        kill(-pid, SIGKILL);
        kill(pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    for (int i = 0; i < 2; i++) {
        if (p.fd[i] >= 0) {
            close(p.fd[i]);
        }
    }
    judge(run, daemon, status, &p, pool);
    if (!in_time) {
        run->refused = 1;
        run->reason = signal_reason(daemon, SIGKILL, pool);
    }
    return NULL;
}

int super_namespaces(const mls_daemon *daemon, const char **why,
                     apr_pool_t *pool)
{
    static const char *const arguments[] = { "--version", NULL };
    const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    mls_daemon required = *daemon;
    super_run run;

    required.options.sandbox_reduced = 0;
    mls_err *err = super_mlscore(&run, &required, arguments, null, -1, -1,
                                 pool);
    close(null);
    *why = err ? err->message : run.reason;
    return *why == NULL;
}
