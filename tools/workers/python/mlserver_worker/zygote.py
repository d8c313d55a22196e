# SPDX-License-Identifier: Apache-2.0
"""A service version, loaded once; each request runs in a fork of it."""

import gc
import json
import os
import random
import shutil
import signal
import sys
import tempfile

from . import execute, isolate, warm, workspace
from .children import Children, wait_readable
from .console import Console
from .proto import Channel, ProtocolError, Stream

DEFAULTS = {"console": 1 << 20, "files": 64 << 20, "folder": 256 << 20,
            "processes": isolate.PROCESSES, "processesInAll": 8192, "cpu": 0}


class Service:
    """The definition, its namespace and files; what went wrong on loading."""

    def __init__(self, definition, snapshot_fd, init_each, limits):
        self.definition = definition
        self.files = {}
        self.error = None      # (message, traceback) of loading or init code
        self.seeded = False    # init code chose its random numbers
        self.init_each = init_each
        self.namespace = workspace.new_main()
        definition["limits"] = self.limits = {
            **limits, **definition.get("limits", {})}
        self._load(snapshot_fd)

    def _preload(self):
        """Libraries that the declared types need, once instead of in each
        request's process."""
        types = {d.get("type") for part in ("inputs", "outputs")
                 for d in self.definition.get(part) or ()}
        try:
            if "data.frame" in types:
                import pandas  # noqa: F401
            elif types & {"vector", "matrix"}:
                import numpy  # noqa: F401
        except ImportError as error:
            self.error = ("the runtime lacks a library that the declared "
                          "types need: %s" % error, "")

    def _load(self, snapshot_fd):
        self._preload()
        if snapshot_fd is not None:
            try:
                objects, self.files = workspace.read_snapshot(snapshot_fd)
                workspace.write_files(os.getcwd(), self.files)
                for name, data in objects.items():
                    workspace.load_object(self.namespace, name, data)
            except workspace.LoadError as error:
                self.error = (str(error), "")
            except Exception as error:
                self.error = ("the snapshot cannot be read: %s" % error, "")
        warm.rehearse(self.definition)
        if self.error is None and not self.init_each:
            self.run_init()

    def run_init(self):
        """Init code; a failure is kept and answered to each request."""
        code = self.definition.get("initCode") or ""
        if not code.strip():
            return
        folder = os.getcwd()
        before = execute.snapshot_files(folder)
        try:
            execute.run_code(code, self.namespace, "<initCode>")
            if not self.init_each:
                self._keep_files(folder, before)
        except BaseException as error:
            self.error = ("init code failed: " + execute.error_text(error),
                          execute.user_traceback(error, "<initCode>"))
        # Python's own generator reseeds itself in every fork, so a seeded
        # state is kept and put back.
        if _explicit_seed(code):
            self.seeded = True
            self.random_state = random.getstate()
        os.chdir(folder)

    def _keep_files(self, folder, before):
        """What init code wrote by relative names is there for each request,
        as if it had run in the request's own folder."""
        changed = execute.changed_files(folder, before)
        paths = {name: os.path.join(folder, name) for name in changed}
        if sum(map(os.path.getsize, paths.values())) > self.limits["folder"]:
            raise OSError("init code wrote more than %d bytes of files"
                          % self.limits["folder"])
        for name, path in paths.items():
            with open(path, "rb") as source:
                self.files[name] = source.read()


def _explicit_seed(code):
    """Whether init code asks for random numbers that repeat."""
    return "seed(" in code or "default_rng(" in code or "RandomState(" in code


