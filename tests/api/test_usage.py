# SPDX-License-Identifier: Apache-2.0
"""Counting calls: /admin/api/usage, /metrics, mod_status, failing calls."""
import concurrent.futures
import datetime
import os
import signal

import pytest

from harness import models, prometheus
from harness.client import is_error
from harness.httpd import children_of, default_config, wait_until

ROW = {"x": [1.0]}
STAGES = ("authorise", "parse", "wait", "run", "write", "total")


def item(client, name, version="1.0"):
    """The figures of one version in the list, or None."""
    answer = client.get("/admin/api/usage")
    assert answer.status_code == 200, answer.text
    found = [one for one in answer.json()["items"]
             if (one["name"], one["version"]) == (name, version)]
    assert len(found) <= 1
    return found[0] if found else None


def wait_requests(client, name, count, version="1.0"):
    """A call is counted when its log line is due, just after its answer."""
    wait_until(lambda: (item(client, name, version) or {"requests": 0})
               ["requests"] >= count, 10, "counting")
    return item(client, name, version)


def publish(client, name, version="1.0"):
    answer = client.publish(name, version, models.linear(2.0, 1.0))
    assert answer.status_code == 201, answer.text


@pytest.mark.smoke
def test_calls_are_counted(alice, bob, name):
    publish(alice, name)
    before = datetime.datetime.now(datetime.timezone.utc)
    for _ in range(20):
        bob.scored(name, "1.0", ROW)
    assert bob.score(name, "1.0", {"y": [1.0]}).status_code == 400
    found = wait_requests(bob, name, 21)
    assert (found["requests"], found["errors"]) == (21, 1)
    assert found["requestsPerSecond"] > 0
    assert 0 < found["p50Milliseconds"] <= found["p95Milliseconds"] \
        <= found["p99Milliseconds"] < 60000
    body = bob.get("/admin/api/usage/%s/1.0" % name).json()
    assert body["statusCodes"] == {"200": 20, "400": 1}
    assert len(body["points"]) == 60
    assert sum(point["requests"] for point in body["points"][-2:]) == 21
    assert sum(point["errors"] for point in body["points"][-2:]) == 1
    assert body["points"][0]["requests"] == 0
    assert body["points"][0]["p50Milliseconds"] is None
    times = [datetime.datetime.fromisoformat(
        point["time"].replace("Z", "+00:00")) for point in body["points"]]
    assert all((b - a).total_seconds() == 60
               for a, b in zip(times, times[1:]))
    assert abs((times[-1] - before).total_seconds()) < 120
    assert set(body["stages"]) == set(STAGES)
    for stage in ("authorise", "wait", "parse", "run", "write", "total"):
        assert body["stages"][stage]["count"] >= 20, (stage, body["stages"])
        assert body["stages"][stage]["p50Milliseconds"] > 0
    total = body["stages"]["total"]["p50Milliseconds"]
    for stage in STAGES:
        assert body["stages"][stage]["p50Milliseconds"] <= total * 1.3


def test_a_version_never_called_has_no_figures(alice, name):
    publish(alice, name)
    body = alice.get("/admin/api/usage/%s/1.0?minutes=1440" % name).json()
    assert body["requests"] == 0 and body["points"] == []
    assert body["statusCodes"] == {}
    assert item(alice, name) is None


def test_calls_of_nothing_leave_no_trace(alice, name):
    is_error(alice.score(name, "1.0", ROW), 404)
    assert item(alice, name) is None
    is_error(alice.get("/admin/api/usage/%s/1.0" % name), 404)


@pytest.mark.parametrize("minutes", ["0", "1441", "-1", "x", "", "1.5"])
def test_minutes_must_be_some(alice, iris, minutes):
    alice.scored(*iris, {"Petal.Length": [1.4], "Petal.Width": [0.2]})
    message = is_error(alice.get("/admin/api/usage/%s/%s?minutes=%s"
                                 % (*iris, minutes)), 400)
    assert "minutes" in message


def test_usage_needs_a_login(nobody, iris):
    for path in ("/admin/api/usage", "/admin/api/usage/%s/%s" % iris,
                 "/metrics",
                 "/admin/api/services/%s/%s/failures" % iris):
        is_error(nobody.get(path), 401)


def test_code_is_timed_with_its_waiting(alice, name):
    answer = alice.post("/services/%s/1" % name, json={
        "code": "import time\ntime.sleep(0.2)", "runtimeType": "Python"})
    assert answer.status_code == 201, answer.text
    for _ in range(3):
        assert alice.post("/api/%s/1" % name, json={}).status_code == 200
    wait_requests(alice, name, 3, "1")
    stages = alice.get("/admin/api/usage/%s/1" % name).json()["stages"]
    assert stages["run"]["count"] == 3
    assert stages["wait"]["count"] == 3
    assert 150 < stages["run"]["p50Milliseconds"] < 2000, stages
    assert stages["total"]["p50Milliseconds"] >= \
        stages["run"]["p50Milliseconds"] * 0.8


