# SPDX-License-Identifier: Apache-2.0
"""mlserverd as a plain process, and its two sockets spoken from Python."""

import array
import json
import os
import pathlib
import pwd
import signal
import socket
import struct
import subprocess
import time
import uuid

TESTS = pathlib.Path(__file__).resolve().parent.parent


class Refused(Exception):
    """An answer that is not ok."""

    def __init__(self, answer):
        super().__init__(f"{answer.get('code')}: {answer.get('message')}")
        self.code = answer.get("code")
        self.message = answer.get("message", "")


class Gone(Exception):
    """The connection broke, or nobody listens."""


def check(answer):
    if not answer.get("ok"):
        raise Refused(answer)
    return answer


class Registry:
    """One connection to the owner; made again after it broke."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = None

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def _connect(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(20)
        try:
            self.socket.connect(self.path)
        except OSError as error:
            self.close()
            raise Gone(str(error)) from error
        check(self._exchange({"op": "hello", "protocol": 1}))

    def _receive(self, length):
        data = b""
        while len(data) < length:
            more = self.socket.recv(length - len(data))
            if not more:
                raise OSError("closed")
            data += more
        return data

    def _exchange(self, request):
        text = json.dumps(request).encode()
        try:
            self.socket.sendall(struct.pack("<I", len(text)) + text)
            (length,) = struct.unpack("<I", self._receive(4))
            return json.loads(self._receive(length))
        except OSError as error:
            self.close()
            raise Gone(str(error)) from error

    def raw(self, op, **members):
        """One try; the answer as it is."""
        if not self.socket:
            self._connect()
        return self._exchange({"op": op, **members})

    def ask(self, op, **members):
        """One try; the answer must be ok."""
        return check(self.raw(op, **members))

    def write(self, op, patience=10, **members):
        """As the C client does: one id, tried again while nobody answers."""
        members.setdefault("id", uuid.uuid4().hex)
        until = time.monotonic() + patience
        while True:
            try:
                return self.ask(op, **members)
            except Gone:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)

    def services(self, name=None):
        found, after = [], None
        while True:
            members = {"after": after} if after else {}
            if name:
                members["name"] = name
            answer = self.ask("service.list", **members)
            found += answer["services"]
            after = answer["next"]
            if not after:
                return found


def supervisor_call(path, request, fds=(), timeout=60):
    """One request to the supervisor and its answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as talk:
        talk.settimeout(timeout)
        try:
            talk.connect(str(path))
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                       array.array("i", fds))] if fds else []
            talk.sendmsg([json.dumps(request).encode()], rights)
            data, control, _, _ = talk.recvmsg(
                65536, socket.CMSG_SPACE(4 * 4))
        except OSError as error:
            raise Gone(str(error)) from error
    if not data:
        raise Gone("closed")
    answer = json.loads(data)
    for _, _, attached in control:
        for fd in array.array("i", attached):
            with os.fdopen(fd, "rb") as file:
                if answer.get("long"):
                    file.seek(0)
                    answer = json.loads(file.read())
    return check(answer)


SERVICE = {
    "v": 1, "version": "1.0", "runtimeType": "Python",
    "publisher": {"provider": "file", "name": "admin"},
    "inputs": "[]", "outputs": "[]", "outputFiles": "[]",
}


def service(name, **members):
    return {**SERVICE, "name": name, **members}


LIFETIMES = {"accessLifetime": 3600, "refreshIdle": 86400,
             "refreshMaximum": 864000}


class Daemon:
    """A running mlserverd in a state of its own."""

    def __init__(self, build, folder, *options):
        self.build = pathlib.Path(build)
        self.state = pathlib.Path(folder) / "state"
        self.run = pathlib.Path(folder) / "run"
        self.log = pathlib.Path(folder) / "log"
        self.options = list(options)
        self.process = None

    @property
    def privileged(self):
        return os.geteuid() == 0

    def command(self):
        return [str(self.build / "bin" / "mlserverd"),
                "--state", str(self.state), "--run", str(self.run),
                *self.options]

    def start(self, wait=True):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stderr=log,
                                            stdin=subprocess.DEVNULL)
        if wait:
            self.wait()
        return self

    def wait(self, seconds=20):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(self.text())
            try:
                registry = self.registry()
                registry.ask("status")
                registry.close()
                supervisor_call(self.supervisor_path, {"op": "hello"})
                return
            except Gone:
                time.sleep(0.02)
        raise AssertionError("mlserverd is not up:\n" + self.text())

    def stop(self, seconds=15):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(seconds)
        code = self.process.returncode if self.process else None
        self.process = None
        return code

    def kill(self):
        """kill -9 of the parent; its children must follow."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def text(self):
        return self.log.read_text() if self.log.exists() else ""

    @property
    def supervisor_path(self):
        return self.run / "supervisor.sock"

    def registry(self):
        return Registry(self.run / "registry.sock")

    def compile(self, model, verify=None, subject="file:admin", **members):
        """Pass a file's bytes on as httpd's children do."""
        fds = [memory_file(model)]
        if verify is not None:
            fds.append(memory_file(verify))
        try:
            return supervisor_call(
                self.supervisor_path,
                {"op": "compile", "subject": subject, "requestId": "test",
                 **members}, fds)
        finally:
            for fd in fds:
                os.close(fd)

    def children(self):
        """Process ids by role."""
        found = {}
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                fields = (folder / "stat").read_text().rsplit(")", 1)
                name = (folder / "comm").read_text().strip()
            except OSError:
                continue
            if (int(fields[1].split()[1]) == self.process.pid
                    and name.startswith("mls-")):
                found[name[4:]] = int(folder.name)
        return found


def memory_file(data):
    fd = os.memfd_create("upload")
    os.write(fd, data)
    return fd


def user_of(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    uids = [line for line in status.splitlines() if line.startswith("Uid:")]
    return [pwd.getpwuid(int(uid)).pw_name for uid in uids[0].split()[1:]]


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return state.rsplit(")", 1)[1].split()[0] == "Z"


def wait_until(condition, seconds=10):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return False


__all__ = ["Daemon", "Gone", "LIFETIMES", "Refused", "Registry", "is_gone",
           "memory_file", "service", "signal", "supervisor_call", "user_of",
           "wait_until"]
