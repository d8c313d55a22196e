# SPDX-License-Identifier: Apache-2.0
"""Standard services by plain REST: publishing rules, limits, failures."""
import concurrent.futures
import os
import threading
import time

import pytest

from harness.httpd import wait_until


def publish(client, name, code, version="1", **more):
    return client.post("/services/%s/%s" % (name, version), json={
        "code": code, "runtimeType": "Python", **more})


def call(client, name, body=None, version="1", **options):
    return client.post("/api/%s/%s" % (name, version), json=body or {},
                       **options)


def test_publish_and_call_by_plain_rest(alice, name):
    answer = publish(alice, name, "y = x + 1",
                     inputParameterDefinitions=[{"name": "x",
                                                 "type": "integer"}],
                     outputParameterDefinitions=[{"name": "y",
                                                  "type": "integer"}])
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == "/api/%s/1" % name
    answer = call(alice, name, {"x": 41})
    assert answer.status_code == 200
    assert answer.json()["outputParameters"] == {"y": 42}


@pytest.mark.parametrize("body, words", [
    ({}, "code"), ({"code": "  "}, "code"), ({"code": 1}, "must be text"),
    ({"code": "1", "runtimeType": "Perl"}, "Perl"),
    ({"code": "1", "inputParameterDefinitions": {}}, "array"),
    ({"code": "1", "inputParameterDefinitions": [{"name": "1x",
                                                  "type": "numeric"}]}, "1x"),
    ({"code": "1", "inputParameterDefinitions": [{"name": "x",
                                                  "type": "float"}]}, "type"),
    ({"code": "1", "outputParameterDefinitions": [
        {"name": "x", "type": "numeric"}] * 2}, "twice"),
    ({"code": "1", "outputFileNames": ["../x"]}, "plain file name"),
    ({"code": "1", "snapshotId": "nothing"}, "snapshot"),
    ({"code": "1", "mode": "sometimes"}, "mode"),
])
def test_a_wrong_publish_is_400_and_stores_nothing(alice, name, body, words):
    assert alice.post("/services/%s" % name, json=body).status_code == 400
    answer = alice.post("/services/%s/1" % name, json=body)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["message"]
    assert alice.get("/services/" + name).json() == []


def test_only_owners_give_the_network(alice, admin, name):
    assert publish(alice, name, "1", network=True).status_code == 403
    assert publish(admin, name, "1", network=True).status_code == 201


def test_a_missing_input_is_named(alice, name):
    publish(alice, name, "1", inputParameterDefinitions=[
        {"name": "hp", "type": "numeric"}])
    answer = call(alice, name, {"other": 1})
    assert answer.status_code == 400
    assert "input 'hp' (numeric) is missing" in answer.json()["errorMessage"]


def test_malformed_json_names_the_position(alice, name):
    publish(alice, name, "1")
    answer = alice.post("/api/%s/1" % name, data='{"x": }', headers={
        "Content-Type": "application/json"})
    assert answer.status_code == 400
    assert "6" in answer.json()["message"]


def test_a_crash_is_500_with_the_console_output(alice, name):
    publish(alice, name, "import ctypes; print('last words', flush=True); "
            "ctypes.string_at(0)")
    answer = call(alice, name)
    assert answer.status_code == 500
    assert answer.json()["success"] is False
    assert "last words" in answer.json()["consoleOutput"]
    assert call(alice, name).status_code == 500  # and again, not stuck


def test_a_published_version_replaces_at_once(alice, name):
    outputs = [{"name": "y", "type": "integer"}]
    publish(alice, name, "y = 1", outputParameterDefinitions=outputs)
    assert call(alice, name).json()["outputParameters"]["y"] == 1
    answer = alice.patch("/services/%s/1" % name, json={"code": "y = 2"})
    assert answer.status_code == 200
    for _ in range(5):
        assert call(alice, name).json()["outputParameters"]["y"] == 2


def test_a_deleted_service_is_gone(alice, name):
    publish(alice, name, "1")
    assert call(alice, name).status_code == 200
    assert alice.delete("/services/%s/1" % name).status_code == 200
    assert call(alice, name).status_code == 404


def test_requests_do_not_see_each_other(alice, name):
    publish(alice, name, "seen = 'left' in globals(); left = 1",
            outputParameterDefinitions=[{"name": "seen", "type": "logical"}])
    for _ in range(4):
        assert call(alice, name).json()["outputParameters"]["seen"] is False


def test_reuse_mode_keeps_processes_but_not_names(alice, name):
    publish(alice, name, "import os\nseen = 'left' in globals(); left = 1\n"
            "pid = os.getpid()", mode="reuse", outputParameterDefinitions=[
                {"name": "seen", "type": "logical"},
                {"name": "pid", "type": "integer"}])
    found = [call(alice, name).json()["outputParameters"] for _ in range(6)]
    assert not any(f["seen"] for f in found)


def test_parallel_calls_are_all_answered(alice, name):
    publish(alice, name, "import time; time.sleep(0.05); y = x",
            inputParameterDefinitions=[{"name": "x", "type": "integer"}],
            outputParameterDefinitions=[{"name": "y", "type": "integer"}])
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: call(alice, name, {"x": i}),
                                range(40)))
    assert [a.json()["outputParameters"]["y"] for a in answers] == \
        list(range(40))


def test_code_sees_neither_host_nor_secrets(alice, httpd, name):
    publish(alice, name, "import os\nroots = sorted(os.listdir('/'))\n"
            "def readable(p):\n    try: open(p).read(1); return True\n"
            "    except OSError: return False\n"
            "shadow = readable('/etc/shadow')\nstate = readable(path)",
            inputParameterDefinitions=[{"name": "path", "type": "character"}],
            outputParameterDefinitions=[
                {"name": "shadow", "type": "logical"},
                {"name": "state", "type": "logical"},
                {"name": "roots", "type": "vector"}])
    found = call(alice, name, {"path": str(httpd.state / "keys.jwks")})
    outputs = found.json()["outputParameters"]
    assert outputs["shadow"] is False and outputs["state"] is False
    assert "home" not in outputs["roots"] and "root" not in outputs["roots"]


def test_a_caller_that_goes_away_ends_the_work(alice, httpd, name):
    publish(alice, name, "import time\nwhile True: time.sleep(0.01)")
    with pytest.raises(Exception):
        call(alice, name, timeout=1)

    def busy():
        pool = alice.get("/status").json()["components"]["backends"][
            "details"]["pool"]
        return [r for r in pool["runtimes"]
                if r.get("name") == name and r["busy"]]
    wait_until(lambda: not busy(), 10, "the end of the worker")


def test_the_pool_comes_back_after_kill_9(alice, httpd, name):
    publish(alice, name, "y = 1", outputParameterDefinitions=[
        {"name": "y", "type": "integer"}])
    assert call(alice, name).status_code == 200
    for role in ("runtime", "supervisor"):
        pid = _find(httpd, role)
        os.kill(pid, 9)
        wait_until(lambda: call(alice, name).status_code == 200, 15,
                   "the service's return after the end of its " + role)


def _find(httpd, role):
    from harness.httpd import children_of
    daemon = httpd.mlserverd()
    for child in children_of(daemon):
        with open("/proc/%d/comm" % child, encoding="ascii") as file:
            if file.read().strip().startswith("mls-superv"):
                if role == "supervisor":
                    return child
                return children_of(child)[0]
    raise AssertionError("no supervisor below %d" % daemon)


test_the_pool_comes_back_after_kill_9 = pytest.mark.logs(
    "supervisor", "runtime", "request failed", "died")(
        test_the_pool_comes_back_after_kill_9)
