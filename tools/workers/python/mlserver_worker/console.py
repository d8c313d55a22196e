# SPDX-License-Identifier: Apache-2.0
"""Console output: what Python and native code print, in a memory file.

The file is shared with the child of httpd from the start, so the output of a
worker that crashes is not lost. It has its whole size from the start and
cannot grow, so that a flood of output takes no more memory than that; who
prints beyond it gets an error. Processes that share the descriptor share its
position, which is the length of what was printed.
"""

import fcntl
import os
import sys

ROOM = 16    # times what is kept: so much may be printed
ZEROS = bytes(1 << 16)


class Console:
    def __init__(self, limit):
        self.limit = limit
        self.fd = os.memfd_create("console",
                                  os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.fd, limit * ROOM)
        fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS,
                    fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK
                    | fcntl.F_SEAL_SEAL)

    def attach(self):
        """Make standard output and error go to the memory file."""
        self.flush()
        os.dup2(self.fd, 1)
        os.dup2(self.fd, 2)

    def size(self):
        """Bytes printed so far."""
        return os.lseek(self.fd, 0, os.SEEK_CUR)

    def is_full(self):
        return self.size() >= self.limit * ROOM

    def clear(self):
        self.flush()
        left = self.size()
        while left > 0:
            left -= os.pwrite(self.fd, ZEROS[:left],
                              max(left - len(ZEROS), 0))
        os.lseek(self.fd, 0, os.SEEK_SET)

    @staticmethod
    def flush():
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):
                pass

    def text(self):
        """What was printed, cut at the limit, which is then said."""
        self.flush()
        size = self.size()
        data = os.pread(self.fd, min(size, self.limit), 0).decode(
            "utf-8", "replace")
        if size > self.limit:
            data += "\n[console output cut: %d of %d bytes shown]\n" % (
                self.limit, size)
        return data

    def close(self):
        os.close(self.fd)