class Zygote:
    def __init__(self, control, message, descriptors, programs):
        self.programs = programs
        limits = {**DEFAULTS, **(message.get("limits") or {})}
        with os.fdopen(descriptors[0], "rb") as source:
            definition = json.load(source)
        snapshot = descriptors[1] if len(descriptors) > 1 else None
        self.control = control
        self.reuse = message.get("mode") == "reuse"
        self.isolate = message.get("isolate", True)
        self.load_console = Console(limits["console"])
        self.load_console.attach()
        self.temporary = None      # descriptor of the /tmp of init code
        self.kept = set(os.listdir("/tmp"))
        folder = tempfile.mkdtemp(prefix="init-")
        os.chdir(folder)
        self.children = Children()
        # From here on code of users runs: objects' loading, init code. What
        # a runtime itself still does in its forks is allowed by the filter.
        if self.isolate:
            isolate.limit_processes(limits["processes"],
                                    limits["processesInAll"])
            isolate.restrict(programs.load)
        else:
            isolate.restrict(programs.request)
        self.service = Service(definition, snapshot,
                               message.get("init") == "each", limits)
        if snapshot is not None:
            os.close(snapshot)
        self._allow_processes(limits)
        self.children.install()
        self.teacher = warm.Teacher()
        self.alive_read, self.alive_write = os.pipe2(os.O_CLOEXEC)
        os.chdir("/")
        # The service has read what requests find in their own folder.
        shutil.rmtree(folder, ignore_errors=True)
        if self.isolate:
            self._keep_temporary()

    def _keep_temporary(self):
        """Requests get a /tmp of their own; what init code left in this one
        is copied there from a descriptor that still reaches it."""
        self.kept = {entry.name for entry in os.scandir("/tmp")
                     if entry.name not in self.kept and
                     entry.stat(follow_symlinks=False).st_uid == os.getuid()}
        if self.kept:
            self.temporary = os.open("/tmp", os.O_RDONLY | os.O_DIRECTORY
                                     | os.O_CLOEXEC)

    def _allow_processes(self, limits):
        """From now on those of all requests count, too; unless init code
        has taken the right away, in which case it has its way."""
        if self.isolate:
            try:
                isolate.limit_processes(limits["processesInAll"])
            except (OSError, ValueError):
                pass

    def run(self):
        threads = isolate.thread_count()
        self.fork_safe = threads == 1
        # A collection in a fork would write to every object, and so copy
        # every page of them.
        gc.collect()
        gc.freeze()
        self.control.send({
            "op": "ready", "threads": threads, "forkSafe": self.fork_safe,
            "loadError": self.service.error[0] if self.service.error else None,
            "console": self.load_console.text()[-4096:]})
        while True:
            for source in wait_readable(self.control, self.children,
                                        self.teacher):
                if source is self.children:
                    self._report_ended()
                elif source is self.teacher:
                    self._learn()
                elif not self._command():
                    return

    def _learn(self):
        """Once it is known what calls need; user code may have changed the
        handlers again meanwhile."""
        self.teacher.listen()
        self.children.install()
        gc.collect()
        gc.freeze()

    def _report_ended(self):
        for number, status, how in self.children.reap():
            self.control.send({"op": "ended", "id": number,
                               "status": status, "signal": how})

    def _command(self):
        message, descriptors = self.control.receive()
        for fd in descriptors:
            os.close(fd)
        if message is None or message.get("op") == "stop":
            self.children.kill_all()
            return False
        if message["op"] == "fork" and self.fork_safe:
            self._fork(message["id"])
        elif message["op"] == "fork":
            self._become(message["id"])
        elif message["op"] == "kill":
            self.children.kill(message["id"])
        elif message["op"] == "measure":
            self.control.send({"op": "memory", "bytes": isolate.memory()})
        return True

    def _fork(self, number):
        ours, theirs = _channel_pair()
        user = os.geteuid(), os.getegid()
        pid = isolate.fork_isolated() if self.isolate else os.fork()
        if pid == 0:
            try:
                os.close(theirs)
                self.children.forget_all()
                self.control.close()
                _become_worker(self, ours, user)
            finally:
                os._exit(70)
        os.close(ours)
        self.children.add(number, pid)
        self.control.send({"op": "worker", "id": number, "pid": pid},
                          [theirs])
        os.close(theirs)


    def _become(self, number):
        """Threads do not survive a fork: this process itself serves one
        request, in the sandbox that it has, and ends."""
        ours, theirs = _channel_pair()
        self.control.send({"op": "worker", "id": number, "pid": os.getpid()},
                          [theirs])
        os.close(theirs)
        self.reuse = False
        self.children.forget_all()
        Worker(self, Channel(ours), False).run()
        os._exit(0)


