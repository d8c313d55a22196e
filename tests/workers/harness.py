# SPDX-License-Identifier: Apache-2.0
"""Plays the pool supervisor and the child of httpd against a real runtime."""

import io
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import zipfile

WORKERS = pathlib.Path(__file__).resolve().parents[2] / "tools/workers/python"
sys.path.insert(0, str(WORKERS))

from mlserver_worker.proto import Channel, ProtocolError, Stream  # noqa: E402

NOBODY = 65534
PYTHON = os.environ.get("MLSERVER_PYTHON", "/usr/bin/python3")


def memory_file(data):
    fd = os.memfd_create("test")
    os.write(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def snapshot_zip(objects=None, files=None):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in (objects or {}).items():
            archive.writestr("workspace/" + name, data)
        for name, data in (files or {}).items():
            archive.writestr("files/" + name, data)
    return memory_file(out.getvalue())


def set_timeout(sock, seconds=30):
    """By socket option: the descriptor stays blocking for everybody."""
    import struct
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO,
                    struct.pack("ll", int(seconds),
                                int(seconds % 1 * 1000000)))


class Answer:
    def __init__(self, result, data, console):
        self.result = result
        self.data = data
        self.console = console

    def __getitem__(self, key):
        return self.result[key]


class Runtime:
    def __init__(self, isolate=True):
        ours, theirs = socket.socketpair(socket.AF_UNIX,
                                         socket.SOCK_SEQPACKET)
        set_timeout(ours)
        self._isolate = isolate

        self._folder = tempfile.mkdtemp()
        os.chmod(self._folder, 0o755)
        shutil.copytree(WORKERS, self._folder + "/python")

        def on_three():
            os.dup2(theirs.fileno(), 3)
            if os.geteuid() == 0:  # limits do not hold for root
                os.setgroups([])
                os.setresgid(NOBODY, NOBODY, NOBODY)
                os.setresuid(NOBODY, NOBODY, NOBODY)

        self.process = subprocess.Popen(
            [PYTHON, "-m", "mlserver_worker"], preexec_fn=on_three,
            close_fds=True, pass_fds=[3], stderr=subprocess.PIPE,
            cwd="/tmp", env={"PYTHONPATH": self._folder + "/python", "PATH": "/usr/bin:/bin"})
        theirs.close()
        self.control = Channel(ours.detach())
        self.hello, _ = self.control.receive()
        self.ids = 0

    @staticmethod
    def _filter():
        """A program that allows everything: BPF_RET | BPF_K, ALLOW."""
        return memory_file(bytes.fromhex("0600000000 00ff7f".replace(" ", "")))

    def load(self, definition, snapshot=None, mode="fresh", init="per-zygote"):
        fds = [self._filter(), memory_file(json.dumps(definition).encode())]
        if snapshot is not None:
            fds.append(snapshot)
        self.control.send({"op": "load", "kind": "service", "mode": mode,
                           "init": init, "isolate": self._isolate,
                           "filter": True}, fds)
        for fd in fds:
            os.close(fd)
        self.ready, _ = self.control.receive()
        return self.ready

    def session(self, snapshot=None, **limits):
        fds = [self._filter()]
        if snapshot is not None:
            fds.append(snapshot)
        self.control.send({"op": "load", "kind": "session", "id": "s",
                           "limits": limits, "filter": True}, fds)
        self.ready, _ = self.control.receive()
        return self.ready

    def fork(self):
        self.ids += 1
        self.control.send({"op": "fork", "id": self.ids})
        while True:
            message, fds = self.control.receive()
            if message["op"] == "worker":
                return self.ids, Channel(fds[0])

    def ended(self, number):
        while True:
            message, _ = self.control.receive()
            if message["op"] == "ended" and message["id"] == number:
                return message

    def start(self, channel, inputs):
        """Hand a request over; returns our end of the stream."""
        ours, theirs = socket.socketpair()
        set_timeout(ours)
        channel.send({"op": "run", "requestId": "r"}, [theirs.fileno()])
        theirs.close()
        Stream(os.dup(ours.fileno())).send(
            b"Q", json.dumps({"inputs": inputs}).encode())
        return ours

    def call(self, channel, inputs):
        return read_answer(self.start(channel, inputs))

    def run(self, inputs):
        number, channel = self.fork()
        answer = self.call(channel, inputs)
        channel.close()
        return answer

    def operation(self, request, body=None, data=None, file=None, wait=True):
        ours, theirs = socket.socketpair()
        set_timeout(ours)
        fds = [theirs.fileno()] + ([file] if file is not None else [])
        self.control.send({"op": "session", "request": request}, fds)
        theirs.close()
        stream = Stream(os.dup(ours.fileno()))
        if body is not None:
            stream.send(b"Q", json.dumps(body).encode())
        if data is not None:
            stream.send(b"D", data)
            stream.send(b"D")
        return read_answer(ours) if wait else ours

    def execute(self, code, inputs=None, outputs=None, wait=True):
        return self.operation({"do": "execute"}, {
            "code": code, "inputParameters": inputs,
            "outputParameters": outputs}, wait=wait)

    def stop(self):
        try:
            self.control.send({"op": "stop"})
        except OSError:
            pass
        self.process.wait(10)
        self.control.close()
        shutil.rmtree(self._folder)


def read_answer(sock):
    """All frames up to the result; the console is read from the worker's
    memory file, as a child of httpd does when a worker crashes."""
    import array
    data, console, buffer = bytearray(), None, bytearray()

    def need(size):
        while len(buffer) < size:
            chunk, ancillary, _, _ = sock.recvmsg(1 << 16, 1024)
            for _, _, payload in ancillary:
                fds = array.array("i")
                fds.frombytes(payload)
                nonlocal console
                console = fds[0]
            if not chunk:
                raise ProtocolError("the worker closed the stream")
            buffer.extend(chunk)
        part = bytes(buffer[:size])
        del buffer[:size]
        return part

    try:
        while True:
            header = need(5)
            kind, size = header[:1], int.from_bytes(header[1:], "little")
            payload = need(size)
            if kind == b"B":
                data += payload
            elif kind == b"R":
                text = os.pread(console, 1 << 20, 0) if console else b""
                return Answer(json.loads(payload), bytes(data), text)
    except ProtocolError as error:
        if console is not None:
            error.console = os.pread(console, 1 << 20, 0)
        raise
