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
MS_NOSUID, MS_NODEV, MS_REC, MS_PRIVATE = 2, 4, 0x4000, 0x40000
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 1, 38, 22
SECCOMP_MODE_FILTER = 2
INSTRUCTION = 8    # bytes of one in a filter program
PROCESSES = 128    # that one request may have at a time, unless told


class Programs:
    """Filter programs of the supervisor: one for code of a request, one that
    still lets a runtime make namespaces for its forks."""

    request = b""
    load = b""

_libc = ctypes.CDLL(None, use_errno=True)


def _check(status, what):
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (what, os.strerror(number)))


def prctl(option, value):
    _check(_libc.prctl(option, value, 0, 0, 0), "prctl")


def die_with_parent():
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def unshare():
    """New user, pid, mount and ipc namespaces with the same uid. The next
    child is process 1 of the new pid namespace."""
    uid, gid = os.geteuid(), os.getegid()
    _check(_libc.unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS
                         | CLONE_NEWIPC), "unshare")
    for name, text in (("setgroups", "deny"),
                       ("uid_map", "%d %d 1" % (uid, uid)),
                       ("gid_map", "%d %d 1" % (gid, gid))):
        with open("/proc/self/" + name, "w") as out:
            out.write(text)
    _check(_libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None),
           "mount")


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
