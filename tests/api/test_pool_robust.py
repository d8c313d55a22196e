# SPDX-License-Identifier: Apache-2.0
"""Pools under load while processes are killed, and what is left after much
use: nothing."""
import collections
import concurrent.futures
import os
import threading
import time

import pytest

from harness.client import is_error
from harness.httpd import children_of, location, server_lines, wait_until

pytestmark = pytest.mark.logs(
    "request failed", "crashed", "cancelled", "runtime", "worker", "died",
    "supervisor", "child_", "exit signal")

Y = [{"name": "y", "type": "integer"}]
X = [{"name": "x", "type": "integer"}]


def publish(client, name, code="y = x + 1", **more):
    answer = client.post("/services/%s/1" % name, json={
        "code": code, "runtimeType": "Python",
        "inputParameterDefinitions": X, "outputParameterDefinitions": Y,
        **more})
    assert answer.status_code == 201, answer.text


def call(client, name, x=1, **options):
    return client.post("/api/%s/1" % name, json={"x": x}, **options)


def descendants(pid):
    found, left = [], children_of(pid)
    while left:
        one = left.pop()
        found.append(one)
        left += children_of(one)
    return found


def cells(httpd):
    return children_of(httpd.daemon_children()["supervisor"])


class Load:
    """Callers that never pause; counts of what they were answered."""

    def __init__(self, httpd, name, callers=4):
        self.answers = collections.Counter()
        self.wrong = []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(
            httpd.client("alice"), name)) for _ in range(callers)]
        for thread in self.threads:
            thread.start()

    def _run(self, client, name):
        number = 0
        while not self.stop.is_set():
            number += 1
            answer = call(client, name, number, timeout=30)
            self.answers[answer.status_code] += 1
            if answer.status_code == 200:
                if answer.json()["outputParameters"] != {"y": number + 1}:
                    self.wrong.append(answer.text)
            else:
                body = answer.json()
                if not (body.get("message") or body.get("errorMessage")):
                    self.wrong.append(answer.text)

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(60)
        assert self.wrong == []
        return self.answers


@pytest.mark.parametrize("mode", ["fresh", "reuse"])
@pytest.mark.parametrize("victim", ["worker", "zygote", "cell",
                                    "supervisor"])
