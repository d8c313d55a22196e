# SPDX-License-Identifier: Apache-2.0
"""Start of a Python runtime: hello, then become a service or a session."""

import os
import platform
import sys

# Before any library can start threads: a zygote that has several cannot fork.
for _name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM"):
    os.environ[_name + "_NUM_THREADS"] = "1"

from . import PROTOCOL, isolate, packages, session, zygote  # noqa: E402
from .proto import Channel  # noqa: E402

CONTROL = 3


def read_program(fd):
    with os.fdopen(fd, "rb") as source:
        return os.pread(source.fileno(), 1 << 20, 0)


def main():
    isolate.prctl(isolate.PR_SET_NO_NEW_PRIVS, 1)
    sys.dont_write_bytecode = True
    control = Channel(CONTROL)
    os.set_inheritable(CONTROL, False)
    control.send({"op": "hello", "protocol": PROTOCOL, "runtime": "Python",
                  "version": platform.python_version()})
    message, descriptors = control.receive()
    if message is None:
        return
    programs = isolate.Programs()
    if message.get("filter"):
        programs.request = read_program(descriptors.pop(0))
    if message.get("loadFilter"):
        programs.load = read_program(descriptors.pop(0))
    kinds = {"service": zygote.serve, "session": session.serve,
             "packages": packages.serve}
    kinds[message["kind"]](control, message, descriptors, programs)


main()
