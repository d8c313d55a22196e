# SPDX-License-Identifier: Apache-2.0
"""Pools of services' own, runtimes by name, the bounds' directives."""
import concurrent.futures
import os
import sys
import time

import pytest

from harness.client import is_error
from harness.httpd import (children_of, location, process_alive,
                           server_lines, wait_until)

PID = [{"name": "pid", "type": "integer"}]


def publish(client, name, code="y = 1", version="1", **more):
    answer = client.post("/services/%s/%s" % (name, version), json={
        "code": code, "runtimeType": "Python", **more})
    assert answer.status_code == 201, answer.text
    return answer


def call(client, name, body=None, version="1", **options):
    return client.post("/api/%s/%s" % (name, version), json=body or {},
                       **options)


def pool_path(name, version="1"):
    return "/services/%s/%s/pool" % (name, version)


def pool_of(client, name, version="1"):
    """The one row of getServicePoolStatus."""
    answer = client.get(pool_path(name, version))
    assert answer.status_code == 200, answer.text
    rows = answer.json()
    assert len(rows) == 1
    return rows[0]


def counts_of(admin, name):
    """The row of listPools, or None."""
    answer = admin.get("/admin/api/pools")
    assert answer.status_code == 200, answer.text
    rows = [row for row in answer.json()["items"] if row["name"] == name]
    return rows[0] if rows else None


def with_directives(*lines):
    return lambda httpd: server_lines(httpd) + "\n".join(lines) + "\n" \
        + location(httpd)


# --- a pool of a service's own -------------------------------------------

def test_a_pool_is_made_shown_and_deleted(alice, admin, name):
    """createOrUpdateServicePool, getServicePoolStatus, deleteServicePool."""
    publish(alice, name)
    assert pool_of(alice, name)["Status"] == "NotFound"
    answer = alice.post("/services/%s/1/pool" % name, json={
        "InitialPoolSize": 3, "MaxPoolSize": 4})
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json(), str)
    wait_until(lambda: pool_of(alice, name)["Status"] == "Success", 20,
               "the pool")
    row = pool_of(alice, name)
    assert row["InitialPoolSize"] == 3 and row["MaxPoolSize"] == 4
    assert row["Idle"] >= 3 and row["Busy"] == 0
    assert row["ComputeNodeEndpoint"].startswith("http://")
    counts = counts_of(admin, name)
    assert counts["limit"] == 4 and counts["dedicated"] is True
    assert counts["idle"] + counts["busy"] + counts["starting"] <= 4
    wait_until(lambda: counts_of(admin, name)["memoryBytes"] > 1 << 20, 20,
               "the measure of its memory")
    assert alice.delete("/services/%s/1/pool" % name).status_code == 200
    assert pool_of(alice, name)["Status"] == "NotFound"


def test_names_may_begin_small_and_sizes_are_optional(alice, name):
    publish(alice, name)
    assert alice.post(pool_path(name), json={
        "initialPoolSize": 1}).status_code == 200
    row = pool_of(alice, name)
    assert (row["InitialPoolSize"], row["MaxPoolSize"]) == (1, 0)
    assert alice.post(pool_path(name), json={}).status_code == 200
    assert pool_of(alice, name)["InitialPoolSize"] == 0


@pytest.mark.parametrize("body, words", [
    ({"InitialPoolSize": -1}, "InitialPoolSize"),
    ({"InitialPoolSize": 1.5}, "InitialPoolSize"),
    ({"MaxPoolSize": "3"}, "MaxPoolSize"),
    ({"MaxPoolSize": 100000}, "MaxPoolSize"),
    ({"InitialPoolSize": 3, "MaxPoolSize": 2}, "smaller")])
def test_wrong_sizes_are_400(alice, name, body, words):
    publish(alice, name)
    assert words in is_error(alice.post(pool_path(name), json=body), 400)
    assert pool_of(alice, name)["Status"] == "NotFound"


