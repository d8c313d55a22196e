/* SPDX-License-Identifier: Apache-2.0 */
/* Become the worker user, then bubblewrap (which is no boundary when root
 * starts it), limits, a filter of system calls, and the program. */

#include "daemon/isolate.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "daemon/cell.h"

/* Descriptors of the program, and of bubblewrap before it. */
enum { EXTRA = 3, PROGRAM = 4, FILTER = 5, FIRST_OTHER = 6 };

enum { FAILED = 126, OPEN_FILES = 64 };

/* Beyond its memory: programs, stacks, the mapped upload. */
#define ADDRESSES (INT64_C(2) << 30)

/* ---- the program as a memory file ---- */

static mls_err *copy_file(int to, int from, const char *path, apr_pool_t *pool)
{
    char chunk[65536];
    ssize_t got;

    while ((got = read(from, chunk, sizeof(chunk))) > 0) {
        if (write(to, chunk, (size_t)got) != got) {
            return mls_err_apr(pool, errno, "copy %s into memory", path);
        }
    }
    return got ? mls_err_apr(pool, errno, "read %s", path) : NULL;
}

mls_err *mls_isolate_load(int *program, const char *path, apr_pool_t *pool)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0) {
        return mls_err_apr(pool, errno, "open the program %s", path);
    }
    *program = memfd_create("mlscore", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    mls_err *err = *program < 0
                       ? mls_err_apr(pool, errno, "memory file")
                       : copy_file(*program, file, path, pool);
    if (!err
        && fcntl(*program, F_ADD_SEALS,
                 F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)) {
        err = mls_err_apr(pool, errno, "seal the memory file");
    }
    close(file);
    if (err && *program >= 0) {
        close(*program);
        *program = -1;
    }
    return err;
}

/* ---- system calls ---- */

/* The compiler reads, computes and writes. It starts no process, speaks to
 * nobody, and needs none of what kernels have been attacked through. */
static const char *const refused_calls[] = {
    "fork", "vfork", "socket", "socketpair", "connect", "bind", "listen",
    "accept", "accept4", "ptrace", "process_vm_readv", "process_vm_writev",
    "kcmp", "pidfd_open", "pidfd_getfd", "mount", "umount2", "pivot_root",
    "open_tree", "move_mount", "fsopen", "fsmount", "fsconfig", "fspick",
    "mount_setattr", "unshare", "setns", "chroot", "keyctl", "add_key",
    "request_key", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup",
    "io_uring_enter", "io_uring_register", "personality",
    "name_to_handle_at", "open_by_handle_at", "shmget", "msgget", "semget",
    "mq_open", "kill", "tkill", NULL
};

static int add_rules(scmp_filter_ctx filter)
{
    int rc = 0;

    for (int i = 0; !rc && refused_calls[i]; i++) {
        const int number = seccomp_syscall_resolve_name(refused_calls[i]);
        if (number != __NR_SCMP_ERROR) {
            rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
            rc = rc == -EDOM ? 0 : rc;
        }
    }
    /* Threads may be; processes not. clone3 hides its flags from a filter, so
     * libraries are told to use clone. */
    if (!rc) {
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone),
                              1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD,
                                         0));
    }
    if (!rc) {
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
                              SCMP_SYS(clone3), 0);
    }
    return rc;
}

/* The filter: as a memory file for bubblewrap, or for this process. */
static int make_filter(int *fd)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int rc = filter ? add_rules(filter) : -ENOMEM;

    if (!rc && fd) {
        *fd = memfd_create("seccomp", MFD_CLOEXEC);
        rc = *fd < 0 ? -errno : seccomp_export_bpf(filter, *fd);
        if (!rc && lseek(*fd, 0, SEEK_SET)) {
            rc = -errno;
        }
    }
    else if (!rc) {
        rc = seccomp_load(filter);
    }
    if (filter) {
        seccomp_release(filter);
    }
    return rc;
}

/* ---- the command ---- */

static void add(apr_array_header_t *command, const char *text)
{
    APR_ARRAY_PUSH(command, const char *) = text;
}

static void add_all(apr_array_header_t *command, const char *const *texts)
{
    for (int i = 0; texts[i]; i++) {
        add(command, texts[i]);
    }
}

/* Libraries and nothing else of the host: no /etc but the loader's cache. */
static const char *const cell[] = {
    "bwrap", "--unshare-all", "--die-with-parent", "--new-session",
    "--clearenv", "--hostname", "sandbox",
    "--ro-bind", "/usr", "/usr",
    "--ro-bind-try", "/lib", "/lib",
    "--ro-bind-try", "/lib32", "/lib32",
    "--ro-bind-try", "/lib64", "/lib64",
    "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache",
    "--proc", "/proc", "--dev", "/dev",
    "--perms", "0555", "--ro-bind-data", "4", "/mlscore",
    "--seccomp", "5", "--remount-ro", "/", "--chdir", "/",
    "--setenv", "LC_ALL", "C.UTF-8", "--", "/mlscore", NULL
};

