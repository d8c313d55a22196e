# SPDX-License-Identifier: Apache-2.0
"""Graceful restarts, dying processes, two owners: nothing acknowledged is
lost, nothing half done is seen."""
import json
import os
import random
import signal
import threading
import time

import pytest
import requests

from harness import env, models
from harness.httpd import (Httpd, USERS, children_of, process_alive,
                           wait_until)
from harness.load import Load

DEATH = ("exit signal|mlserverd|registry|supervisor|MLServer|child pid|"
         "unavailable|connect|as many models as it may")


def linear_good(status, text):
    return status == 200 and \
        json.loads(text)["outputParameters"]["outputData"] == {"y": [2, 4]}


def test_a_graceful_restart_under_load_fails_no_request(make_httpd):
    server = make_httpd(mpm_config="StartServers 4\nMinSpareServers 4\n"
                        "MaxSpareServers 8\nMaxRequestWorkers 32\n"
                        if env.MPM == "prefork" else "")
    server.start()
    client = server.client("alice")
    assert client.publish("m", "1", models.linear(2)).status_code == 201
    daemon = server.mlserverd()
    assert daemon
    with Load(server, client.token, "/api/m/1",
              {"inputData": {"x": [1, 2]}}, linear_good) as load:
        for _ in range(5):
            before = load.count
            server.graceful()
            time.sleep(0.5)  # load goes on in the new generation, too
            wait_until(lambda: load.count > before + 200, 30, "load")
    assert load.failures == []
    assert load.count > 1000
    assert server.mlserverd() == daemon, "mlserverd did not outlive a reload"
    # Publishing works in the new generation and tokens are still good.
    assert client.publish("m", "2", models.linear(3)).status_code == 201


def test_a_stop_takes_mlserverd_along(make_httpd):
    server = make_httpd()
    server.start()
    daemon = server.mlserverd()
    family = [daemon] + children_of(daemon)
    assert len(family) >= 3, family
    server.stop()
    for pid in family:
        assert not process_alive(pid)


def test_everything_is_there_after_a_full_restart(make_httpd):
    server = make_httpd()
    server.start()
    client = server.client("alice")
    token = client.token
    for i in range(20):
        assert client.publish("m", str(i), models.constant(i)
                              ).status_code == 201
    server.restart()
    client = server.client()
    client.token = token  # signed with a key that is still there
    assert [row["version"] for row in client.get("/services/m").json()] == \
        [str(i) for i in range(20)]
    for i in range(20):
        assert client.scored("m", str(i), {"x": [0]}) == {"y": [i]}


@pytest.mark.logs(DEATH)
def test_mlserverd_is_back_within_a_second(make_httpd):
    server = make_httpd()
    server.start()
    client = server.client("alice")
    assert client.publish("m", "1", models.linear(2)).status_code == 201
    old = server.mlserverd()
    mark = server.error_log.mark()
    os.kill(old, signal.SIGKILL)
    began = time.monotonic()
    wait_until(lambda: server.mlserverd() not in (None, old), 10,
               "a new mlserverd")
    assert time.monotonic() - began < 2
    assert client.scored("m", "1", {"x": [1]}) == {"y": [2]}
    answer = client.publish("m", "2", models.linear(3))
    assert answer.status_code == 201, answer.text
    assert server.error_log.has("mlserverd", mark)


@pytest.mark.logs(DEATH)
def test_scoring_goes_on_without_the_owner(make_httpd):
    server = make_httpd()
    server.start()
    client = server.client("alice")
    assert client.publish("m", "1", models.linear(2)).status_code == 201
    with Load(server, client.token, "/api/m/1",
              {"inputData": {"x": [1, 2]}}, linear_good, threads=2) as load:
        for name in ("registry", "supervisor", "registry"):
            pid = server.daemon_children()[name]
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: server.daemon_children().get(name)
                       not in (None, pid), 10, "a new " + name)
        before = load.count
        wait_until(lambda: load.count > before + 100, 20, "load")
    assert load.failures == []
    answer = client.get("/services/m/1")
    assert answer.status_code == 200, answer.text


@pytest.mark.logs(DEATH)
def test_management_waits_for_an_owner_that_restarts(make_httpd):
    """Down for less than two seconds: callers wait or get 503, never 500."""
    server = make_httpd()
    server.start()
    client = server.client("alice")
    for _ in range(3):
        os.kill(server.daemon_children()["registry"], signal.SIGKILL)
        answer = client.get("/services")
        assert answer.status_code in (200, 503), answer.text
        wait_until(lambda: client.get("/services").status_code == 200, 10,
                   "the list")


@pytest.mark.logs(DEATH)
def test_a_dying_child_costs_only_its_own_requests(make_httpd):
    server = make_httpd()
    server.start()
    client = server.client("alice")
    assert client.publish("m", "1", models.linear(2)).status_code == 201
    for _ in range(5):
        os.kill(random.choice(server.children()), signal.SIGKILL)
        wait_until(server.children, 10, "children")
        fresh = server.client()
        fresh.token = client.token
        for _ in range(5):
            try:
                answer = fresh.score("m", "1", {"x": [1, 2]})
            except requests.ConnectionError:
                continue  # its child was the one
            assert linear_good(answer.status_code, answer.text)


