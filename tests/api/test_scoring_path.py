# SPDX-License-Identifier: Apache-2.0
"""What a scoring request does besides computing: nothing that an empty handler
does not do. docs/internals/scoring-path.md explains it; here is the proof.

One prefork child, one kept connection, a model that was called before. The
same number of requests goes to an empty handler of the same server.
"""
import collections
import contextlib
import re
import shutil
import signal
import socket
import struct
import subprocess

import pytest

from harness import env, models
from harness.httpd import Httpd, location, server_lines, wait_until

REQUESTS = 100
# Of a connection: what httpd itself reads, writes and waits with.
SOCKET_CALLS = {"read", "recvfrom", "recvmsg", "write", "writev", "sendto",
                "sendmsg", "poll", "ppoll", "epoll_wait"}
COLUMNS = '{"inputData":{"x":[1.5,2.5]}}'


class Counting(Httpd):
    """An httpd whose locks are counted."""
    preload = counter = None

    def _environment(self):
        environment = super()._environment()
        if self.preload:
            environment["LD_PRELOAD"] = str(self.preload)
            environment["MLS_COUNT_LOCKS"] = str(self.counter)
        return environment


def config(server):
    return server_lines(server) + location(server) + """
<Location /empty>
    MLServer Off
    SetHandler empty
    Require all granted
</Location>
"""


def one_child(**options):
    return Counting(mpm="prefork", lean=True, modules=("empty",),
                    config=config, mpm_config="StartServers 1\n"
                    "MinSpareServers 1\nMaxSpareServers 1\n"
                    "MaxRequestWorkers 1\nLogLevel warn\n", **options)


class Connection:
    """A kept connection by hand: the child has no other one."""

    def __init__(self, server, path, token):
        self.sock = socket.create_connection(("127.0.0.1", server.port), 30)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request = (
            "POST %s HTTP/1.1\r\nHost: localhost\r\n"
            "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
            "Content-Length: %d\r\n\r\n%s"
            % (path, token, len(COLUMNS), COLUMNS)).encode()

    def ask(self):
        self.sock.sendall(self.request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), data
        length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        while len(body) < length:
            body += self._more()
        return body

    def _more(self):
        data = self.sock.recv(65536)
        assert data, "the connection was closed"
        return data

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()


@pytest.fixture
def server(make_scored):
    return make_scored()


@pytest.fixture
def make_scored():
    """Start a server with one child and a published model."""
    made = []

    def make(prepare=None, **options):
        one = one_child(**options)
        made.append(one)
        if prepare:
            prepare(one)
        one.start()
        client = one.client("alice")
        answer = client.publish("path", "1", models.linear(2.0, 1.0))
        assert answer.status_code == 201, answer.text
        one.token = client.token
        client.close()  # else the only child would wait for it
        return one

    yield make
    for one in made:
        one.remove()


def the_child(server):
    found = server.children()
    assert len(found) == 1, found
    return found[0]


@contextlib.contextmanager
def strace(server):
    """Trace the child meanwhile; gives a function that reads the trace."""
    output = env.temporary_directory() / "trace"
    process = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", str(output), "-p",
         str(the_child(server))], stderr=subprocess.PIPE, text=True)
    try:
        # Attached when the child's waiting shows.
        wait_until(lambda: output.exists() and output.stat().st_size
                   or process.poll() is not None, 30, "strace")
        assert process.poll() is None, process.stderr.read()

        def trace():
            process.send_signal(signal.SIGINT)
            process.wait(30)
            text = output.read_text(errors="replace")
            return collections.Counter(re.findall(
                r"^\d+ +(?:<\.\.\. )?(\w+)[( ]", text, re.M)), text
        yield trace
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
        shutil.rmtree(output.parent)


def traced(server, path):
    """System calls of the child, by name, while it answers."""
    with Connection(server, path, server.token) as connection:
        for _ in range(20):
            connection.ask()
        with strace(server) as trace:
            for _ in range(REQUESTS):
                connection.ask()
            return trace()


@pytest.mark.skipif(env.SAN != "", reason="sanitizers make calls of their own")
def test_no_system_call_but_the_sockets(server):
    empty, _ = traced(server, "/empty")
    scored, text = traced(server, "/api/path/1")
    for calls in (empty, scored):
        assert calls["writev"] >= REQUESTS and calls["read"] >= REQUESTS, calls
    foreign = set(scored) - SOCKET_CALLS - {"restart_syscall"}
    assert not foreign, (foreign, [line for line in text.splitlines()
                                   if any(name + "(" in line
                                          for name in foreign)][:5])
    for name, count in scored.items():
        # Nor more of them: a few for what strace itself disturbs.
        assert count <= empty[name] + REQUESTS // 20, (name, scored, empty)


@pytest.mark.skipif(env.SAN != "", reason="sanitizers take locks")
def test_no_lock(make_scored, tmp_path):
    library = env.temporary_directory() / "count_locks.so"
    source = env.ROOT / "tests" / "api" / "harness" / "count_locks.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o",
                    str(library), str(source), "-ldl"], check=True)
    library.chmod(0o755)

    def prepare(one):
        one.preload = library
        one.counter = one.root / "locks"
        one.counter.write_bytes(bytes(8))
        one.counter.chmod(0o666)

    server = make_scored(prepare)

    def locks(path):
        with Connection(server, path, server.token) as connection:
            for _ in range(20):
                connection.ask()
            before = struct.unpack("Q", server.counter.read_bytes())[0]
            for _ in range(REQUESTS):
                connection.ask()
            return struct.unpack("Q", server.counter.read_bytes())[0] - before

    try:
        # The counter counts: a login takes locks (of cjose, of the socket).
        start = struct.unpack("Q", server.counter.read_bytes())[0]
        assert start > 0
        empty, scored = locks("/empty"), locks("/api/path/1")
        assert scored <= empty + REQUESTS // 20, (scored, empty)
    finally:
        shutil.rmtree(library.parent)


def test_the_trace_would_see_a_call(server):
    """A redeployed model is mapped anew: the method notices."""
    client = server.client()
    client.token = server.token
    answer = client.redeploy("path", "1", models.linear(3.0, 1.0))
    assert answer.status_code == 200, answer.text
    client.close()
    with strace(server) as trace:
        with Connection(server, "/api/path/1", server.token) as connection:
            assert b"5.5" in connection.ask()
        calls, _ = trace()
    assert {"openat", "mmap"} <= set(calls), calls
