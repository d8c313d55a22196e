# SPDX-License-Identifier: Apache-2.0
"""An interactive session: a manager that runs no user code, and one worker
that keeps the workspace and runs what it is sent."""

import json
import os
import shutil
import signal
import sys
import tempfile

from . import convert, execute, isolate, workspace
from .children import Children, wait_readable
from .console import Console
from .proto import Channel, ProtocolError, Stream
from .zygote import _channel_pair

WORKER = 1
MAX_HISTORY = 4 << 20


class Refusal(Exception):
    """An operation cannot be done; code and message for the caller."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def answer(stream, work):
    """Run work(), send its result or refusal, close the stream."""
    try:
        result = {"ok": True, **(work() or {})}
    except Refusal as error:
        result = {"ok": False, "code": error.code, "message": str(error)}
    except (ValueError, workspace.LoadError) as error:
        result = {"ok": False, "code": "invalid", "message": str(error)}
    except FileNotFoundError as error:
        result = {"ok": False, "code": "notfound",
                  "message": "there is no file '%s'" % os.path.basename(
                      error.filename or "")}
    except OSError as error:
        result = {"ok": False, "code": "nospace" if error.errno in (27, 28, 122)
                  else "other", "message": str(error)}
    try:
        stream.send_result(result)
    except OSError:
        pass
    stream.close()


class Files:
    """The work folder, without running anything in it."""

    def __init__(self, folder, quota):
        self.folder = folder
        self.quota = quota

    def path(self, name):
        path = os.path.join(self.folder, workspace.safe_path(name))
        parent = os.path.realpath(os.path.dirname(path))
        root = os.path.realpath(self.folder)
        if parent != root and not parent.startswith(root + os.sep):
            raise Refusal("invalid", "'%s' leaves the work folder" % name)
        return path

    def used(self):
        return sum(os.path.getsize(os.path.join(self.folder, name))
                   for name in workspace.list_files(self.folder))

    def put(self, name, stream):
        path = self.path(name)
        data = stream.receive_bytes(self.quota)
        if self.used() + len(data) > self.quota:
            raise Refusal("nospace", "the session's files would be larger "
                          "than %d bytes" % self.quota)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        fd, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
        with os.fdopen(fd, "wb") as out:
            out.write(data)
        os.replace(temporary, path)

    def get(self, name, stream):
        fd = os.open(self.path(name), os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(fd, "rb") as source:
            stream.send_bytes(source)

    def delete(self, name):
        os.unlink(self.path(name))

    def names(self):
        return {"names": workspace.list_files(self.folder)}


class Manager:
    def __init__(self, control, message, descriptors, programs):
        self.program = programs.request
        self.isolate = message.get("isolate", True)
        limits = message.get("limits", {})
        self.control = control
        self.console_limit = limits.get("console", 1 << 20)
        self.folder = message.get("folder") or tempfile.mkdtemp(
            prefix="session-")
        self.files = Files(self.folder, limits.get("files", 1 << 30))
        self.object_limit = limits.get("object", 1 << 30)
        self.processes = limits.get("processes", isolate.PROCESSES)
        self.console = Console(self.console_limit)
        self.history_fd = os.memfd_create("history", os.MFD_CLOEXEC)
        self.busy_fd = os.memfd_create("busy", os.MFD_CLOEXEC)
        self.children = Children()
        self.lost = None
        self.channel = None
        self._start_worker(descriptors[0] if descriptors else None)
        for fd in descriptors:
            os.close(fd)

    def run(self):
        self.control.send({"op": "ready", "forkSafe": True, "threads": 1})
        while True:
            for source in wait_readable(self.control, self.children):
                if source is self.children:
                    self._worker_ended()
                elif not self._command():
                    return

    def _start_worker(self, snapshot):
        ours, theirs = _channel_pair()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(ours)
                self.children.forget_all()
                self.control.close()
                isolate.die_with_parent()
                SessionWorker(self, Channel(theirs), snapshot).run()
            finally:
                os._exit(70)
        os.close(theirs)
        self.channel = Channel(ours)
        self.children.add(WORKER, pid)

    def _worker_ended(self):
        for _, status, how in self.children.reap():
            reason = "signal %d" % how if how else "status %d" % status
            self.lost = ("the session's process ended (%s); its workspace is "
                         "lost, its files are kept" % reason)
            os.ftruncate(self.busy_fd, 0)
            self.channel.close()
            self._start_worker(None)
            self.control.send({"op": "ended", "id": WORKER,
                               "status": status, "signal": how})

    def _command(self):
        message, descriptors = self.control.receive()
        if message is None or message.get("op") == "stop":
            self.children.kill_all()
            return False
        if message["op"] == "interrupt":
            self.children.kill(WORKER, signal.SIGINT)
        elif message["op"] == "measure":
            self._measure()
        elif message["op"] == "session":
            self._operation(message["request"], descriptors)
            descriptors = []
        for fd in descriptors:
            os.close(fd)
        return True

    def _measure(self):
        disk = os.statvfs(self.folder)  # however many files there are
        self.control.send({
            "op": "memory", "bytes": isolate.memory(),
            "disk": (disk.f_blocks - disk.f_bfree) * disk.f_frsize,
            "busy": os.fstat(self.busy_fd).st_size > 0})

    def _operation(self, request, descriptors):
        own = {
            "put-file": lambda s: self.files.put(request["name"], s),
            "get-file": lambda s: self.files.get(request["name"], s),
            "delete-file": lambda s: self.files.delete(request["name"]),
            "list-files": lambda s: self.files.names(),
            "console": lambda s: {"text": self.console.text()},
            "history": lambda s: {"entries": self._history()},
        }.get(request["do"])
        if own is None:
            self._forward(request, descriptors)
            return
        # A slow caller must not hold up the manager: each of its own
        # operations runs in a short-lived fork.
        if os.fork() == 0:
            try:
                self.children.forget_all()
                stream = Stream(descriptors[0])
                answer(stream, lambda: own(stream))
            finally:
                os._exit(0)
        for fd in descriptors:
            os.close(fd)

    def _forward(self, request, descriptors):
        try:
            self._send(request, descriptors)
        except OSError:
            # It has just died: its end may not have been reported yet.
            self.children.wait(WORKER)
            self._worker_ended()
            self._send(request, descriptors)
        for fd in descriptors:
            os.close(fd)

    def _send(self, request, descriptors):
        if self.lost and request["do"] in ("execute", "snapshot"):
            self.channel.send(dict(request, lost=self.lost), descriptors)
            self.lost = None
        else:
            self.channel.send(request, descriptors)

    def _history(self):
        data = os.pread(self.history_fd, MAX_HISTORY, 0)
        return [json.loads(line) for line in data.splitlines() if line]


class SessionWorker:
    """Keeps the workspace; one operation at a time."""

    def __init__(self, manager, channel, snapshot):
        self.channel = channel
        self.folder = manager.folder
        self.console = manager.console
        self.history_fd = manager.history_fd
        self.busy_fd = manager.busy_fd
        self.object_limit = manager.object_limit
        self.executing = False
        self.namespace = workspace.new_main()
        self.console.attach()
        if manager.isolate:
            isolate.limit_processes(manager.processes)
        isolate.restrict(manager.program)
        signal.signal(signal.SIGINT, self._interrupt)
        os.chdir(self.folder)
        execute.reseed()
        if snapshot is not None:
            self._load(snapshot)

    def _interrupt(self, *_):
        if self.executing:
            raise KeyboardInterrupt("the execution was cancelled")

    def run(self):
        while True:
            message, descriptors = self.channel.receive()
            if message is None:
                return
            stream = Stream(descriptors[0])
            os.ftruncate(self.busy_fd, 1)
            try:
                self._operation(message, stream, descriptors[1:])
            except (ProtocolError, OSError):
                stream.close()
            os.ftruncate(self.busy_fd, 0)
            for fd in descriptors[1:]:
                os.close(fd)

    def _operation(self, request, stream, extra):
        work = {
            "execute": lambda: self._execute(stream, request),
            "put-object": lambda: self._put(request["name"], stream),
            "get-object": lambda: self._get(request["name"], stream),
            "list-objects": lambda: {
                "names": workspace.names(self.namespace)},
            "delete-object": lambda: self._delete(request["name"]),
            "snapshot": lambda: workspace.write_snapshot(
                extra[0], self.namespace, self.folder),
            "load-snapshot": lambda: self._load(extra[0]),
        }.get(request["do"])
        if work is None:
            def work():
                raise Refusal("invalid", "no operation '%s'" % request["do"])
        if request["do"] == "execute":
            work()
            stream.close()
        else:
            answer(stream, work)

    def _existing(self, name):
        if name not in self.namespace or not workspace.is_object(
                name, self.namespace[name]):
            raise Refusal("notfound", "there is no object '%s'" % name)
        return self.namespace[name]

    def _put(self, name, stream):
        data = stream.receive_bytes(self.object_limit)
        workspace.load_object(self.namespace, name, data)

    def _get(self, name, stream):
        import io
        value = self._existing(name)
        try:
            data = workspace.dump_object(value)
        except Exception as error:
            raise Refusal("invalid", "object '%s' cannot be serialised: %s"
                          % (name, error))
        stream.send_bytes(io.BytesIO(data))

    def _delete(self, name):
        self._existing(name)
        del self.namespace[name]

    def _load(self, fd):
        objects, files = workspace.read_snapshot(fd)
        workspace.write_files(self.folder, files)
        problems = []
        for name, data in objects.items():
            try:
                workspace.load_object(self.namespace, name, data)
            except workspace.LoadError as error:
                problems.append(str(error))
        if problems:
            raise Refusal("invalid", "; ".join(problems))

    def _execute(self, stream, request):
        self.console.clear()
        stream.send_descriptor(b"C", self.console.fd)
        body = json.loads(stream.receive_request())
        stream.send_result(self._run(body, request.get("lost")))

    def _run(self, body, lost):
        before = execute.snapshot_files(self.folder)
        code = body.get("code") or ""
        os.write(self.history_fd,
                 json.dumps({"code": code}).encode() + b"\n")
        outputs, error, trace = [], "", ""
        if lost:
            print(lost, file=sys.stderr)
        try:
            self.executing = True
            self._set_inputs(body.get("inputParameters") or [])
            execute.run_code(code, self.namespace, "<code>")
            self.executing = False
            outputs = self._outputs(body.get("outputParameters") or [])
        except KeyboardInterrupt:
            error = "the execution was cancelled"
        except SystemExit as stop:
            if stop.code not in (None, 0):
                error = "the code called exit(%r)" % (stop.code,)
        except Refusal as refusal:
            error = str(refusal)
        except BaseException as problem:
            error = execute.error_text(problem)
            trace = execute.user_traceback(problem, "<code>")
        finally:
            self.executing = False
        if trace:
            print(trace, end="", file=sys.stderr)
        result = execute.result(not error, error, None, None,
                                self.console.text(),
                                execute.changed_files(self.folder, before),
                                trace, "code" if error else "ok")
        result["outputParameters"] = outputs
        return result

    def _set_inputs(self, inputs):
        for item in inputs:
            value = item.get("value")
            if isinstance(value, dict) and value and all(
                    isinstance(v, list) for v in value.values()) and \
                    len({len(v) for v in value.values()}) == 1:
                value = convert.INPUT["data.frame"](value)
            self.namespace[item["name"]] = value

    def _outputs(self, names):
        result = []
        for item in names:
            name = item["name"] if isinstance(item, dict) else item
            if name not in self.namespace:
                raise Refusal("invalid", "there is no object '%s'" % name)
            try:
                value = convert.plain(self.namespace[name])
            except convert.OutputError as error:
                raise Refusal("invalid", "output '%s' %s" % (name, error))
            result.append({"name": name, "value": value})
        return result


def serve(control, message, descriptors, programs):
    manager = Manager(control, message, descriptors, programs)
    manager.run()
    if not message.get("folder"):
        shutil.rmtree(manager.folder, ignore_errors=True)
    sys.exit(0)
