# SPDX-License-Identifier: Apache-2.0
"""Sessions and snapshots against the real Python runtime."""

import os
import time

import dill
import pytest

from harness import ProtocolError, Runtime, memory_file, read_answer


@pytest.fixture
def session():
    runtime = Runtime()
    runtime.session()
    yield runtime
    runtime.stop()


def test_code_keeps_its_workspace(session):
    session.execute("x = 20\ndef f(): return x + 1")
    answer = session.execute("y = f() * 2\nprint('ran')", outputs=["y"])
    assert answer["success"] and answer["consoleOutput"] == "ran\n"
    assert answer["outputParameters"] == [{"name": "y", "value": 42}]


def test_inputs_become_variables(session):
    answer = session.execute(
        "s = float(d['a'].sum()) + k", [
            {"name": "d", "value": {"a": [1, 2]}}, {"name": "k", "value": 4}],
        ["s"])
    assert answer["outputParameters"] == [{"name": "s", "value": 7.0}]


def test_an_error_keeps_the_session(session):
    answer = session.execute("x = 1\nraise KeyError('k')")
    assert not answer["success"] and "KeyError" in answer["errorMessage"]
    assert session.execute("x += 1", outputs=["x"])["outputParameters"][0][
        "value"] == 2


def test_objects_travel_as_dill(session):
    put = session.operation({"do": "put-object", "name": "m"},
                            data=dill.dumps({"a": 1}))
    assert put["ok"]
    assert session.execute("m['b'] = 2")["success"]
    got = session.operation({"do": "get-object", "name": "m"})
    assert dill.loads(got.data) == {"a": 1, "b": 2}
    assert session.operation({"do": "list-objects"})["names"] == ["m"]
    assert session.operation({"do": "delete-object", "name": "m"})["ok"]
    gone = session.operation({"do": "get-object", "name": "m"})
    assert gone["code"] == "notfound"


def test_files_in_the_work_folder_only(session):
    assert session.operation({"do": "put-file", "name": "a.txt"},
                             data=b"abc")["ok"]
    assert session.execute("t = open('a.txt').read(); "
                           "open('b', 'w').write('B')", outputs=["t"])[
        "changedFiles"] == ["b"]
    assert session.operation({"do": "list-files"})["names"] == ["a.txt", "b"]
    assert session.operation({"do": "get-file", "name": "b"}).data == b"B"
    assert session.operation({"do": "delete-file", "name": "b"})["ok"]
    for name in ("../x", "/etc/passwd", "a/../../x", "", "a\\b"):
        refused = session.operation({"do": "get-file", "name": name})
        assert refused["code"] == "invalid", name
    session.execute("import os; os.symlink('/etc/passwd', 'link'); "
                    "os.symlink('/etc', 'folder')")
    assert not session.operation({"do": "get-file", "name": "link"})["ok"]
    assert session.operation({"do": "get-file", "name": "folder/passwd"})[
        "code"] == "invalid"


def test_cancel_interrupts_and_keeps_the_session(session):
    session.execute("x = 'kept'")
    waiting = session.execute("import time\nprint('started', flush=True)\n"
                              "while True: time.sleep(0.01)", wait=False)
    while "started" not in session.operation({"do": "console"})["text"]:
        pass
    begun = time.monotonic()
    session.control.send({"op": "interrupt"})
    answer = read_answer(waiting)
    assert time.monotonic() - begun < 1
    assert "cancelled" in answer["errorMessage"]
    assert session.execute("", outputs=["x"])["outputParameters"][0][
        "value"] == "kept"


def test_history_lists_what_ran(session):
    session.execute("a = 1")
    session.execute("b = 2")
    assert [e["code"] for e in session.operation({"do": "history"})[
        "entries"]] == ["a = 1", "b = 2"]


def test_a_crash_is_said_and_files_stay(session):
    session.execute("x = 1; open('f', 'w').close()")
    with pytest.raises(ProtocolError):
        session.execute("import os; os._exit(9)")
    assert session.control.receive()[0]["op"] == "ended"
    answer = session.execute("y = 'x' in globals()", outputs=["y"])
    assert answer["outputParameters"][0]["value"] is False
    assert "workspace is lost" in answer["consoleOutput"]
    assert session.operation({"do": "list-files"})["names"] == ["f"]


def test_a_snapshot_restores_workspace_and_files(session):
    session.execute("x = [1]\ndef f(): return x\nimport math\n"
                    "g = (i for i in x)\nopen('d.txt', 'w').write('D')")
    file = memory_file(b"")
    taken = session.operation({"do": "snapshot"}, file=file)
    assert taken["ok"] and taken["objects"] == ["f", "x"]
    assert [u["name"] for u in taken["unpicklable"]] == ["g"]
    assert taken["files"] == ["d.txt"] and taken["size"] > 0
    other = Runtime()
    os.lseek(file, 0, os.SEEK_SET)
    other.session(file)
    answer = other.execute("y = f(); t = open('d.txt').read()",
                           outputs=["y", "t"])
    assert [o["value"] for o in answer["outputParameters"]] == [[1], "D"]
    other.stop()


def test_loading_a_snapshot_later(session):
    session.execute("x = 3")
    file = memory_file(b"")
    session.operation({"do": "snapshot"}, file=file)
    session.execute("del x")
    assert session.operation({"do": "load-snapshot"}, file=file)["ok"]
    assert session.execute("", outputs=["x"])["outputParameters"][0][
        "value"] == 3


def test_quota_of_files_is_kept():
    runtime = Runtime()
    runtime.session(files=10)
    assert runtime.operation({"do": "put-file", "name": "a"},
                             data=b"12345678")["ok"]
    refused = runtime.operation({"do": "put-file", "name": "b"}, data=b"123")
    assert refused["code"] == "nospace"
    runtime.stop()