class Publisher(threading.Thread):
    """Publishes, redeploys and deletes; knows what was acknowledged."""

    def __init__(self, server, user, name, count):
        super().__init__()
        self.client = server.client(user)
        self.name_ = name
        self.count = count
        self.present = {}   # version -> value of its model
        self.maybe = {}     # not acknowledged: values it may have; None: gone
        self.acknowledged = 0
        self.odd = []

    def _step(self, number, rng):
        version = "v%d" % number
        model = models.constant(number)
        if self.present and rng.random() < 0.25:
            old = rng.choice(sorted(self.present))
            self._change(old, number, model, rng)
            return
        answer = self._one(lambda: self.client.publish(
            self.name_, version, model))
        if answer is not None and answer.status_code == 201:
            self.present[version] = number
            self.acknowledged += 1
        else:
            self.maybe[version] = {None, number}
            self._odd(answer)

    def _change(self, old, number, model, rng):
        before = self.present.pop(old)
        if rng.random() < 0.5:
            answer = self._one(lambda: self.client.redeploy(
                self.name_, old, model))
            if answer is not None and answer.status_code == 200:
                self.present[old] = number
                self.acknowledged += 1
                return
            self.maybe[old] = {before, number}
        else:
            answer = self._one(lambda: self.client.delete(
                "/services/%s/%s" % (self.name_, old)))
            if answer is not None and answer.status_code == 200:
                self.acknowledged += 1
                return
            self.maybe[old] = {before, None}
        self._odd(answer)

    @staticmethod
    def _one(call):
        try:
            return call()
        except requests.RequestException:
            return None

    def _is_ready(self):
        answer = self._one(lambda: self.client.get("/readyz"))
        return answer is not None and answer.status_code == 200

    def _odd(self, answer):
        """Only 503 and its kin may be what a dying server says. The next step
        waits until the server is well: most steps shall be acknowledged."""
        wait_until(self._is_ready, 60, "readiness")
        if answer is not None and answer.status_code not in (503, 504):
            self.odd.append((answer.status_code, answer.text[:200]))

    def run(self):
        rng = random.Random(self.name_)
        for number in range(1, self.count + 1):
            self._step(number, rng)

    def check(self, server):
        """What the server has now must be what was acknowledged."""
        client = server.client()
        client.token = self.client.token
        listed = {row["version"]: row for row in
                  client.get("/services/" + self.name_).json()}
        for version, value in self.present.items():
            assert version in listed, "lost: %s" % version
            assert client.scored(self.name_, version, {"x": [0]}) \
                == {"y": [value]}
        for version in set(listed) - set(self.present):
            values = self.maybe.get(version)
            assert values is not None, "never published: %s" % version
            got = client.scored(self.name_, version, {"x": [0]})["y"][0]
            assert got in values, (version, got, values)
        for version in set(self.maybe) - set(listed):
            assert None in self.maybe[version], "lost: %s" % version
            answer = client.score(self.name_, version, {"x": [0]})
            assert answer.status_code == 404, "half there: %s" % version


@pytest.mark.logs(DEATH)
@pytest.mark.long
def test_kill_9_at_random_moments_of_200_publishes(make_httpd):
    server = make_httpd()
    server.start()
    publishers = [Publisher(server, user, user + "s", 100)
                  for user in ("alice", "bob")]
    rng = random.Random(42)
    killed = {"child": 0, "registry": 0, "supervisor": 0, "mlserverd": 0}
    for publisher in publishers:
        publisher.start()
    while any(publisher.is_alive() for publisher in publishers):
        time.sleep(rng.uniform(0.05, 0.5))
        what = rng.choice(sorted(killed))
        try:
            if what == "child":
                pid = rng.choice(server.children())
            elif what == "mlserverd":
                pid = server.mlserverd()
            else:
                pid = server.daemon_children()[what]
            os.kill(pid, signal.SIGKILL)
            killed[what] += 1
        except (IndexError, KeyError, TypeError, OSError):
            pass  # it is dead already
    wait_until(publishers[0]._is_ready, 30, "readiness")
    assert min(killed.values()) > 0, killed
    for publisher in publishers:
        assert publisher.odd == []
        assert publisher.acknowledged >= 20, publisher.acknowledged
        publisher.check(server)
    server.restart()
    for publisher in publishers:
        publisher.check(server)


@pytest.mark.logs("another|LOCK|lock|in use|mlserverd|owner|MLServer")
def test_two_servers_on_one_state_are_refused(make_httpd):
    first = make_httpd()
    first.start()
    client = first.client("alice")
    assert client.publish("m", "1", models.linear(2)).status_code == 201
    second = make_httpd()
    second.state = first.state
    second.write()
    second.start(wait=False)
    # The second one must say so and must not be ready; the first goes on.
    wait_until(lambda: any("LOCK" in line or "another" in line or
                           "in use" in line
                           for line in second.error_log.lines()), 40,
               "a log line about the second owner")
    other = second.client()
    try:
        assert other.get("/readyz").status_code == 503
    except requests.ConnectionError:
        pass  # refusing to start is as good
    assert client.publish("m", "2", models.linear(3)).status_code == 201
    assert client.scored("m", "1", {"x": [1]}) == {"y": [2]}
    second.kill()


@pytest.mark.logs(DEATH + "|LOCK|another|in use")
def test_kill_9_of_the_parent_leaves_no_orphans(make_httpd):
    server = make_httpd()
    server.start()
    daemon = server.mlserverd()
    children = server.children()
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    wait_until(lambda: not process_alive(daemon), 30,
               "mlserverd to follow its httpd")
    for pid in children:
        if process_alive(pid):
            os.kill(pid, signal.SIGKILL)
    (server.root / "httpd.pid").unlink(missing_ok=True)
    server.process = None
    server.start()
    assert server.client("alice").get("/services").status_code == 200
