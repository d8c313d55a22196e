# SPDX-License-Identifier: Apache-2.0
"""Console output: what Python and native code print, in a memory file.

The file is shared with the child of httpd from the start, so the output of a
worker that crashes is not lost.
"""

import fcntl
import os
import sys


class Console:
    def __init__(self, limit):
        self.limit = limit
        self.fd = os.memfd_create("console", os.MFD_CLOEXEC)
        flags = fcntl.fcntl(self.fd, fcntl.F_GETFL)
        fcntl.fcntl(self.fd, fcntl.F_SETFL, flags | os.O_APPEND)

    def attach(self):
        """Make standard output and error go to the memory file."""
        self.flush()
        os.dup2(self.fd, 1)
        os.dup2(self.fd, 2)

    def clear(self):
        self.flush()
        os.ftruncate(self.fd, 0)

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
        size = os.fstat(self.fd).st_size
        data = os.pread(self.fd, self.limit, 0).decode("utf-8", "replace")
        if size > self.limit:
            data += "\n[console output cut: %d of %d bytes shown]\n" % (
                self.limit, size)
        return data

    def close(self):
        os.close(self.fd)
