/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls that code of users may not make. */

#include "daemon/pool/pool_private.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>

/* What no published code needs and kernels have been attacked through. */
static const char *const refused_calls[] = {
    "acct", "add_key", "bpf", "chroot", "clock_adjtime", "clock_settime",
    "delete_module", "fanotify_init", "finit_module", "fsconfig", "fsmount",
    "fsopen", "fspick", "init_module", "io_uring_enter", "io_uring_register",
    "io_uring_setup", "ioperm", "iopl", "kcmp", "kexec_file_load",
    "kexec_load", "keyctl", "lookup_dcookie", "mount_setattr", "move_mount",
    "name_to_handle_at", "nfsservctl", "open_by_handle_at", "open_tree",
    "perf_event_open", "personality", "pidfd_getfd", "pivot_root",
    "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace",
    "quotactl", "quotactl_fd", "reboot", "request_key", "setdomainname",
    "sethostname", "setns", "settimeofday", "swapoff", "swapon", "syslog",
    "umount2", "userfaultfd", "vhangup", NULL
};

/* What a runtime itself still does after init code ran, in each fork, and
 * with these flags only: isolate.py, worker-protocol.md "Isolation". */
#define NAMESPACES                                                      \
    (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC          \
     | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD)
#define MOUNT_FLAGS (MS_NOSUID | MS_NODEV)

static int refuse_calls(scmp_filter_ctx filter)
{
    for (int i = 0; refused_calls[i]; i++) {
        const int number = seccomp_syscall_resolve_name(refused_calls[i]);
        if (number == __NR_SCMP_ERROR) {
            continue; /* this library does not know it */
        }
        const int bad =
            seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
        if (bad && bad != -EDOM) {
            return bad;
        }
    }
    return 0;
}

static int refuse(scmp_filter_ctx filter, int call)
{
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0);
}

/* Refuse a call whose argument has all bits of `set` and none of `clear`. */
static int refuse_bits(scmp_filter_ctx filter, int call, unsigned argument,
                       scmp_datum_t set, scmp_datum_t clear)
{
    const struct scmp_arg_cmp bits = {argument, SCMP_CMP_MASKED_EQ,
                                      set | clear, set};

    return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), call, 1,
                                  &bits);
}

/* No new user namespace: it would give back what was taken. */
static int refuse_namespaces(scmp_filter_ctx filter)
{
    int bad = refuse(filter, SCMP_SYS(unshare));

    if (!bad) {
        bad = refuse(filter, SCMP_SYS(mount));
    }
    return bad ? bad
               : refuse_bits(filter, SCMP_SYS(clone), 0, CLONE_NEWUSER, 0);
}

/* A new user namespace by one value of clone's flags alone: any other bit,
 * and any missing one, is refused. Of mounts neither bind, move nor remount:
 * each flag that is not needed is refused. */
static int refuse_other_namespaces(scmp_filter_ctx filter)
{
    int bad = refuse(filter, SCMP_SYS(unshare));

    for (unsigned number = 0; !bad && number < 32; number++) {
        const scmp_datum_t bit = (scmp_datum_t)1 << number;
        if (bit == CLONE_NEWUSER) {
            continue;
        }
        bad = bit & NAMESPACES
                  ? refuse_bits(filter, SCMP_SYS(clone), 0, CLONE_NEWUSER,
                                bit)
                  : refuse_bits(filter, SCMP_SYS(clone), 0,
                                CLONE_NEWUSER | bit, 0);
    }
    for (unsigned number = 0; !bad && number < 32; number++) {
        const scmp_datum_t bit = (scmp_datum_t)1 << number;
        if (!(bit & MOUNT_FLAGS)) {
            bad = refuse_bits(filter, SCMP_SYS(mount), 3, bit, 0);
        }
    }
    return bad;
}

/* clone3 hides its flags, so libraries are told to fall back to clone. */
static int add_rules(scmp_filter_ctx filter, int loading)
{
    int bad = refuse_calls(filter);

    if (!bad) {
        bad = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
                               SCMP_SYS(clone3), 0);
    }
    if (!bad) {
        bad = loading ? refuse_other_namespaces(filter)
                      : refuse_namespaces(filter);
    }
    return bad;
}

mls_err *pool_filter_make(int *fd, int loading, apr_pool_t *scratch)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int bad = filter ? add_rules(filter, loading) : -ENOMEM;

    *fd = memfd_create("seccomp", MFD_CLOEXEC);
    if (!bad && *fd < 0) {
        bad = -errno;
    }
    if (!bad) { /* a tree instead of a list; older libraries have none */
        (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
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