def test_kill_9_under_load(make_httpd, mode, victim):
    """One clear error for each call that was at work; then all is well."""
    httpd = make_httpd().start()
    alice = httpd.client("alice")
    publish(alice, "s", mode=mode)
    assert call(alice, "s").status_code == 200
    load = Load(httpd, "s")
    kills = 0
    for _ in range(4):
        time.sleep(0.7)
        if victim == "supervisor":
            pid = httpd.daemon_children().get("supervisor")
        else:
            depth = {"cell": 1, "zygote": 3, "worker": 4}[victim]
            pid = httpd.daemon_children().get("supervisor")
            for _ in range(depth):
                pid = (children_of(pid) or [None])[0] if pid else None
        if pid:
            try:
                os.kill(pid, 9)
                kills += 1
            except ProcessLookupError:
                pass
    time.sleep(0.5)
    answers = load.end()
    assert kills >= 2
    wait_until(lambda: call(alice, "s").status_code == 200, 10,
               "the service's return")
    # each kill hits at most the calls under way, and, while code that ended
    # is started again, those that come meanwhile
    assert set(answers) <= {200, 500, 503}, answers
    assert answers[200] > 10
    for _ in range(10):
        assert call(alice, "s").status_code == 200
    supervisor = httpd.daemon_children()["supervisor"]
    family = set(descendants(httpd.process.pid))
    assert supervisor in family
    # nothing of the dead lives on outside the family
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) in family:
            continue
        try:
            with open("/proc/%s/environ" % name, "rb") as source:
                ours = b"PYTHONPATH=/workers" in source.read()
            with open("/proc/%s/stat" % name, encoding="ascii") as source:
                parent = int(source.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
        assert not (ours and parent == 1), name


def test_kill_9_in_the_middle_of_a_start(make_httpd):
    """A supervisor that dies while sandboxes are being made leaves none."""
    httpd = make_httpd().start()
    alice = httpd.client("alice")
    for number in range(6):
        publish(alice, "s%d" % number)

    def bwraps():
        """Every process of a sandbox of this server, by its folder."""
        found = []
        for name in os.listdir("/proc"):
            try:
                with open("/proc/%s/cmdline" % name, "rb") as source:
                    words = source.read()
                with open("/proc/%s/stat" % name, encoding="ascii") as source:
                    fields = source.read().rpartition(")")[2].split()
            except OSError:
                continue
            if b"bwrap" in words and b"/workers" in words \
                    and fields[0] != "Z":
                found.append((int(name), int(fields[1])))
        return found
    for delay in (0.0, 0.005, 0.01, 0.02, 0.03, 0.05):
        threads = [threading.Thread(target=call, args=(
            httpd.client("alice"), "s%d" % n)) for n in range(6)]
        for thread in threads:
            thread.start()
        time.sleep(delay)
        pid = httpd.daemon_children().get("supervisor")
        if pid:
            os.kill(pid, 9)
        for thread in threads:
            thread.join(60)
        wait_until(lambda: call(alice, "s0").status_code == 200, 20)
    wait_until(lambda: not [pid for pid, parent in bwraps() if parent == 1],
               10, "the end of orphans")


def test_24_sessions_at_once(make_httpd):
    httpd = make_httpd().start()
    clients = [httpd.client(("alice", "bob")[n % 2]) for n in range(24)]

    def use(number):
        client = clients[number]
        answer = client.post("/sessions", json={"name": "s%d" % number})
        assert answer.status_code == 201, answer.text
        path = "/sessions/" + answer.json()["sessionId"]
        for step in range(3):
            answer = client.post(path + "/execute", json={
                "code": "n = %d\nprint(n * %d)" % (number, step)})
            assert answer.status_code == 200, answer.text
            assert answer.json()["consoleOutput"].strip() == str(
                number * step)
        return path
    with concurrent.futures.ThreadPoolExecutor(24) as threads:
        paths = list(threads.map(use, range(24)))
    assert len(set(paths)) == 24
    assert len(clients[0].get("/sessions").json()) == 12
    for client, path in zip(clients, paths):
        answer = client.post(path + "/execute", json={"code": "print(n)"})
        assert answer.json()["consoleOutput"].strip() == str(
            paths.index(path))
        assert client.delete(path).ok
    wait_until(lambda: len(cells(httpd)) == 0, 20, "the sessions' end")


def test_a_graceful_restart_loses_no_session(make_httpd):
    httpd = make_httpd().start()
    alice = httpd.client("alice")
    publish(alice, "s")
    session = alice.post("/sessions", json={"name": "kept"}).json()[
        "sessionId"]
    path = "/sessions/" + session
    alice.post(path + "/execute", json={"code": "kept = 41"})
    supervisor = httpd.daemon_children()["supervisor"]
    failures = []
    stop = threading.Event()

    def callers():
        while not stop.is_set():
            client = httpd.client()
            client.token = alice.token
            answer = call(client, "s", headers={"Connection": "close"})
            if answer.status_code != 200:
                failures.append(answer.text)
            client.close()
    threads = [threading.Thread(target=callers) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(0.5)
        httpd.graceful()
    time.sleep(1)
    stop.set()
    for thread in threads:
        thread.join(60)
    assert failures == []
    client = httpd.client("alice")
    answer = client.post(path + "/execute", json={"code": "print(kept + 1)"})
    assert answer.json()["consoleOutput"].strip() == "42"
    assert httpd.daemon_children()["supervisor"] == supervisor


def open_files(pid):
    try:
        return len(os.listdir("/proc/%d/fd" % pid))
    except OSError:
        return 0


def test_nothing_is_left_after_a_thousand_calls(make_httpd):
    httpd = make_httpd(mpm_config="StartServers 6\nMinSpareServers 6\n"
                       "MaxSpareServers 6\nMaxRequestWorkers 20\n"
                       if os.environ.get("MLS_TEST_MPM", "prefork")
                       == "prefork" else "",
                       config=lambda h: server_lines(h)
                       + "MLServerPoolWorkerRequests 50\n"
                       + location(h)).start()
    alice = httpd.client("alice")
    publish(alice, "fresh", "open('f', 'w').write('x'); y = x + 1",
            outputFileNames=["f"])
    publish(alice, "reuse", mode="reuse")
    publish(alice, "bad", "raise ValueError(x)")

    def calls(count):
        with concurrent.futures.ThreadPoolExecutor(3) as threads:
            clients = [httpd.client("alice") for _ in range(3)]
            codes = list(threads.map(
                lambda n: call(clients[n % 3],
                               ("fresh", "reuse", "reuse", "bad")[n % 4]
                               if n % 16 == 3 or n % 4 != 3 else "reuse",
                               n).status_code,
                range(count)))
            for client in clients:
                client.close()
        return collections.Counter(codes)

    def state():
        roles = httpd.daemon_children()
        zygotes = [pid for cell in cells(httpd)
                   for pid in descendants(cell)]
        return {
            "httpd": max(open_files(pid) for pid in httpd.children()),
            "supervisor": open_files(roles["supervisor"]),
            "owner": open_files(roles["registry"]),
            "zygote": max(open_files(pid) for pid in zygotes),
            "processes": len(descendants(httpd.process.pid)),
            "files": sum(len(files) for _, _, files in os.walk(httpd.state)),
            "run": len(os.listdir(httpd.run))}

    calls(100)
    time.sleep(1)
    before = state()
    answers = calls(1000)
    assert set(answers) == {200, 400}, answers
    time.sleep(1)
    # idle workers come and go: a few descriptors and processes more or less
    slack = {"supervisor": 8, "processes": 8, "httpd": 2, "owner": 8,
             "zygote": 4, "files": 2, "run": 1}

    def grown():
        return {key: (before[key], value) for key, value in state().items()
                if value > before[key] + slack[key]}
    wait_until(lambda: not grown(), 15, "the return to %r, now %r"
               % (before, state()))
    for name in ("fresh", "reuse", "bad"):
        assert alice.delete("/services/%s/1" % name).status_code == 200
    is_error(call(alice, "fresh"), 404)