def _channel_pair():
    import socket
    first, second = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return first.detach(), second.detach()


def _become_worker(zygote, channel, user):
    """In the fork."""
    os.close(zygote.alive_write)
    isolate.die_with_parent()
    if _ended(zygote.alive_read):
        os._exit(0)
    os.close(zygote.alive_read)
    if zygote.isolate:
        isolate.map_user(*user)
    Worker(zygote, Channel(channel), zygote.isolate).run()
    os._exit(0)


def _ended(read_end):
    import select
    poll = select.poll()
    poll.register(read_end, 0)
    return bool(poll.poll(0))


class Worker:
    """One process that runs requests: all that can be done before one comes
    is done here."""

    def __init__(self, zygote, channel, isolated):
        service = zygote.service
        self.service = service
        self.teacher = zygote.teacher
        self.channel = channel
        self.reuse = zygote.reuse
        if isolated:  # what can be written is this request's alone
            isolate.private_folder("/tmp", service.limits["folder"])
            isolate.private_folder("/dev/shm", service.limits["folder"])
        self.folder = tempfile.mkdtemp(prefix="work-")
        workspace.write_files(self.folder, service.files)
        os.chdir(self.folder)
        tempfile.tempdir = None
        os.environ["TMPDIR"] = self.folder
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if service.seeded:
            random.setstate(service.random_state)
        else:
            execute.reseed()
        self.console = Console(service.definition["limits"]["console"])
        self.console.attach()
        if isolated and zygote.temporary is not None:
            self._keep(zygote)
        if isolated:
            isolate.limit_processes(service.limits["processes"])
            isolate.restrict(zygote.programs.request)
        if not self.reuse:
            isolate.limit_time(service.limits["cpu"])
        if service.init_each and service.error is None:
            service.run_init()
        if not self.reuse:
            warm.touch(self.teacher.lesson)

    @staticmethod
    def _keep(zygote):
        """Copy what init code left in its own /tmp."""
        source = "/proc/self/fd/%d/" % zygote.temporary
        for name in zygote.kept:
            try:
                if os.path.isdir(source + name):
                    shutil.copytree(source + name, "/tmp/" + name,
                                    symlinks=True)
                else:
                    shutil.copy(source + name, "/tmp/" + name,
                                follow_symlinks=False)
            except (OSError, shutil.Error) as error:
                print("/tmp/%s of the init code is not there: %s"
                      % (name, error), file=sys.stderr)
        os.close(zygote.temporary)

    def run(self):
        while True:
            message, descriptors = self.channel.receive()
            if message is None:
                return
            stream = Stream(descriptors[0])
            try:
                self._serve(stream)
            except (ProtocolError, OSError):
                pass
            stream.close()
            if not self.reuse:
                return
            self._restore()
            self.channel.send({"op": "idle"})

    def _serve(self, stream):
        stream.send_descriptor(b"C", self.console.fd)
        self._saved = dict(self.service.namespace)
        result = self._result(stream.receive_request())
        self.console.flush()
        stream.send_result(result)
        if not self.reuse:
            self.teacher.tell()

    def _result(self, body):
        definition = self.service.definition
        if self.service.error:
            message, trace = self.service.error
            return execute.result(
                False, message, execute.null_outputs(definition),
                execute.null_files(definition), self.console.text(), [],
                trace, "load")
        try:
            values = json.loads(body)["inputs"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            return execute.result(False, "the request is not JSON: %s" % error,
                                  kind="input")
        return execute.run_request(definition, self.service.namespace, values,
                                   self.console, self.folder)

    def _restore(self):
        """Before the next request in reuse mode: the namespace and folder as
        after loading. Objects changed in place stay changed."""
        namespace = self.service.namespace
        namespace.clear()
        namespace.update(self._saved)
        os.chdir(self.folder)
        for name in workspace.list_files(self.folder):
            if name not in self.service.files:
                os.unlink(os.path.join(self.folder, name))
        workspace.write_files(self.folder, self.service.files)
        self.console.clear()


def serve(control, message, descriptors, programs):
    Zygote(control, message, descriptors, programs).run()
    sys.exit(0)