def test_who_may_have_a_pool(alice, bob, admin, nobody, iris, name):
    publish(alice, name)
    is_error(bob.post(pool_path(name), json={}), 403)
    is_error(bob.delete(pool_path(name)), 403)
    is_error(nobody.post(pool_path(name), json={}), 401)
    is_error(alice.post(pool_path(name, "2"), json={}), 404)
    is_error(alice.get(pool_path(name, "2")), 404)
    assert "realtime" in is_error(alice.post(pool_path(*iris), json={}), 400)
    assert pool_of(bob, name)["Status"] == "NotFound"
    assert admin.post(pool_path(name), json={}).status_code == 200
    is_error(alice.get("/admin/api/pools"), 403)


def test_its_maximum_bounds_how_many_run_at_once(alice, admin, name):
    publish(alice, name, "import time; time.sleep(0.3)")
    assert alice.post(pool_path(name), json={"MaxPoolSize": 1}).ok
    assert call(alice, name).status_code == 200
    most = 0
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        answers = [threads.submit(call, alice, name) for _ in range(4)]
        while not all(answer.done() for answer in answers):
            most = max(most, (counts_of(admin, name) or {"busy": 0})["busy"])
            time.sleep(0.05)
    assert all(a.result().status_code == 200 for a in answers) and most == 1


def test_other_settings_stay_with_a_pool(alice, name):
    publish(alice, name, "import os; pid = os.getpid()", mode="reuse",
            outputParameterDefinitions=PID)
    assert alice.post(pool_path(name), json={"MaxPoolSize": 1}).ok
    found = {call(alice, name).json()["outputParameters"]["pid"]
             for _ in range(5)}
    assert len(found) == 1
    assert alice.patch("/services/%s/1" % name,
                       json={"mode": "fresh"}).status_code == 200
    assert pool_of(alice, name)["MaxPoolSize"] == 1


@pytest.mark.logs("supervisor", "died", "child_died")
def test_a_pool_outlives_the_supervisor_and_the_service_ends_it(
        make_httpd):
    httpd = make_httpd().start()
    alice, admin = httpd.client("alice"), httpd.client("admin")
    publish(alice, "kept")
    assert alice.post(pool_path("kept"), json={"InitialPoolSize": 2}).ok
    wait_until(lambda: pool_of(alice, "kept")["Status"] == "Success", 20)
    old = httpd.daemon_children()["supervisor"]
    os.kill(old, 9)
    wait_until(lambda: httpd.daemon_children().get("supervisor", old) != old,
               20, "the supervisor's return")
    wait_until(lambda: (counts_of(admin, "kept") or {"idle": 0})["idle"] >= 2
               and pool_of(alice, "kept")["Status"] == "Success", 20,
               "the pool's return without any call")
    assert alice.delete("/services/kept/1").status_code == 200
    supervisor = httpd.daemon_children()["supervisor"]
    wait_until(lambda: counts_of(admin, "kept") is None
               or not children_of(supervisor), 20, "the pool's end")


# --- runtimes ---------------------------------------------------------------

def test_runtimes_and_their_packages_are_told(alice):
    wait_until(lambda: alice.get("/admin/api/runtimes").json()["items"][0][
        "packages"], 20, "the list of packages")
    (runtime,) = alice.get("/admin/api/runtimes").json()["items"]
    assert runtime["name"] == "Python" and runtime["problem"] is None
    assert runtime["actualVersion"].startswith(runtime["version"])
    versions = {p["name"]: p["version"] for p in runtime["packages"]}
    assert versions["numpy"][0].isdigit() and "dill" in versions
    shown = alice.get("/status").json()["components"]["backends"]["details"]
    assert shown["runtimes"] == [runtime]
    assert shown["pool"]["workersTotal"] == 64


