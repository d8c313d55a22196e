# SPDX-License-Identifier: Apache-2.0
"""What administrators see of the server itself: configuration, licences,
diagnostics; and what a model is, before it is published."""
import io
import json
import os
import signal
import zipfile

import pytest

from harness import models
from harness.client import is_error
from harness.httpd import default_config

SECRET = "Pl4nted-S3cret"


def secret_config(server):
    return default_config(server) + """
SetEnv DB_PASSWORD "{0}"
Define APP_SECRET {0}
RequestHeader set Authorization "Basic {0}" env=never
RequestHeader set X-Upstream "http://user:{0}@upstream.example/" env=never
Header set X-Never "key=1&api_key={0}&b=2" env=never
SetEnv HARMLESS visible-value
""".format(SECRET)


@pytest.fixture(scope="module")
def planted():
    """A server with secrets in its configuration."""
    from harness.httpd import Httpd
    server = Httpd(config=secret_config)
    server.start()
    yield server
    server.remove()


def inspect(client, model, **parts):
    files = {"model": ("model", model)} if model is not None else {
        "description": (None, "nothing")}
    files.update({key: (key, value) for key, value in parts.items()})
    return client.post("/admin/api/models/inspect", files=files)


# --- POST /admin/api/models/inspect ---

def test_inspect_says_what_a_publish_would_find(alice, iris_model):
    before = len(alice.get("/services").json())
    answer = inspect(alice, iris_model)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["format"].startswith("PMML")
    assert {"name", "type"} <= set(body["columns"][0])
    assert body["outputs"] and body["imageBytes"] > 0
    assert body["bytes"] == len(iris_model.encode()
                                if isinstance(iris_model, str)
                                else iris_model)
    assert body["verification"] == {"result": "none", "cases": 0,
                                    "maximumDifference": None}
    assert len(alice.get("/services").json()) == before


def test_inspect_verifies_rows(alice):
    model = models.linear(2.0, 1.0)
    good = json.dumps({"inputs": {"x": [1.0, 2.0]},
                       "outputs": {"y": [3.0, 5.0]}})
    answer = inspect(alice, model, verify=good)
    assert answer.status_code == 200, answer.text
    assert answer.json()["verification"]["result"] == "passed"
    assert answer.json()["verification"]["cases"] == 2
    assert answer.json()["verification"]["maximumDifference"] == 0
    near = good.replace("5.0", "5.00001")
    found = inspect(alice, model, verify=near).json()["verification"]
    assert found["result"] == "passed"
    assert 1e-6 < found["maximumDifference"] < 2e-6
    bad = good.replace("5.0", "6.0")
    refused = inspect(alice, model, verify=bad)
    published = alice.publish("inspect-refused", "1", model, verify=bad)
    assert refused.status_code == published.status_code == 400
    assert refused.json()["message"] == published.json()["message"]


@pytest.mark.parametrize("model", ["<PMML/>", "no model", "", None])
def test_inspect_refuses_as_a_publish_does(alice, model):
    refused = inspect(alice, model)
    published = alice.publish("inspect-refused", "1", model)
    assert refused.status_code == published.status_code == 400
    assert is_error(refused, 400) == is_error(published, 400)


def test_inspect_needs_a_publisher(nobody, httpd):
    is_error(inspect(nobody, models.linear(1.0)), 401)


# --- GET /admin/api/configuration ---

def test_configuration_with_file_and_line(admin, httpd):
    body = admin.get("/admin/api/configuration").json()
    assert body["httpd"].startswith("2.4.")
    assert body["mlserver"] and body["mpm"] in ("prefork", "event", "worker")
    assert "mod_mlserver.c" in body["modules"]
    lines = httpd.conf.read_text().splitlines()
    mine = [one for one in body["directives"]
            if one["file"] == str(httpd.conf)]
    assert len(mine) > 20
    for one in mine:  # each stands where it is said to stand
        assert lines[one["line"] - 1].strip().startswith(one["name"]), one
    state = [one for one in mine if one["name"] == "MLServerStateDir"]
    assert state[0]["value"].strip('"') == str(httpd.state)
    located = [one for one in mine if one["name"] == "MLServer"]
    assert located and located[0]["section"].startswith("<Location ")


