/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox of a runtime: a user of its own, then bubblewrap's namespaces,
 * limits, and the system calls that code of users may not make.
 *
 * The order matters: bubblewrap started by root is no boundary, so the process
 * first becomes the worker user for good. */

#include "daemon/pool/pool_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_tables.h>

#define WORKERS "/workers" /* the worker programs, as the sandbox sees them */

enum { CONTROL = 3, MAX_OPEN_FILES = 1024 };

/* ---- system calls ---- */

/* What no published code needs and kernels have been attacked through. */
static const char *const refused_calls[] = {"acct",
                                            "add_key",
                                            "bpf",
                                            "clock_adjtime",
                                            "clock_settime",
                                            "delete_module",
                                            "fanotify_init",
                                            "finit_module",
                                            "init_module",
                                            "io_uring_enter",
                                            "io_uring_register",
                                            "io_uring_setup",
                                            "ioperm",
                                            "iopl",
                                            "kcmp",
                                            "kexec_file_load",
                                            "kexec_load",
                                            "keyctl",
                                            "lookup_dcookie",
                                            "mount",
                                            "mount_setattr",
                                            "move_mount",
                                            "fsopen",
                                            "fsmount",
                                            "fsconfig",
                                            "fspick",
                                            "open_tree",
                                            "name_to_handle_at",
                                            "nfsservctl",
                                            "open_by_handle_at",
                                            "perf_event_open",
                                            "personality",
                                            "pidfd_getfd",
                                            "pivot_root",
                                            "process_madvise",
                                            "process_vm_readv",
                                            "process_vm_writev",
                                            "ptrace",
                                            "quotactl",
                                            "quotactl_fd",
                                            "reboot",
                                            "request_key",
                                            "setdomainname",
                                            "sethostname",
                                            "setns",
                                            "settimeofday",
                                            "swapoff",
                                            "swapon",
                                            "syslog",
                                            "umount2",
                                            "unshare",
                                            "userfaultfd",
                                            "vhangup",
                                            NULL};

static int add_rules(scmp_filter_ctx filter)
{
    for (int i = 0; refused_calls[i]; i++) {
        int number = seccomp_syscall_resolve_name(refused_calls[i]);
        if (number == __NR_SCMP_ERROR) {
            continue; /* this library does not know it */
        }
        int bad = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
        if (bad && bad != -EDOM) {
            return bad;
        }
    }
    /* No new user namespace: it would give back what was taken. clone3 hides
     * its flags, so libraries are told to fall back to clone. */
    int bad = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone),
                               1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER,
                                          CLONE_NEWUSER));
    if (!bad) {
        bad = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
                               SCMP_SYS(clone3), 0);
    }
    return bad;
}

mls_err *pool_sandbox_filter(int *fd, apr_pool_t *scratch)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int bad = filter ? add_rules(filter) : -ENOMEM;

    *fd = memfd_create("seccomp", MFD_CLOEXEC);
    if (!bad && *fd < 0) {
        bad = -errno;
    }
    if (!bad) {
        bad = seccomp_export_bpf(filter, *fd);
    }
    if (filter) {
        seccomp_release(filter);
    }
    if (bad) {
        return mls_err_apr(scratch, -bad, "cannot make the seccomp filter");
    }
    return NULL;
}

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

static void add_environment(apr_array_header_t *argv, const char *name,
                            const char *value)
{
    add(argv, "--setenv");
    add(argv, name);
    add(argv, value);
}

/* Folders that an interpreter and its libraries may lie in, and the few files
 * of /etc that they read. Nothing else of the host is visible. */
static void add_folders(apr_array_header_t *argv, const mls_pool *pool,
                        int network)
{
    static const char *const folders[] = {
        "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt",
        "/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf",
        "/etc/ld.so.conf.d", "/etc/localtime", "/etc/timezone", "/etc/python3",
        "/etc/python3.11", "/etc/mime.types", NULL};
    static const char *const network_files[] = {
        "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",
        "/etc/ssl/certs", "/etc/ca-certificates", "/etc/services", NULL};

    for (int i = 0; folders[i]; i++) {
        add_bind(argv, folders[i]);
    }
    for (int i = 0; network && network_files[i]; i++) {
        add_bind(argv, network_files[i]);
    }
}

/* After /tmp is laid, since what is bound may lie below it: the worker
 * programs, and an interpreter of a virtual environment. */
static void add_runtime(apr_array_header_t *argv, const mls_pool *pool,
                        apr_pool_t *scratch)
{
    const char *python = pool->config.python;
    const char *slash = strrchr(python, '/');

    add(argv, "--ro-bind");
    add(argv, apr_pstrcat(scratch, pool->config.workers, "/python", NULL));
    add(argv, WORKERS);
    if (strncmp(python, "/usr/", 5) == 0 || !slash || slash == python) {
        return;
    }
    char *prefix = apr_pstrmemdup(scratch, python, (size_t)(slash - python));
    slash = strrchr(prefix, '/');
    if (slash && slash != prefix) {
        prefix[slash - prefix] = '\0';
        add_bind(argv, prefix);
    }
}