def test_an_unknown_runtime_is_400_and_names_what_there_is(alice, name):
    for kind in ("R", "Python 2.7", "Pythonic"):
        answer = alice.post("/services/%s/1" % name, json={
            "code": "1", "runtimeType": kind})
        message = is_error(answer, 400)
        assert '"%s"' % kind in message and "Python 3." in message
        message = is_error(alice.post("/sessions", json={
            "name": "x", "runtimeType": kind}), 400)
        assert "Python 3." in message


@pytest.fixture(scope="module")
def other_python(tmp_path_factory):
    """A virtual environment that workers may enter, with a module that the
    system's Python lacks."""
    import pathlib
    import subprocess
    import tempfile
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mlsvenv-", dir="/var/tmp"))
    folder.chmod(0o755)
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip",
                    "--system-site-packages", str(folder / "v")], check=True)
    site = next((folder / "v" / "lib").glob("python*/site-packages"))
    (site / "only_here.py").write_text("answer = 42\n")
    info = site / "only_here-7.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: only-here\nVersion: 7.5\n")
    yield folder / "v/bin/python"
    import shutil
    shutil.rmtree(folder)


@pytest.mark.logs("runtime unusable", "cannot be used", "request failed")
def test_several_runtimes_by_name_and_version(make_httpd, other_python):
    minor = "3.%d" % sys.version_info[1]
    httpd = make_httpd(config=with_directives(
        "MLServerRuntime Python %s /usr/bin/python3" % minor,
        "MLServerRuntime Python venv %s" % other_python,
        "MLServerRuntime Other %s %s" % (minor, other_python))).start()
    alice = httpd.client("alice")
    wait_until(lambda: all(r["packages"] for r in alice.get(
        "/admin/api/runtimes").json()["items"]), 20, "the runtimes")
    found = {(r["name"], r["version"]): r for r in alice.get(
        "/admin/api/runtimes").json()["items"]}
    assert found["Python", minor]["problem"] is None
    assert {"name": "only-here", "version": "7.5"} in \
        found["Other", minor]["packages"]
    assert "not venv" in found["Python", "venv"]["problem"]

    code = "import sys; where = sys.prefix\n"
    where = [{"name": "where", "type": "character"}]
    for number, (kind, prefix) in enumerate([
            ("Python", "/usr"), ("Python " + minor, "/usr"),
            ("Other", str(other_python.parent.parent))]):
        name = "by%d" % number
        answer = alice.post("/services/%s/1" % name, json={
            "code": code, "runtimeType": kind,
            "outputParameterDefinitions": where})
        assert answer.status_code == 201, answer.text
        answer = call(alice, name)
        assert answer.status_code == 200, answer.text
        assert answer.json()["outputParameters"]["where"] == prefix
        assert alice.get("/services/%s/1" % name).json()[0][
            "runtimeType"] == kind
    publish(alice, "bad", runtimeType="Python venv")
    assert "cannot be used" in is_error(call(alice, "bad"), 503)

    session = alice.post("/sessions", json={"name": "s",
                                            "runtimeType": "Other"})
    assert session.status_code == 201, session.text
    path = "/sessions/%s" % session.json()["sessionId"]
    answer = alice.post(path + "/execute", json={
        "code": "import only_here; print(only_here.answer)"}).json()
    assert "42" in answer["consoleOutput"]
    assert alice.get("/sessions").json()[0]["runtimeType"] == "Other"


@pytest.mark.parametrize("line, words", [
    ("MLServerRuntime Python 3.11", "takes a name, a version"),
    ("MLServerRuntime Python 3.11 python3", "absolute"),
    ("MLServerRuntime Python 3.11 /no/such/python", "No such file"),
    ("MLServerPoolQueue none", "whole number"),
    ("MLServerPoolMemory lots", "bytes"),
    ("MLServerPoolIdleTime 5", "unit")])
def test_wrong_directives_are_named(httpd, line, words):
    good, text = httpd.configtest(with_directives(line)(httpd))
    assert not good and words in text