def test_defaults_are_listed_as_they_would_be_written(admin):
    directives = admin.get("/admin/api/configuration").json()["directives"]
    defaults = {one["name"]: one for one in directives if one["default"]}
    assert defaults["MLServerUsageServices"]["value"] == "256"
    assert defaults["MLServerTokenLifetime"]["value"] in ("1h", "15m")
    assert defaults["MLServerMaxBody"]["value"] == "64M"
    assert defaults["MLServerLogDetail"]["value"] == "changes"
    assert defaults["MLServerUsageServices"]["file"] is None
    set_ones = {one["name"] for one in directives if not one["default"]}
    assert not set_ones & set(defaults)
    assert "MLServerStateDir" in set_ones


def test_secrets_are_masked(planted):
    text = planted.client("admin").get("/admin/api/configuration").text
    assert SECRET not in text
    assert "visible-value" in text
    assert "***" in text


def test_only_owners_see_the_configuration(alice, nobody):
    for path in ("/admin/api/configuration", "/admin/api/diagnostics"):
        is_error(alice.get(path), 403)
        is_error(nobody.get(path), 401)


# --- GET /admin/api/licences ---

def test_licences(alice, nobody):
    body = alice.get("/admin/api/licences").json()
    assert body["nextCursor"] is None
    found = {one["name"]: one for one in body["items"]}
    assert found["mod_mlserver"]["licence"] == "Apache-2.0"
    assert found["OpenSSL"]["version"].startswith("3.")
    assert all(one["licence"] and one["use"] for one in body["items"])
    is_error(nobody.get("/admin/api/licences"), 401)


# --- GET /admin/api/diagnostics ---

@pytest.mark.logs("request failed")
def test_diagnostics_hold_no_secret(planted):
    admin, alice = planted.client("admin"), planted.client("alice")
    password = {"username": "alice", "password": SECRET}
    assert alice.post("/login", json=password).status_code == 401
    assert alice.publish("told-nobody", "1", models.linear(1.0),
                         description=SECRET).status_code == 201
    alice.score("told-nobody", "1", {"x": [SECRET]})
    alice.post("/services/told-code/1", json={
        "code": "key = '%s'" % SECRET, "runtimeType": "Python"})
    answer = admin.get("/admin/api/diagnostics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    names = archive.namelist()
    assert {"status.json", "configuration.json", "log.txt", "usage.json",
            "system.json", "README.txt", "licences.json"} == set(names)
    for name in names:
        text = archive.read(name).decode()
        for secret in (SECRET, admin.token, alice.token, "told-nobody",
                       "told-code", "alice-pass"):
            assert secret not in text, (name, secret)
        if name.endswith(".json"):
            assert json.loads(text)
    status = json.loads(archive.read("status.json"))
    assert {"database", "backends", "scoring"} <= set(status["components"])


@pytest.mark.logs("mlserverd|state not|registry|request failed")
def test_diagnostics_hold_the_last_lines(make_httpd):
    """Of every child, over a reload, with what looks like secrets masked."""
    server = make_httpd()
    server.start()
    admin = server.client("admin")
    daemon = server.mlserverd()
    os.kill(daemon, signal.SIGSTOP)  # so that nobody starts it again
    os.kill(server.daemon_children()["registry"], signal.SIGKILL)
    try:
        answer = admin.get("/services", headers={
            "X-Request-Id": "password=" + SECRET})
        assert answer.status_code == 503
    finally:
        os.kill(daemon, signal.SIGCONT)

    def log():
        archive = zipfile.ZipFile(io.BytesIO(
            admin.get("/admin/api/diagnostics").content))
        return archive.read("log.txt").decode()

    assert "request failed: request=password=***" in log()
    assert SECRET not in log()
    assert SECRET in "\n".join(server.error_log.lines())
