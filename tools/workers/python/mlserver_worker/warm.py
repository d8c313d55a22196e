# SPDX-License-Identifier: Apache-2.0
"""What the first calls of a service needed, later workers have before a call
comes.

A fresh process that is forked from a zygote imports again what the code
imports only when it runs, and takes a page fault for each page that it is the
first to touch: most of the time of a short call. So the first workers tell,
after their result is sent, which modules they imported and which pages they
touched. The zygote imports the modules; the next workers touch the pages while
they wait.

What is told is only a hint: a module is imported by its name, from where any
code of the service could import it, and a page that is not there is passed
over.
"""

import array
import ctypes
import importlib
import json
import os
import signal
import socket
import sys

from . import convert

REHEARSALS = 10
PATIENCE = 10             # seconds for imports that are tried
LESSONS = 4               # calls that are learned from
MOST = 160 << 10          # bytes of one lesson
PAGE = 4096
READ_GAP = 8              # pages between two ranges that are made one
PRESENT, FILE, EXCLUSIVE = 1 << 63, 1 << 61, 1 << 56   # of a page map's entry
MADV_POPULATE_READ, MADV_POPULATE_WRITE = 22, 23

_libc = ctypes.CDLL(None)
_libc.madvise.argtypes = [ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int]


def _mappings():
    """(start, end) of what may be touched."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as source:
        for line in source:
            words = line.split(None, 5)
            start, end = (int(x, 16) for x in words[0].split("-"))
            name = words[5].strip() if len(words) > 5 else ""
            if words[1].startswith("r") and words[1][3] == "p" and \
                    name not in ("[vvar]", "[vdso]", "[vsyscall]"):
                yield start, end


def touched():
    """Pages of this fork as two lists of [start, size]: those of files that
    are mapped, and those that it has a copy of its own of."""
    reads, writes = [], []
    with open("/proc/self/pagemap", "rb", buffering=0) as source:
        for start, end in _mappings():
            entries = array.array("Q")
            entries.frombytes(os.pread(source.fileno(),
                                       (end - start) // PAGE * 8,
                                       start // PAGE * 8))
            for number, entry in enumerate(entries):
                if not entry & PRESENT:
                    continue
                if entry & FILE:
                    _add(reads, start + number * PAGE, READ_GAP)
                elif entry & EXCLUSIVE:
                    _add(writes, start + number * PAGE)
    return reads, writes


def _add(ranges, page, gap=0):
    if ranges and page <= ranges[-1][0] + ranges[-1][1] + gap * PAGE:
        ranges[-1][1] = page + PAGE - ranges[-1][0]
    else:
        ranges.append([page, PAGE])


def touch(lesson):
    """In a worker that waits."""
    for ranges, advice in ((lesson.get("reads", ()), MADV_POPULATE_READ),
                           (lesson.get("writes", ()), MADV_POPULATE_WRITE)):
        for start, size in ranges:
            _libc.madvise(start, size, advice)


SAMPLES = {
    "logical": True, "integer": 1, "numeric": 1.5, "character": "a",
    "vector": [1.5, 2.5], "matrix": [[1.5, 2.5], [3.5, 4.5]],
    "data.frame": {"a": [1.5, 2.5], "b": [1, 2], "c": ["x", None]}}


def rehearse(definition):
    """In a zygote, before it forks: convert made-up values of the declared
    types, so that what is slow at first (lazily made tables, code that the
    interpreter adapts to its use) is done once. Runs no code of users."""
    inputs = [dict(one) for one in definition.get("inputs") or ()]
    outputs = [dict(one) for one in definition.get("outputs") or ()]
    try:
        values = json.loads(json.dumps({
            one["name"]: SAMPLES[one["type"]] for one in inputs}))
        frame = convert.INPUT["data.frame"](SAMPLES["data.frame"]) if any(
            one["type"] == "data.frame" for one in outputs) else None
        for _ in range(REHEARSALS):
            convert.convert_inputs(inputs, values)
            json.dumps(convert.convert_outputs(outputs, {
                one["name"]: frame if one["type"] == "data.frame"
                else SAMPLES[one["type"]] for one in outputs}))
    except Exception:  # the calls will tell
        pass


class Teacher:
    """The zygote's side: it hears of what calls needed."""

    def __init__(self):
        self._ours, self._theirs = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_DGRAM)
        self._theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST * 2)
        self._ours.setblocking(False)
        self._theirs.setblocking(False)
        self.left = LESSONS
        self.known = set(sys.modules)
        self.lesson = {}

    def fileno(self):
        return self._ours.fileno()

    def tell(self):
        """In a worker, after its first call."""
        if not self.left:
            return
        try:
            modules = [name for name in list(sys.modules)
                       if name not in self.known
                       and getattr(sys.modules[name], "__spec__", None)]
            reads, writes = touched()
            data = json.dumps({"modules": modules, "reads": reads,
                               "writes": writes}).encode()
            if len(data) <= MOST:
                self._theirs.send(data)
        except Exception:  # only a hint
            pass

    def listen(self):
        """In the zygote: take a lesson."""
        try:
            data = self._ours.recv(MOST)
        except BlockingIOError:
            return
        if not self.left:
            return
        self.left -= 1
        try:
            lesson = json.loads(data)
            modules = [name for name in lesson["modules"] if _is_usual(name)]
            for part in ("reads", "writes"):
                lesson[part] = [[int(start), int(size)]
                                for start, size in lesson[part]]
        except (ValueError, TypeError, KeyError, AttributeError):
            return
        self.lesson = lesson
        if modules and _imports_safely(modules):
            _import(modules)
            self.known = set(sys.modules)


def _is_usual(name):
    """Not the runtime itself, nor anything that is no module's name."""
    return all(part.isidentifier() for part in name.split(".")) and \
        name.split(".")[0] not in (__package__.split(".")[0], "__main__")


def _import(modules):
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception:  # it was there for the call; not our matter
            pass


def _imports_safely(modules):
    """Tried in a fork: modules that start threads would spoil the zygote."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(PATIENCE)
            _import(modules)
            code = 0 if len(os.listdir("/proc/self/task")) == 1 else 2
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1] == 0