static const char *size_text(apr_pool_t *scratch, apr_int64_t size)
{
    return apr_psprintf(scratch, "%" APR_INT64_T_FMT, size);
}

static apr_array_header_t *sandbox_command(const mls_pool *pool, int network,
                                           apr_pool_t *scratch)
{
    apr_array_header_t *argv =
        apr_array_make(scratch, 96, sizeof(const char *));

    add(argv, "bwrap");
    add(argv, "--unshare-all");
    if (network) {
        add(argv, "--share-net");
    }
    add(argv, "--die-with-parent");
    add(argv, "--new-session");
    add(argv, "--clearenv");
    add_folders(argv, pool, network);
    add(argv, "--proc");
    add(argv, "/proc");
    add(argv, "--dev");
    add(argv, "/dev");
    add(argv, "--size");
    add(argv, size_text(scratch, pool->config.folder_size));
    add(argv, "--tmpfs");
    add(argv, "/tmp");
    add_runtime(argv, pool, scratch);
    add(argv, "--chdir");
    add(argv, "/tmp");
    add(argv, "--hostname");
    add(argv, "sandbox");
    return argv;
}

static void add_program(apr_array_header_t *argv, const mls_pool *pool,
                        int bwrap)
{
    static const char *const threads[] = {
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", NULL};

    if (bwrap) {
        add_environment(argv, "PYTHONPATH", WORKERS);
        add_environment(argv, "PATH", "/usr/bin:/bin");
        add_environment(argv, "HOME", "/tmp");
        add_environment(argv, "LANG", "C.UTF-8");
        for (int i = 0; threads[i]; i++) {
            add_environment(argv, threads[i], "1");
        }
        add(argv, "--");
    }
    add(argv, pool->config.python);
    add(argv, "-m");
    add(argv, "mlserver_worker");
    add(argv, NULL);
}

/* ---- the process ---- */

static void limit(int what, rlim_t value)
{
    struct rlimit both = {value, value};

    setrlimit(what, &both);
}

static void close_others(void)
{
    int null = open("/dev/null", O_RDWR);

    if (null >= 0) {
        dup2(null, 0);
        dup2(null, 1);
    }
    /* 2 stays: what the runtime itself has to say goes to our log. */
    for (int fd = CONTROL + 1; fd < 65536; fd++) {
        close(fd);
    }
}

static void child(const mls_pool *pool, int control, char *const *argv)
{
    const mls_pool_config *config = &pool->config;
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 1; i < 32; i++) {
        signal(i, SIG_DFL);
    }
    setsid();
    if (control == CONTROL) {
        fcntl(control, F_SETFD, 0);
    }
    else if (dup2(control, CONTROL) < 0) {
        _exit(71);
    }
    close_others();
    if (mls_become_worker(config->who, pool->pool) ||
        mls_drop_capabilities(0, pool->pool)) {
        _exit(72);
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, MAX_OPEN_FILES);
    limit(RLIMIT_DATA, (rlim_t)config->memory);
    limit(RLIMIT_FSIZE, (rlim_t)config->file_size);
    execvp(argv[0], argv);
    _exit(73);
}

/* In reduced mode there is no bubblewrap, so the environment is set here. */
static void reduced_environment(const mls_pool *pool, apr_pool_t *scratch)
{
    clearenv();
    setenv("PYTHONPATH",
           apr_pstrcat(scratch, pool->config.workers, "/python", NULL), 1);
    setenv("PATH", "/usr/bin:/bin", 1);
    setenv("HOME", "/tmp", 1);
    setenv("LANG", "C.UTF-8", 1);
    setenv("OMP_NUM_THREADS", "1", 1);
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    if (chdir("/tmp") != 0) {
        _exit(74);
    }
}

mls_err *pool_sandbox_start(pid_t *pid, mls_pool *pool, int control,
                            int network, apr_pool_t *scratch)
{
    int bwrap = pool->config.sandbox;

    if (pool->config.refuse) {
        return mls_err_make(scratch, MLS_EUNAVAILABLE, NULL,
                            "code cannot run here: the system refuses "
                            "namespaces; allow user namespaces, or set "
                            "MLServerSandbox reduced");
    }
    apr_array_header_t *argv =
        bwrap ? sandbox_command(pool, network, scratch)
              : apr_array_make(scratch, 8, sizeof(const char *));

    add_program(argv, pool, bwrap);
    *pid = fork();
    if (*pid < 0) {
        return mls_err_apr(scratch, errno, "cannot start a runtime");
    }
    if (*pid == 0) {
        if (!bwrap) {
            reduced_environment(pool, scratch);
        }
        child(pool, control, (char *const *)argv->elts);
    }
    return NULL;
}
