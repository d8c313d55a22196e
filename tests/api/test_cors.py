# SPDX-License-Identifier: Apache-2.0
"""Cross-origin requests, by directive."""
import pytest

from harness.httpd import location, server_lines

ORIGIN = "https://console.example.test"


@pytest.fixture(scope="module")
def cors_httpd():
    from harness.httpd import Httpd
    server = Httpd(config=lambda s: server_lines(s) + location(
        s, extra="    MLServerCORSOrigin %s\n    Require all granted"
        % ORIGIN))
    server.start()
    yield server
    server.remove_log_checked()


@pytest.mark.parametrize("path,method", [
    ("/services", "GET"), ("/login", "POST"), ("/services/a/1", "DELETE"),
    ("/api/a/1", "POST"), ("/realtime-services/a/1", "PATCH")])
def test_a_preflight_is_answered_before_authentication(cors_httpd, path,
                                                       method):
    answer = cors_httpd.client().request("OPTIONS", path, headers={
        "Origin": ORIGIN, "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type"})
    assert answer.status_code in (200, 204), answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert method in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert "authorization" in allowed and "content-type" in allowed
    assert "Origin" in answer.headers["Vary"]


def test_an_allowed_origin_is_named_in_answers_and_errors(cors_httpd):
    client = cors_httpd.client("alice")
    for headers, status in (({}, 200), ({"Authorization": "Bearer x"}, 401)):
        answer = client.get("/services", headers=dict(headers, Origin=ORIGIN))
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "Origin" in answer.headers["Vary"]


def test_another_origin_gets_nothing(cors_httpd):
    client = cors_httpd.client("alice")
    for origin in ("https://evil.example.test", ORIGIN + ".evil", "null",
                   "http://console.example.test"):
        answer = client.get("/services", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers
        answer = client.request("OPTIONS", "/services", headers={
            "Origin": origin, "Access-Control-Request-Method": "GET"})
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_without_the_directive_there_is_no_cors(alice):
    answer = alice.get("/services", headers={"Origin": ORIGIN})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_options_says_what_is_allowed(alice):
    answer = alice.request("OPTIONS", "/services")
    assert answer.status_code in (200, 204)
    assert "GET" in answer.headers["Allow"]
