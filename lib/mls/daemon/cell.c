/* SPDX-License-Identifier: Apache-2.0 */
/* A process that waits for process 1 of a namespace. */

#include "daemon/cell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

enum { ORPHAN = 75 /* exit code: the parent is gone */ };

void mls_cell_die_with(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) {
        _exit(ORPHAN);
    }
}

/* The same in another pid namespace, where the parent has no number: `alive`
 * is the read end of a pipe that it holds open. */
static void die_with_holder(int alive)
{
    struct pollfd one = { alive, POLLIN, 0 };

    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (poll(&one, 1, 0) > 0) {
        _exit(ORPHAN);
    }
    close(alive);
}

static int write_text(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    const ssize_t size = (ssize_t)strlen(text);

    if (fd < 0) {
        return 0;
    }
    const int good = write(fd, text, (size_t)size) == size;
    close(fd);
    return good;
}

/* Files of /proc/self belong to root in a process that changed its user, until
 * it says otherwise. */
static int make_namespaces(apr_pool_t *scratch)
{
    const long uid = (long)geteuid(), gid = (long)getegid();

    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    return unshare(CLONE_NEWUSER | CLONE_NEWPID) == 0
           && write_text("/proc/self/setgroups", "deny")
           && write_text("/proc/self/uid_map",
                         apr_psprintf(scratch, "%ld %ld 1", uid, uid))
           && write_text("/proc/self/gid_map",
                         apr_psprintf(scratch, "%ld %ld 1", gid, gid));
}

/* A waiting process that was killed instead of asked would leave the fork to
 * others to be reaped. `signals` (SIGTERM, SIGCHLD) are blocked. */
static int wait_for(pid_t inner, const sigset_t *signals)
{
    int status = 0;

    for (;;) {
        if (sigwaitinfo(signals, NULL) == SIGTERM) {
            kill(inner, SIGKILL);
        }
        if (waitpid(inner, &status, WNOHANG) != 0) {
            return status;
        }
    }
}

/* All descriptors but `kept`, which becomes 0. */
static void close_all_but(int kept)
{
    dup2(kept, 0);
    if (syscall(SYS_close_range, 1U, ~0U, 0U)) {
        for (int fd = 1; fd < 65536; fd++) {
            close(fd);
        }
    }
}

static void wait_and_end(pid_t inner, int alive, const sigset_t *signals)
{
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    prctl(PR_SET_NAME, "mls-cell", 0, 0, 0);
    close_all_but(alive);
    const int status = wait_for(inner, signals);
    if (WIFSIGNALED(status)) {
        sigprocmask(SIG_UNBLOCK, signals, NULL);
        raise(WTERMSIG(status));
    }
    _exit(WEXITSTATUS(status));
}

/* The /proc of this namespace's processes: bubblewrap looks its own child up
 * there. Where it may not be mounted, the one outside stays, and bubblewrap
 * says what it lacks. */
static void mount_proc(void)
{
    if (unshare(CLONE_NEWNS) == 0
        && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0) {
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    }
}

int mls_cell_enclose(apr_pool_t *scratch)
{
    sigset_t signals;
    int alive[2];

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    if (!make_namespaces(scratch) || pipe2(alive, O_CLOEXEC)) {
        return -1;
    }
    const pid_t inner = fork();
    if (inner < 0) {
        return -1;
    }
    if (inner > 0) {
        wait_and_end(inner, alive[1], &signals);
    }
    sigprocmask(SIG_UNBLOCK, &signals, NULL);
    close(alive[1]);
    die_with_holder(alive[0]);
    mount_proc();
    return 0;
}
