/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox of a runtime: a user of its own, then namespaces and limits.
 *
 * The order matters: bubblewrap started by root is no boundary, so the process
 * first becomes the worker user for good. */

#include "daemon/pool/pool_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "daemon/cell.h"

#define WORKERS "/workers" /* the worker programs, as the sandbox sees them */

enum { CONTROL = 3, MAX_OPEN_FILES = 1024 };

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
static void add_folders(apr_array_header_t *argv, int network)
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

/* The folder above bin/, when the system's own folders do not hold it. */
static void add_prefix(apr_array_header_t *argv, const char *python,
                       apr_pool_t *scratch)
{
    char *prefix = apr_pstrdup(scratch, python);

    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(prefix, '/');
        if (!slash || slash == prefix) {
            return;
        }
        *slash = '\0';
    }
    if (*prefix && strcmp(prefix, "/usr") != 0
        && strncmp(prefix, "/usr/", 5) != 0) {
        add_bind(argv, prefix);
    }
}

/* After /tmp is laid, since what is bound may lie below it: the worker
 * programs, a virtual environment, and the interpreter that it links to. */
static void add_runtime(apr_array_header_t *argv, const mls_pool *pool,
                        const char *python, apr_pool_t *scratch)
{
    char *real = realpath(python, NULL);

    add(argv, "--ro-bind");
    add(argv, apr_pstrcat(scratch, pool->config.workers, "/python", NULL));
    add(argv, WORKERS);
    if (real) {
        add_prefix(argv, real, scratch);
        free(real);
    }
    add_prefix(argv, python, scratch);
}

static const char *size_text(apr_pool_t *scratch, apr_int64_t size)
{
    return apr_psprintf(scratch, "%" APR_INT64_T_FMT, size);
}

static apr_array_header_t *sandbox_command(const mls_pool *pool,
                                           const pool_sandbox *sandbox,
                                           apr_pool_t *scratch)
{
    apr_array_header_t *argv =
        apr_array_make(scratch, 96, sizeof(const char *));

    add(argv, "bwrap");
    add(argv, "--unshare-all");
    if (sandbox->network) {
        add(argv, "--share-net");
    }
    add(argv, "--die-with-parent");
    add(argv, "--new-session");
    add(argv, "--clearenv");
    add_folders(argv, sandbox->network);
    add(argv, "--proc");
    add(argv, "/proc");
    add(argv, "--dev");
    add(argv, "/dev");
    add(argv, "--size");
    add(argv, size_text(scratch, sandbox->folder));
    add(argv, "--tmpfs");
    add(argv, "/tmp");
    add(argv, "--size");
    add(argv, size_text(scratch, sandbox->folder));
    add(argv, "--tmpfs");
    add(argv, "/dev/shm");
    add_runtime(argv, pool, sandbox->interpreter->path, scratch);
    add(argv, "--remount-ro");
    add(argv, "/dev");
    add(argv, "--remount-ro");
    add(argv, "/");
    add(argv, "--chdir");
    add(argv, "/tmp");
    add(argv, "--hostname");
    add(argv, "sandbox");
    return argv;
}

static void add_program(apr_array_header_t *argv, const char *python,
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
    add(argv, python);
    add(argv, "-m");
    add(argv, "mlserver_worker");
    add(argv, NULL);
}

/* ---- the process ---- */

static void limit(int what, apr_int64_t value)
{
    const struct rlimit both = {(rlim_t)value, (rlim_t)value};

    if (value > 0) {
        setrlimit(what, &both);
    }
}

static void place_descriptors(int control)
{
    const int null = open("/dev/null", O_RDWR);

    if (control == CONTROL) {
        fcntl(control, F_SETFD, 0);
    }
    else if (dup2(control, CONTROL) < 0) {
        _exit(71);
    }
    if (null >= 0) {
        dup2(null, 0);
        dup2(null, 1);
    }
    /* 2 stays: what the runtime itself has to say goes to our log. */
    if (syscall(SYS_close_range, CONTROL + 1, ~0U, 0U)) {
        for (int fd = CONTROL + 1; fd < 65536; fd++) {
            close(fd);
        }
    }
}

static void child(const mls_pool *pool, pid_t parent, int control,
                  char *const *argv, apr_pool_t *scratch)
{
    const mls_pool_config *config = &pool->config;
    const struct rlimit none = {0, 0};
    sigset_t empty;

    sigemptyset(&empty);
    sigprocmask(SIG_SETMASK, &empty, NULL);
    for (int i = 1; i < 32; i++) {
        signal(i, SIG_DFL);
    }
    setsid();
    place_descriptors(control);
    if (mls_become_worker(config->who, scratch) ||
        mls_drop_capabilities(0, scratch)) {
        _exit(72);
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    mls_cell_die_with(parent);
    if (config->sandbox && mls_cell_enclose(scratch)) {
        _exit(76);
    }
    setrlimit(RLIMIT_CORE, &none);
    limit(RLIMIT_NOFILE, MAX_OPEN_FILES);
    limit(RLIMIT_DATA, config->limits->memory);
    limit(RLIMIT_FSIZE, config->limits->file_size);
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

/* bubblewrap gives the runtime an environment of its own; itself it needs
 * nothing of the daemon's but the path to find it. */
static void bare_environment(apr_pool_t *scratch)
{
    const char *path = apr_pstrdup(scratch, getenv("PATH"));

    clearenv();
    setenv("PATH", path ? path : "/usr/sbin:/usr/bin:/sbin:/bin", 1);
}

void pool_sandbox_end(const mls_pool *pool, pid_t pid)
{
    if (pid > 0 && pool->config.sandbox) {
        kill(pid, SIGTERM);
    }
    else if (pid > 0) {
        kill(-pid, SIGKILL);
        kill(pid, SIGKILL);
    }
}

mls_err *pool_sandbox_start(pid_t *pid, mls_pool *pool,
                            const pool_sandbox *sandbox, apr_pool_t *scratch)
{
    const int bwrap = pool->config.sandbox;

    if (pool->config.refuse) {
        return mls_err_make(scratch, MLS_EUNAVAILABLE, NULL,
                            "code cannot run here: the system refuses "
                            "namespaces; allow user namespaces, or set "
                            "MLServerSandbox reduced");
    }
    apr_array_header_t *argv =
        bwrap ? sandbox_command(pool, sandbox, scratch)
              : apr_array_make(scratch, 8, sizeof(const char *));

    add_program(argv, sandbox->interpreter->path, bwrap);
    const pid_t parent = getpid();
    *pid = fork();
    if (*pid < 0) {
        return mls_err_apr(scratch, errno, "cannot start a runtime");
    }
    if (*pid == 0) {
        if (bwrap) {
            bare_environment(scratch);
        }
        else {
            reduced_environment(pool, scratch);
        }
        child(pool, parent, sandbox->control, (char *const *)argv->elts,
              scratch);
    }
    return NULL;
}
