# SPDX-License-Identifier: Apache-2.0
"""Namespaces and limits of one request's process, inside the sandbox.

The sandbox itself (user, read-only root, no network) is made by the pool
supervisor. Here each request's process gets pid, mount and ipc namespaces of
its own, so that ending it ends everything it started, and a private work
folder.
"""

import ctypes
import os
import resource
import signal

CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_CHILD_CLEARTID = 0x00200000
CLONE_CHILD_SETTID = 0x01000000
# The filter for init code lets this very value pass: pool_filter.c.
NAMESPACES = (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC
              | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | signal.SIGCHLD)
SYS_CLONE = {"x86_64": 56}.get(os.uname().machine, 220)
CHILD_ID_FIRST = os.uname().machine == "x86_64"  # of the last two arguments
MS_NOSUID, MS_NODEV = 2, 4
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 1, 38, 22
PR_GET_TID_ADDRESS = 40
SECCOMP_MODE_FILTER = 2
INSTRUCTION = 8    # bytes of one in a filter program
PROCESSES = 128    # that one request may have at a time, unless told


class Programs:
    """Filter programs of the supervisor: one for code of a request, one that
    still lets a runtime make namespaces for its forks."""

    request = b""
    load = b""

_libc = ctypes.CDLL(None, use_errno=True)
_python = ctypes.PyDLL(None, use_errno=True)  # the lock stays held
_python.syscall.restype = ctypes.c_long


def _check(status, what):
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (what, os.strerror(number)))


def prctl(option, value):
    _check(_libc.prctl(option, value, 0, 0, 0), "prctl")


def die_with_parent():
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def fork_isolated():
    """Fork into new user, pid, mount and ipc namespaces; 0 in the child, which
    is process 1 there. One clone() instead of unshare() and two forks: what
    costs is copying the page tables of a large process.

    glibc's fork() does no more that a process of one thread needs than to
    note the thread's id, where the kernel can be told to write it."""
    where = ctypes.c_void_p()
    _check(_libc.prctl(PR_GET_TID_ADDRESS, ctypes.byref(where), 0, 0, 0),
           "prctl")
    ctypes.pythonapi.PyOS_BeforeFork()
    pid = _python.syscall(SYS_CLONE, ctypes.c_ulong(NAMESPACES), None, None,
                          *((where, None) if CHILD_ID_FIRST
                            else (None, where)))
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
        return 0
    ctypes.pythonapi.PyOS_AfterFork_Parent()
    if pid < 0:
        _check(-1, "clone")
    return pid


def map_user(uid, gid):
    """In a new user namespace: the same user as outside."""
    for name, text in (("setgroups", "deny"),
                       ("uid_map", "%d %d 1" % (uid, uid)),
                       ("gid_map", "%d %d 1" % (gid, gid))):
        fd = os.open("/proc/self/" + name, os.O_WRONLY)
        os.write(fd, text.encode())
        os.close(fd)


def private_folder(path, size):
    """Mount a memory file system of at most `size` bytes on a folder."""
    options = b"mode=0700,size=%d" % size
    _check(_libc.mount(b"tmpfs", os.fsencode(path), b"tmpfs",
                       MS_NOSUID | MS_NODEV, options), "mount tmpfs")


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def limit_processes(now, most=None):
    """Bound processes and threads. The bound counts within the user
    namespace: within a request, or a runtime with all its requests."""
    resource.setrlimit(resource.RLIMIT_NPROC, (now, most or now))


def limit_time(seconds):
    """Bound the processor time of this process; SIGXCPU ends it."""
    if seconds:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


def restrict(program):
    """The last step before code of users: no system calls from here on that
    the filter program (made by the supervisor) refuses. Filters add up."""
    if not program:
        return
    buffer = ctypes.create_string_buffer(program, len(program))
    whole = _Program(len(program) // INSTRUCTION,
                     ctypes.cast(buffer, ctypes.c_void_p))
    _check(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
                       ctypes.byref(whole), 0, 0), "seccomp")


def memory():
    """Bytes that the processes in this sandbox have, shared ones by part."""
    total = 0
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/%s/smaps_rollup" % name, "rb") as source:
                for line in source:
                    if line.startswith(b"Pss:"):
                        total += int(line.split()[1]) * 1024
                        break
        except OSError:
            pass
    return total


def thread_count():
    """Threads of this process; more than one means a fork is not safe."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 1