static apr_array_header_t *command_of(const mls_isolation *isolation,
                                      apr_pool_t *pool)
{
    apr_array_header_t *command =
        apr_array_make(pool, 64, sizeof(const char *));

    if (isolation->reduced) {
        add(command, "mlscore");
    }
    else {
        add_all(command, cell);
    }
    add_all(command, isolation->arguments);
    add(command, NULL);
    return command;
}

/* ---- the process: only system calls from here to exec ---- */

static void limit(int what, int64_t value)
{
    const struct rlimit both = { (rlim_t)value, (rlim_t)value };

    if (value > 0) {
        setrlimit(what, &both);
    }
}

/* Not RLIMIT_NPROC: it counts all processes of the user, on some kernels
 * those outside the cell too. The filter refuses new processes. */
static void set_limits(const mls_isolation *isolation)
{
    const struct rlimit none = { 0, 0 };

    setrlimit(RLIMIT_CORE, &none);
    limit(RLIMIT_NOFILE, OPEN_FILES);
#ifndef __SANITIZE_ADDRESS__ /* its shadow alone is larger than any limit */
    limit(RLIMIT_DATA, isolation->memory);
    /* Memory that is shared does not count as data. */
    limit(RLIMIT_AS, isolation->memory ? isolation->memory + ADDRESSES : 0);
#endif
    limit(RLIMIT_FSIZE, isolation->file_size);
    limit(RLIMIT_CPU, isolation->cpu_seconds);
}

/* Everything is first moved out of the way, so that no target is a source. */
static int place(int *fds, int count)
{
    for (int i = 0; i < count; i++) {
        if (fds[i] >= 0) {
            fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 64);
            if (fds[i] < 0) {
                return -1;
            }
        }
    }
    for (int i = 0; i < count; i++) {
        if (fds[i] < 0) {
            close(i);
        }
        else if (dup2(fds[i], i) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Close-on-exec only: this process still uses some of them. */
static void hide_others(void)
{
    if (syscall(SYS_close_range, FIRST_OTHER, ~0U, 4u /* CLOEXEC */)) {
        for (int fd = FIRST_OTHER; fd < 65536; fd++) {
            fcntl(fd, F_SETFD, FD_CLOEXEC);
        }
    }
}

static void fail(const char *what)
{
    const char *reason = strerror(errno);

    if (write(2, "sandbox: ", 9) < 0 || write(2, what, strlen(what)) < 0
        || write(2, ": ", 2) < 0 || write(2, reason, strlen(reason)) < 0) {
        _exit(FAILED);
    }
    _exit(FAILED);
}

static void run(const mls_isolation *isolation, pid_t parent,
                char *const *command, int errors, int program, int filter,
                apr_pool_t *pool)
{
    int fds[FIRST_OTHER] = { isolation->input, isolation->output, errors,
                             isolation->extra, program, filter };
    static char *const environment[] = { "PATH=/usr/bin:/bin",
                                         "LC_ALL=C.UTF-8", NULL };
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 1; i < 32; i++) {
        signal(i, SIG_DFL);
    }
    setsid();
    if (place(fds, FIRST_OTHER)) {
        _exit(FAILED);
    }
    hide_others();
    if (mls_become_worker(isolation->who, pool)) {
        fail("become the worker user");
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    mls_cell_die_with(parent);
    if (!isolation->reduced && mls_cell_enclose(pool)) {
        fail("make namespaces");
    }
    if (chdir("/")) {
        fail("change to /");
    }
    set_limits(isolation);
    if (!isolation->reduced) {
        execvpe(command[0], command, environment);
        fail("start bwrap (package bubblewrap)");
    }
    fcntl(PROGRAM, F_SETFD, FD_CLOEXEC);
    const int rc = make_filter(NULL);
    if (rc) {
        errno = -rc;
        fail("set the system-call filter");
    }
    syscall(SYS_execveat, PROGRAM, "", command, environment, AT_EMPTY_PATH);
    fail("start the program");
}

/* A reading position of its own, since several cells run at once. */
static int reopen(int fd)
{
    char path[64];

    apr_snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}

mls_err *mls_isolate_start(pid_t *pid, int *errors,
                           const mls_isolation *isolation, apr_pool_t *pool)
{
    apr_array_header_t *command = command_of(isolation, pool);
    int filter = -1;
    int ends[2];

    const int program = reopen(isolation->program);
    if (program < 0 || pipe2(ends, O_CLOEXEC)) {
        mls_err *err = mls_err_apr(pool, errno, "prepare the sandbox");
        close(program);
        return err;
    }
    const int rc = isolation->reduced ? 0 : make_filter(&filter);
    const pid_t parent = getpid();
    *pid = rc ? -1 : fork();
    if (*pid == 0) {
        run(isolation, parent, (char *const *)command->elts, ends[1],
            program, filter, pool);
    }
    const int reason = rc ? -rc : errno;
    close(program);
    close(ends[1]);
    if (filter >= 0) {
        close(filter);
    }
    if (*pid < 0) {
        close(ends[0]);
        return mls_err_apr(pool, reason, "start the sandbox");
    }
    *errors = ends[0];
    return NULL;
}
