# SPDX-License-Identifier: Apache-2.0
"""Child processes of a runtime: start, watch, end."""

import os
import select
import signal


class Children:
    """Forked processes by the supervisor's id, reaped through a pipe that
    SIGCHLD writes to, so that one poll watches everything."""

    def __init__(self):
        self._by_pid = {}
        self._pids = {}
        self._wake_read, self._wake_write = os.pipe2(
            os.O_CLOEXEC | os.O_NONBLOCK)
        self.install()

    def install(self):
        """(Again) after user code, which may have changed the handlers."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)

    def fileno(self):
        return self._wake_read

    def forget_all(self):
        """In a child: these are not its children."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self._wake_read)
        os.close(self._wake_write)
        self._by_pid.clear()
        self._pids.clear()

    def add(self, number, pid):
        self._by_pid[pid] = number
        self._pids[number] = pid

    def pid(self, number):
        return self._pids.get(number)

    def kill(self, number, how=signal.SIGKILL):
        pid = self._pids.get(number)
        if pid is not None:
            try:
                os.kill(pid, how)
            except ProcessLookupError:
                pass

    def kill_all(self):
        for number in list(self._pids):
            self.kill(number)

    def wait(self, number):
        """Until that one is gone, which it must be about to be; reap() then
        tells of it."""
        pid = self._pids.get(number)
        if pid is not None:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    def reap(self):
        """[(id, exit status, signal)] of those that ended."""
        try:
            while os.read(self._wake_read, 4096):
                pass
        except BlockingIOError:
            pass
        ended = []
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            number = self._by_pid.pop(pid, None)
            if number is None:
                continue
            del self._pids[number]
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0
            ended.append((number, code, os.WTERMSIG(status)
                          if os.WIFSIGNALED(status) else 0))
        return ended


def wait_readable(*sources):
    """The sources (with fileno) that can be read; never returns none."""
    poll = select.poll()
    by_fd = {}
    for source in sources:
        by_fd[source.fileno()] = source
        poll.register(source.fileno(), select.POLLIN)
    return [by_fd[fd] for fd, _ in poll.poll()]