# --- bounds ------------------------------------------------------------------

@pytest.mark.logs("request failed", "waiting", "too many", "session")
def test_bounds_as_directives(make_httpd):
    httpd = make_httpd(config=with_directives(
        "MLServerPoolWorkers 1", "MLServerPoolQueue 2",
        "MLServerPoolProcesses 20", "MLServerPoolFileSize 1M",
        "MLServerPoolOutputSize 100K", "MLServerPoolFolderSize 4M",
        "MLServerPoolConsoleSize 1000", "MLServerPoolMemory 400M",
        "MLServerPoolCPUTime 2", "MLServerPoolIdleTime 2s",
        "MLServerPoolSpare Off", "MLServerSessions 1",
        "MLServerSessionsTotal 2", "MLServerSessionIdleTime 3s",
        "MLServerSessionDisk 1M")).start()
    alice, bob, carol = (httpd.client(user)
                         for user in ("alice", "bob", "carol"))
    admin = httpd.client("admin")

    # the queue: one runs, two wait, the rest is refused at once
    publish(alice, "slow", "import time; time.sleep(x)",
            inputParameterDefinitions=[{"name": "x", "type": "numeric"}])
    assert call(alice, "slow", {"x": 0}).status_code == 200
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: call(alice, "slow", {"x": 4}),
                                   range(6)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200] * 3 + [503] * 3
    refused = [a for a in answers if a.status_code == 503]
    assert all(a.headers["Retry-After"] == "1" for a in refused)
    assert "waiting" in is_error(refused[0], 503)

    # files, output files, console
    publish(alice, "big", "open('f', 'wb').write(b'x' * n)",
            inputParameterDefinitions=[{"name": "n", "type": "integer"}],
            outputFileNames=["f"])
    assert call(alice, "big", {"n": 1000}).status_code == 200
    answer = call(alice, "big", {"n": 200000})
    assert answer.status_code == 400
    assert "102400 bytes" in answer.json()["errorMessage"]
    answer = call(alice, "big", {"n": 3 << 20})
    assert answer.status_code == 400
    assert "File too large" in answer.json()["errorMessage"]
    publish(alice, "loud", "print('x' * 5000)")
    text = call(alice, "loud").json()["consoleOutput"]
    assert len(text) < 1200 and "cut" in text

    # memory, processor time, processes
    publish(alice, "hog", "x = bytearray(1 << 30)")
    answer = call(alice, "hog")
    assert answer.status_code == 400
    assert "MemoryError" in answer.json()["errorMessage"]
    publish(alice, "spin", "while True: pass")
    began = time.monotonic()
    answer = call(alice, "spin")
    assert answer.status_code == 500 and time.monotonic() - began < 60
    publish(alice, "bomb", "import os, time\nn = 0\ntry:\n"
            "    for n in range(500):\n"
            "        if os.fork() == 0:\n            time.sleep(60)\n"
            "except OSError as e: print(e)",
            outputParameterDefinitions=[{"name": "n", "type": "integer"}])
    answer = call(alice, "bomb")
    assert answer.status_code == 200
    assert answer.json()["outputParameters"]["n"] < 20

    # sessions: of one user, of all; disk; idle time
    def session(client):
        return client.post("/sessions", json={"name": "s"})
    first = session(alice)
    assert first.status_code == 201
    assert "close one first" in is_error(session(alice), 503)
    assert session(bob).status_code == 201
    assert "as many as are allowed" in is_error(session(carol), 503)
    path = "/sessions/" + first.json()["sessionId"]
    answer = alice.post(path + "/files", files={"file": ("a", b"x" * 900000)})
    assert answer.ok, answer.text
    is_error(alice.post(path + "/files",
                        files={"file": ("b", b"x" * 300000)}), 507)
    wait_until(lambda: bob.get("/sessions").json() == [], 20,
               "the end of idle sessions")

    # services that are not called give their processes up
    wait_until(lambda: not [row for row in admin.get("/admin/api/pools")
                            .json()["items"] if row["idle"] or row["busy"]],
               20, "the end of unused processes")


