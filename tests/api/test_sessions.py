# SPDX-License-Identifier: Apache-2.0
"""Sessions, their objects and files, snapshots: by plain REST."""
import io
import threading
import time
import zipfile

import dill
import pytest

from harness.httpd import wait_until

OCTETS = {"Content-Type": "application/octet-stream"}


class Session:
    def __init__(self, client, **body):
        self.client = client
        answer = client.post("/sessions", json={"runtimeType": "Python",
                                                **body})
        assert answer.status_code == 201, answer.text
        self.id = answer.json()["sessionId"]
        self.path = "/sessions/" + self.id

    def execute(self, code, outputs=None, inputs=None, **options):
        answer = self.client.post(self.path + "/execute", json={
            "code": code, "inputParameters": inputs or [],
            "outputParameters": outputs or []}, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def value(self, name):
        return self.execute("", [name])["outputParameters"][0]["value"]

    def close(self):
        return self.client.delete(self.path)


@pytest.fixture
def session(alice):
    made = Session(alice)
    yield made
    made.close()


def test_create_execute_close(alice):
    session = Session(alice, name="mine")
    result = session.execute("x = 41\nprint('hello')")
    assert result["success"] and result["consoleOutput"] == "hello\n"
    assert session.execute("x += 1", ["x"])["outputParameters"] == [
        {"name": "x", "value": 42}]
    listed = {s["id"]: s for s in alice.get("/sessions").json()}
    assert listed[session.id]["name"] == "mine"
    assert listed[session.id]["owner"] == "alice"
    assert session.close().status_code == 200
    assert alice.post(session.path + "/execute",
                      json={"code": "1"}).status_code == 404


def test_a_session_is_private(session, bob, admin):
    assert bob.post(session.path + "/execute",
                    json={"code": "1"}).status_code == 404
    assert bob.get(session.path + "/workspace").status_code == 404
    assert bob.get(session.path + "/files").status_code == 404
    assert session.id not in [s["id"] for s in bob.get("/sessions").json()]
    assert admin.get(session.path + "/workspace").status_code == 404
    assert session.id in [s["id"] for s in
                          admin.get("/sessions?all=true").json()]
    assert bob.get("/sessions?all=true").json() == []
    assert bob.delete(session.path).status_code == 404
    assert admin.delete(session.path + "/force").status_code == 200


def test_an_error_in_code_is_a_result(session):
    result = session.execute("1 / 0")
    assert not result["success"] and "ZeroDivisionError" in \
        result["errorMessage"]
    assert "line 1" in result["consoleOutput"]
    assert session.execute("y = 1", ["y"])["success"]


def test_objects(session):
    client = session.client
    path = session.path + "/workspace"
    data = dill.dumps({"a": [1, 2]})
    assert client.post(path + "/m", data=data,
                       headers=OCTETS).status_code == 200
    assert client.get(path).json() == ["m"]
    session.execute("m['b'] = 3")
    got = client.get(path + "/m")
    assert got.headers["Content-Type"] == "application/octet-stream"
    assert dill.loads(got.content) == {"a": [1, 2], "b": 3}
    assert client.delete(path + "/m").status_code == 200
    assert client.get(path + "/m").status_code == 404
    bad = client.post(path + "/bad", data=b"junk", headers=OCTETS)
    assert bad.status_code == 400
    assert "object 'bad' could not be loaded" in bad.json()["message"]


def test_files(session):
    client = session.client
    path = session.path + "/files"
    answer = client.post(path, files={"file": ("a.csv", b"x\n1\n")})
    assert answer.status_code == 201, answer.text
    assert session.execute("n = len(open('a.csv').read())", ["n"])[
        "outputParameters"][0]["value"] == 4
    result = session.execute("open('out.txt', 'w').write('made')")
    assert result["changedFiles"] == ["out.txt"]
    assert client.get(path).json() == ["a.csv", "out.txt"]
    assert client.get(path + "/out.txt").content == b"made"
    assert client.delete(path + "/out.txt").status_code == 200
    assert client.get(path + "/out.txt").status_code == 404


@pytest.mark.parametrize("filename", ["../x", "a/b", "..", "a\\b"])
def test_no_path_is_taken_as_a_name(session, filename):
    answer = session.client.post(session.path + "/files",
                                 files={"file": (filename, b"x")})
    assert answer.status_code == 400
    assert session.client.get(session.path + "/files").json() == []


def test_cancel_interrupts_within_a_second(session):
    session.execute("kept = 1")
    found = {}
    thread = threading.Thread(target=lambda: found.update(session.execute(
        "import time\nprint('begun', flush=True)\n"
        "while True: time.sleep(0.01)")))
    thread.start()
    wait_until(lambda: "begun" in session.client.get(
        session.path + "/console-output").json()["consoleOutput"])
    begun = time.monotonic()
    assert session.client.post(session.path + "/cancel").status_code == 200
    thread.join(10)
    assert time.monotonic() - begun < 1
    assert "cancelled" in found["errorMessage"]
    assert session.value("kept") == 1


def test_history(session):
    session.execute("a = 1")
    session.execute("b = 2")
    assert session.client.get(session.path + "/history").json() == [
        "a = 1", "b = 2"]


def test_snapshots(session, alice, bob):
    session.execute("x = [1, 2]\ng = (i for i in x)\n"
                    "open('f.txt', 'w').write('F')")
    answer = alice.post(session.path + "/snapshot", json={"name": "first"})
    assert answer.status_code == 201, answer.text
    snapshot = answer.json()["snapshotId"]
    assert [u["name"] for u in answer.json()["unpicklable"]] == ["g"]
    session.close()
    row = {s["id"]: s for s in alice.get("/snapshots").json()}[snapshot]
    assert row["name"] == "first" and row["contentSize"] > 0
    content = alice.get("/snapshots/" + snapshot)
    names = zipfile.ZipFile(io.BytesIO(content.content)).namelist()
    assert sorted(names) == ["files/f.txt", "workspace/x"]
    assert bob.get("/snapshots/" + snapshot).status_code == 404
    assert bob.get("/snapshots").json() == []
    assert bob.delete("/snapshots/" + snapshot).status_code == 404

    again = Session(alice, snapshotId=snapshot)
    assert again.value("x") == [1, 2]
    assert alice.get(again.path + "/files").json() == ["f.txt"]
    again.close()
    later = Session(alice)
    assert alice.post("%s/loadsnapshot/%s" % (later.path, snapshot)
                      ).status_code == 200
    assert later.value("x") == [1, 2]
    later.close()
    assert alice.delete("/snapshots/" + snapshot).status_code == 200
    assert alice.get("/snapshots/" + snapshot).status_code == 404


def test_a_service_keeps_its_copy_of_a_snapshot(session, alice, name):
    session.execute("m = 5")
    snapshot = alice.post(session.path + "/snapshot",
                          json={}).json()["snapshotId"]
    answer = alice.post("/services/%s/1" % name, json={
        "code": "y = m", "snapshotId": snapshot,
        "outputParameterDefinitions": [{"name": "y", "type": "integer"}]})
    assert answer.status_code == 201, answer.text
    assert alice.delete("/snapshots/" + snapshot).status_code == 200
    answer = alice.post("/api/%s/1" % name, json={})
    assert answer.json()["outputParameters"] == {"y": 5}


def test_many_sessions_at_once(alice):
    sessions = [Session(alice) for _ in range(24)]
    for i, one in enumerate(sessions):
        one.execute("n = %d" % i)
    assert [one.value("n") for one in sessions] == list(range(24))
    for one in sessions:
        assert one.close().status_code == 200


def test_sessions_survive_a_graceful_restart(make_httpd):
    server = make_httpd()
    server.start()
    session = Session(server.client("alice"))
    session.execute("x = 'here'")
    session.client.session.close()  # an idle connection may be closed
    server.graceful()
    assert session.value("x") == "here"


def test_a_crash_is_said_and_the_session_goes_on(session):
    session.execute("x = 1; open('f', 'w').close()")
    answer = session.client.post(session.path + "/execute",
                                 json={"code": "import os; os._exit(9)"})
    assert answer.status_code == 500
    assert "workspace is lost" in answer.json()["errorMessage"]
    assert session.execute("y = 'x' in globals()", ["y"])[
        "outputParameters"][0]["value"] is False
    assert session.client.get(session.path + "/files").json() == ["f"]


@pytest.mark.parametrize("method, path", [
    ("POST", "/sessions/none/execute"), ("DELETE", "/sessions/none"),
    ("DELETE", "/sessions/none/force"),
    ("GET", "/sessions/none/console-output"),
    ("GET", "/sessions/none/history"), ("POST", "/sessions/none/cancel"),
    ("POST", "/sessions/none/files"), ("GET", "/sessions/none/files"),
    ("GET", "/sessions/none/files/a"), ("DELETE", "/sessions/none/files/a"),
    ("GET", "/sessions/none/workspace"),
    ("POST", "/sessions/none/workspace/a"),
    ("GET", "/sessions/none/workspace/a"),
    ("DELETE", "/sessions/none/workspace/a"),
    ("POST", "/sessions/none/snapshot"),
    ("POST", "/sessions/none/loadsnapshot/a"), ("GET", "/snapshots/none"),
    ("DELETE", "/snapshots/none")])
def test_what_is_not_there_is_404_and_needs_a_token(alice, nobody, method,
                                                    path):
    options = {"json": {"code": "1"}}
    if path.endswith("/files") and method == "POST":
        options = {"files": {"file": ("a", b"x")}}
    assert nobody.request(method, path, **options).status_code == 401
    answer = alice.request(method, path, **options)
    assert answer.status_code == 404, answer.text
    assert answer.json()["message"]
