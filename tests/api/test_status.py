# SPDX-License-Identifier: Apache-2.0
"""GET /status, /healthz, /readyz."""
import os
import signal

import pytest

from harness.client import is_error
from harness.httpd import wait_until


@pytest.mark.smoke
def test_status_names_the_parts(alice):
    answer = alice.get("/status")
    assert answer.status_code == 200
    body = answer.json()
    assert body["statusCode"] == "pass", body
    assert body["components"], body
    for part in body["components"].values():
        assert part["statusCode"] in ("pass", "warn", "fail")


def test_status_needs_a_token(nobody):
    is_error(nobody.get("/status"), 401)


@pytest.mark.smoke
def test_probes_answer_without_a_token(nobody):
    for path in ("/healthz", "/readyz"):
        answer = nobody.get(path)
        assert answer.status_code == 200, (path, answer.text)
        assert len(answer.content) < 2000


def test_probes_by_head(nobody):
    for path in ("/healthz", "/readyz"):
        answer = nobody.request("HEAD", path)
        assert answer.status_code == 200 and answer.content == b""


@pytest.mark.logs("mlserverd|registry|supervisor")
def test_readiness_follows_mlserverd(make_httpd):
    """With mlserverd stopped (not dead) the server lives but is not ready."""
    server = make_httpd()
    server.start()
    client = server.client("alice")
    owner = server.daemon_children()["registry"]
    os.kill(owner, signal.SIGSTOP)
    try:
        assert client.get("/healthz").status_code == 200
        assert wait_until(lambda: client.get("/readyz").status_code == 503,
                          30, "503 of readyz")
        body = client.get("/status").json()
        assert body["statusCode"] != "pass", body
    finally:
        os.kill(owner, signal.SIGCONT)
    wait_until(lambda: client.get("/readyz").status_code == 200, 30,
               "readiness")