# --- all children, reloads, bounds ---

@pytest.mark.parametrize("mpm", ["prefork", "event"])
def test_every_process_and_thread_counts(make_httpd, mpm):
    """No call is lost, whoever serves it, over two reloads."""
    server = make_httpd(mpm=mpm)
    server.start()
    owner = server.client("alice")
    publish(owner, "all")

    def call_many(number):
        client = server.client("alice")
        for _ in range(50):
            client.scored("all", "1.0", ROW)
        return number

    for round_number in range(3):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(call_many, range(8)))
        found = wait_requests(owner, "all", 400 * (round_number + 1))
        assert found["requests"] == 400 * (round_number + 1)
        old = set(children_of(server.process.pid))
        server.graceful()
        wait_until(lambda: set(children_of(server.process.pid)) - old, 30,
                   "a new child")
        server.wait_ready(30)
        # The old connection belongs to a child that is going.
        owner = server.client("alice")


def with_services(count):
    return lambda server: "MLServerUsageServices %s\n" % count + \
        default_config(server)


def test_more_services_than_places(make_httpd):
    server = make_httpd(config=with_services(2))
    server.start()
    client = server.client("alice")
    for i in range(6):
        publish(client, "many%d" % i)
        client.scored("many%d" % i, "1.0", ROW)
    wait_until(lambda: sum(one["requests"] for one in client.get(
        "/admin/api/usage").json()["items"]) == 6, 10, "six calls")
    items = client.get("/admin/api/usage").json()["items"]
    assert len(items) == 3
    assert items[0]["name"] == "(other)" and items[0]["requests"] == 4
    families = prometheus.parse(client.get("/metrics").text)
    assert families["mlserver_requests_total"].value(
        service="(other)", version="", code="200") == 4
    # Other sizes than before the reload: counting begins anew.
    server.write(with_services(64))
    server.graceful()
    wait_until(lambda: client.get("/admin/api/usage").json()["items"] == [],
               30, "a new table")
    for i in range(6):
        client.scored("many%d" % i, "1.0", ROW)
    wait_until(lambda: len(client.get("/admin/api/usage").json()["items"])
               == 6, 10, "six places")


def test_off(make_httpd):
    server = make_httpd(config=with_services("Off"))
    server.start()
    client = server.client("alice")
    publish(client, "quiet")
    client.scored("quiet", "1.0", ROW)
    assert "MLServerUsageServices" in is_error(
        client.get("/admin/api/usage"), 404)
    is_error(client.get("/admin/api/usage/quiet/1.0"), 404)
    families = prometheus.parse(client.get("/metrics").text)
    assert not families["mlserver_requests_total"].samples
    assert client.get("/admin/api/services/quiet/1.0/failures") \
        .json()["items"] == []


# --- /metrics, mod_status ---

@pytest.mark.smoke
def test_metrics(alice, name):
    publish(alice, name)
    for _ in range(5):
        alice.scored(name, "1.0", ROW)
    alice.score(name, "1.0", {})
    wait_requests(alice, name, 6)
    answer = alice.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == \
        "text/plain; version=0.0.4; charset=utf-8"
    families = prometheus.parse(answer.text)
    requests = families["mlserver_requests_total"]
    labels = {"service": name, "version": "1.0"}
    assert requests.value(code="200", **labels) == 5
    assert requests.value(code="400", **labels) == 1
    duration = families["mlserver_request_duration_seconds"]
    assert duration.type == "histogram"
    assert duration.value("_count", **labels) == 6
    assert 0 < duration.value("_sum", **labels) < 60
    assert duration.value("_bucket", le="+Inf", **labels) == 6
    stage = families["mlserver_stage_duration_seconds"]
    assert stage.value("_count", stage="run", **labels) == 5
    assert families["mlserver_ready"].value() == 1
    assert families["mlserver_service_versions"].value() >= 1


def guarded(server):
    """As shipped, and as a scraper elsewhere would be let in."""
    return default_config(server) + """
<Location "/metrics">
    Require expr "-R '127.0.0.0/8' || -R '::1/128'"
</Location>
"""


@pytest.mark.logs("AH01630")
def test_metrics_are_guarded_by_require(make_httpd):
    """The shipped guard lets this machine in, with a token; others not."""
    server = make_httpd(config=guarded)
    server.start()
    client = server.client("alice")
    prometheus.parse(client.get("/metrics").text)
    is_error(server.client().get("/metrics"), 401)
    server.write(lambda one: guarded(one).replace("127.0.0.0/8",
                                                  "192.0.2.0/24"))
    server.graceful()
    wait_until(lambda: client.get("/metrics").status_code != 200, 30,
               "the new configuration")
    is_error(client.get("/metrics"), 403)
    assert client.get("/services").status_code == 200


def scraper(server):
    return default_config(server) + """
<Location "/metrics">
    AuthType Basic
    AuthName metrics
    AuthBasicProvider file
    AuthUserFile %s
    Require user bob
</Location>
""" % server.users