@pytest.mark.logs("request failed")
def test_all_services_share_a_total(make_httpd):
    """An idle worker of one makes room for another's call."""
    httpd = make_httpd(config=with_directives(
        "MLServerPoolWorkersTotal 3")).start()
    alice, admin = httpd.client("alice"), httpd.client("admin")
    for number in range(4):
        publish(alice, "s%d" % number)
    for _ in range(2):
        for number in range(4):
            assert call(alice, "s%d" % number).status_code == 200
        wait_until(lambda: sum(
            row["idle"] + row["busy"] + row["starting"]
            for row in admin.get("/admin/api/pools").json()["items"]) <= 3,
            10, "the total")


def test_reused_workers_and_runtimes_are_renewed(make_httpd):
    httpd = make_httpd(config=with_directives(
        "MLServerPoolWorkerRequests 3", "MLServerPoolAge 3s")).start()
    alice = httpd.client("alice")
    publish(alice, "r", "import os; pid = os.getpid()", mode="reuse",
            initCode="import time; loaded = time.time()",
            outputParameterDefinitions=PID + [
                {"name": "loaded", "type": "numeric"}])
    assert alice.post(pool_path("r"), json={"MaxPoolSize": 1}).ok
    first = call(alice, "r").json()["outputParameters"]["loaded"]
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        answer = call(alice, "r")
        assert answer.status_code == 200, answer.text
        if answer.json()["outputParameters"]["loaded"] != first:
            break
        time.sleep(0.1)
    else:
        pytest.fail("the runtime was not loaded anew")


@pytest.mark.logs("request failed", "cancelled")
def test_the_deadline_ends_the_whole_group(make_httpd, tmp_path):
    httpd = make_httpd(config=lambda h: server_lines(h) + location(
        h, extra="MLServerExecuteTimeout 1s")).start()
    alice = httpd.client("alice")
    publish(alice, "late", "import os, time\nif os.fork() == 0: os.setsid()\n"
            "time.sleep(600)")
    began = time.monotonic()
    assert "time limit" in is_error(call(alice, "late"), 504)
    assert time.monotonic() - began < 8
    supervisor = httpd.daemon_children()["supervisor"]

    def sleepers():
        found, left = [], [supervisor]
        while left:
            pid = left.pop()
            left += children_of(pid)
            found.append(pid)
        return len(found)
    before = sleepers()
    wait_until(lambda: sleepers() <= before, 5)
    assert process_alive(supervisor)


def test_the_network_by_directive(make_httpd):
    httpd = make_httpd(config=with_directives(
        "MLServerNetworkServices open open2/1",
        "MLServerSessionNetwork On")).start()
    alice = httpd.client("alice")
    code = ("import os\nlinks = len(os.listdir('/sys/class/net'))"
            if os.path.isdir("/nothing") else
            "lines = open('/proc/net/dev').read().splitlines()[2:]\n"
            "links = len(lines)")
    outputs = [{"name": "links", "type": "integer"}]
    for name, version in (("open", "1"), ("open2", "1"), ("open2", "2"),
                          ("closed", "1")):
        publish(alice, name, code, version,
                outputParameterDefinitions=outputs)

    def links(name, version):
        return call(alice, name, version=version).json()["outputParameters"][
            "links"]
    host = len(open("/proc/net/dev", encoding="ascii").readlines()) - 2
    assert links("open", "1") == host == links("open2", "1")
    assert links("open2", "2") == 1 == links("closed", "1")
    session = alice.post("/sessions", json={"name": "s"}).json()["sessionId"]
    answer = alice.post("/sessions/%s/execute" % session, json={
        "code": "print(len(open('/proc/net/dev').readlines()) - 2)"}).json()
    assert answer["consoleOutput"].strip() == str(host)
