# SPDX-License-Identifier: Apache-2.0
"""Any mount path, several virtual hosts, one state or several."""
import pytest

from harness import models
from harness.client import is_error
from harness.httpd import USERS, Httpd, location, server_lines


@pytest.mark.logs("reason=not ready", "client denied")
@pytest.mark.parametrize("mount", ["/ml", "/a/b/c", "/ml-server_1.0"])
def test_everything_works_below_any_path(make_httpd, mount):
    server = make_httpd(config=lambda s: server_lines(s) + location(
        s, mount))
    server.start(wait=False)
    from harness.httpd import wait_until
    client = server.client(mount=mount)

    def ready():
        try:
            return client.get("/readyz").status_code == 200
        except OSError:
            return False
    wait_until(ready, 60, "readiness below " + mount)
    client.login("alice", USERS["alice"])
    answer = client.publish("m", "1", models.linear(2))
    assert answer.status_code == 201, answer.text
    if "Location" in answer.headers:
        assert mount + "/" in answer.headers["Location"]
    assert client.scored("m", "1", {"x": [1]}) == {"y": [2]}
    swagger = client.get("/api/m/1/swagger.json").json()
    base = swagger.get("basePath", "").rstrip("/")
    assert any((base + path).endswith(mount + "/api/m/1")
               for path in swagger["paths"]), swagger["paths"]
    # Outside the mount path the module does not answer.
    outside = server.client()
    answer = outside.get("/services")
    assert answer.status_code in (403, 404)
    assert "exceptionType" not in answer.text


@pytest.fixture(scope="module")
def hosts():
    """Two virtual hosts, each with a state of its own."""
    def config(s):
        text = ""
        for port, letter in zip(s.ports, "ab"):
            text += "<VirtualHost 127.0.0.1:%d>\n%s%s</VirtualHost>\n" % (
                port,
                server_lines(s, state=s.root / letter, run=s.root /
                             ("run-" + letter)), location(s))
        return text
    server = Httpd(config=config, ports=2)
    server.start()
    yield server
    server.remove_log_checked()


def test_two_hosts_keep_two_states(hosts):
    from harness.httpd import wait_until
    a = hosts.client("alice", port=hosts.ports[0])
    b = hosts.client(port=hosts.ports[1])
    wait_until(lambda: b.get("/readyz").status_code == 200, 30, "host b")
    b.login("alice", USERS["alice"])
    assert a.publish("m", "1", models.constant(1)).status_code == 201
    assert b.get("/services/m").json() == []
    assert b.publish("m", "1", models.constant(2)).status_code == 201
    assert a.scored("m", "1", {"x": [0]}) == {"y": [1]}
    assert b.scored("m", "1", {"x": [0]}) == {"y": [2]}


def test_a_token_of_one_host_is_refused_at_the_other(hosts):
    a = hosts.client("alice", port=hosts.ports[0])
    b = hosts.client("alice", port=hosts.ports[1])
    a.token, b.token = b.token, a.token
    is_error(a.get("/services"), 401)
    is_error(b.get("/services"), 401)


def test_a_refresh_token_of_one_host_is_refused_at_the_other(hosts):
    a = hosts.client(port=hosts.ports[0])
    b = hosts.client(port=hosts.ports[1])
    pair = a.login("alice", USERS["alice"])
    is_error(b.post("/login/refreshToken", json={
        "refreshToken": pair["refresh_token"]}), 401)


def test_two_locations_share_one_state(make_httpd):
    server = make_httpd(config=lambda s: server_lines(s) + location(s)
                        + location(s, "/second"))
    server.start()
    first = server.client("alice")
    second = server.client("alice", mount="/second")
    assert first.publish("m", "1", models.linear(2)).status_code == 201
    assert second.scored("m", "1", {"x": [1]}) == {"y": [2]}
    first.token, second.token = second.token, first.token
    assert first.get("/services").status_code == 200
    assert second.delete("/services/m/1").status_code == 200
    is_error(first.score("m", "1", {"x": [1]}), 404)


def test_files_beside_the_module_are_still_served(make_httpd):
    server = make_httpd(config=lambda s: server_lines(s) + location(s, "/ml")
                        + "<Directory %s/docs>\nRequire all granted\n"
                        "</Directory>\n" % s.root)
    (server.root / "docs" / "hello.txt").write_text("hello")
    server.start(wait=False)
    from harness.httpd import wait_until
    client = server.client()

    def ready():
        try:
            return client.get("/hello.txt").text == "hello"
        except OSError:
            return False
    wait_until(ready, 30, "a file")


@pytest.mark.logs("client denied")
def test_require_in_the_location_is_obeyed(make_httpd):
    server = make_httpd(config=lambda s: server_lines(s) + location(
        s, extra="""
    Require all granted""") + """
<Location "/metrics">
    Require all denied
</Location>
<Location "/status">
    Require all denied
</Location>""")
    server.start()
    client = server.client("alice")
    assert client.get("/services").status_code == 200
    assert client.get("/status").status_code in (401, 403)


def test_links_follow_a_reverse_proxy(make_httpd):
    """The Host header that the caller used is the one that links show."""
    server = make_httpd()
    server.start()
    client = server.client("alice")
    client.publish("m", "1", models.linear(2))
    swagger = client.get("/api/m/1/swagger.json", headers={
        "Host": "ml.example.test"}).json()
    assert swagger.get("host", "ml.example.test") == "ml.example.test"