@pytest.mark.logs("AH01617", "AH01631")
def test_a_scraper_with_a_password(make_httpd):
    server = make_httpd(config=scraper)
    server.start()
    client = server.client()
    answer = client.get("/metrics", headers={},
                        auth=("bob", "bob-pass"))
    assert answer.status_code == 200, answer.text
    prometheus.parse(answer.text)
    for auth in (("bob", "wrong"), ("alice", "alice-pass"), None):
        assert client.get("/metrics", auth=auth).status_code in (401, 403)


def test_the_strict_reader_is_strict():
    good = "# HELP a_total x\n# TYPE a_total counter\na_total{l=\"v\"} 1\n"
    prometheus.parse(good)
    for bad in (good[:-1], good + "a_total{l=\"v\"} 2\n", good + "b 1\n",
                good.replace("counter", "thing"), good.replace(" 1", " x"),
                good.replace("\"v\"", "\"\\v\""), good.replace("v", "\""),
                good + good):
        with pytest.raises((AssertionError, AttributeError)):
            prometheus.parse(bad)


def status_config(server):
    return default_config(server) + """
<Location /server-status>
    MLServer Off
    SetHandler server-status
    Require local
</Location>
"""


def test_mod_status_shows_the_same(make_httpd):
    server = make_httpd(config=status_config, modules=["status",
                                                       "authz_host"])
    server.start()
    client = server.client("alice")
    publish(client, "seen")
    for _ in range(3):
        client.scored("seen", "1.0", ROW)
    wait_requests(client, "seen", 3)
    page = client.get("/server-status")
    assert "<td>seen</td><td>1.0</td><td>3</td><td>0</td>" in page.text
    text = client.get("/server-status?auto").text
    assert "MLServer seen/1.0 Requests: 3\n" in text


# --- failing calls ---

def failures(client, name, version="1"):
    answer = client.get("/admin/api/services/%s/%s/failures"
                        % (name, version))
    assert answer.status_code == 200, answer.text
    assert answer.json()["nextCursor"] is None
    return answer.json()["items"]


def test_failing_calls_are_kept(alice, bob, admin, name):
    assert alice.post("/services/%s/1" % name, json={
        "runtimeType": "Python",
        "code": "print('about to fail with', x)\nraise ValueError(x)",
        "inputParameterDefinitions": [{"name": "x", "type": "integer"}],
    }).status_code == 201
    for i in range(3):
        answer = bob.post("/api/%s/1" % name, json={"x": i},
                          headers={"X-Request-Id": "failing-%d" % i})
        assert answer.status_code == 400, answer.text
    wait_until(lambda: len(failures(alice, name)) == 3, 10, "three failures")
    for who in (alice, admin):
        found = failures(who, name)
        assert [one["requestId"] for one in found] == [
            "failing-2", "failing-1", "failing-0"]
        for i, one in enumerate(reversed(found)):
            assert one["status"] == 400
            assert "ValueError" in one["message"] or \
                str(i) in one["message"], one
            assert "about to fail with %d" % i in one["consoleOutput"]
            assert "raise ValueError(x)" in one["traceback"] or \
                "ValueError" in one["traceback"], one
            assert one["time"].endswith("Z")
    is_error(bob.get("/admin/api/services/%s/1/failures" % name), 403)


def test_failures_are_bounded_and_of_models_too(alice, name):
    publish(alice, name)
    for i in range(30):
        alice.score(name, "1.0", {"wrong%d" % i: [1]})
    wait_until(lambda: "wrong29" in str(failures(alice, name, "1.0")) or
               len(failures(alice, name, "1.0")) == 16, 10, "failures")
    found = failures(alice, name, "1.0")
    assert len(found) == 16
    assert all(one["status"] == 400 and one["message"] for one in found)


def test_failures_do_not_outlive_the_service(alice, admin, name):
    """Of the same name, but somebody else's."""
    publish(alice, name)
    alice.score(name, "1.0", {})
    wait_until(lambda: failures(alice, name, "1.0"), 10, "a failure")
    assert alice.delete("/services/%s/1.0" % name).status_code == 200
    is_error(alice.get("/admin/api/services/%s/1.0/failures" % name), 404)
    publish(admin, name)
    assert failures(admin, name, "1.0") == []


def test_a_killed_child_leaves_the_figures(make_httpd):
    server = make_httpd(mpm="prefork")
    server.start()
    client = server.client("alice")
    publish(client, "kept")
    client.scored("kept", "1.0", ROW)
    wait_requests(client, "kept", 1)
    children = set(children_of(server.process.pid)) - {server.mlserverd()}
    for child in children:
        os.kill(child, signal.SIGKILL)
    wait_until(lambda: set(children_of(server.process.pid)) - children
               - {server.mlserverd()}, 30, "new children")
    fresh = server.client("alice")
    fresh.scored("kept", "1.0", ROW)
    assert wait_requests(fresh, "kept", 2)["requests"] == 2
