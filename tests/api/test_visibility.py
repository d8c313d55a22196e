# SPDX-License-Identifier: Apache-2.0
"""Publish, redeploy and delete are seen by every child on its next request."""
import threading
import time

import pytest

from harness import models
from harness.client import is_error
from harness.httpd import Httpd

CHILDREN = 10


@pytest.fixture(scope="module")
def crowd():
    """A prefork server whose every child we hold by a kept connection."""
    server = Httpd(mpm="prefork", mpm_config=(
        "StartServers %d\nMinSpareServers %d\nMaxSpareServers %d\n"
        "MaxRequestWorkers 40\n" % (CHILDREN, CHILDREN, CHILDREN + 5)))
    server.start()
    yield server
    server.remove_log_checked(["as many models as it may"])


@pytest.fixture(scope="module")
def callers(crowd):
    """Clients whose kept connections pin different children: prefork serves a
    connection by one process until it is closed."""
    token = crowd.client("alice").token
    clients = []
    for _ in range(CHILDREN):
        client = crowd.client()
        client.token = token
        assert client.get("/services").status_code == 200
        clients.append(client)
    return clients


def test_all_children_see_everything_at_once(crowd, callers):
    publisher = callers[0]
    for i in range(30):
        assert publisher.publish("m", "1", models.constant(i)
                                 ).status_code == 201
        for client in callers:
            assert client.scored("m", "1", {"x": [0]}) == {"y": [i]}
        assert publisher.redeploy("m", "1", models.constant(i + 1000)
                                  ).status_code == 200
        for client in callers:
            assert client.scored("m", "1", {"x": [0]}) == {"y": [i + 1000]}
        assert publisher.delete("/services/m/1").status_code == 200
        for client in callers:
            is_error(client.score("m", "1", {"x": [0]}), 404)
            assert client.get("/services/m").json() == []


def test_a_redeploy_under_load_shows_old_or_new_never_else(crowd, callers):
    publisher = callers[0]
    assert publisher.publish("load", "1", models.constant(0)
                             ).status_code == 201
    low = [0]
    stop = threading.Event()
    odd = []

    def ask(client):
        while not stop.is_set():
            floor = low[0]
            value = client.scored("load", "1", {"x": [0]})["y"][0]
            if value < floor:
                odd.append((value, floor))
    threads = [threading.Thread(target=ask, args=(client,))
               for client in callers[1:5]]
    for thread in threads:
        thread.start()
    for i in range(1, 60):
        assert publisher.redeploy("load", "1", models.constant(i)
                                  ).status_code == 200
        low[0] = i  # acknowledged: nobody may see less from now on
    stop.set()
    for thread in threads:
        thread.join()
    assert odd == []


@pytest.mark.long
def test_a_thousand_versions(crowd, callers):
    """Published from several clients, visible to all, and gone again."""
    count, workers = 1000, 4
    failures = []
    model = [models.constant(i) for i in range(10)]

    def publish(part):
        client = callers[part]
        for i in range(part, count, workers):
            answer = client.publish("many", "v%d" % i, model[i % 10])
            while answer.status_code == 503:  # told to come back
                time.sleep(float(answer.headers["Retry-After"]) / 10)
                answer = client.publish("many", "v%d" % i, model[i % 10])
            if answer.status_code != 201:
                failures.append((i, answer.status_code, answer.text))
    began = time.monotonic()
    threads = [threading.Thread(target=publish, args=(part,))
               for part in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    print("1,000 versions in %.1f s" % (time.monotonic() - began))
    for number, client in enumerate(callers):
        for i in range(number, count, 50):
            assert client.scored("many", "v%d" % i, {"x": [0]}) == \
                {"y": [i % 10]}
    listed = callers[3].get("/services/many").json()
    assert len(listed) == count
    assert {row["version"] for row in listed} == \
        {"v%d" % i for i in range(count)}
    for i in range(0, count, 100):
        assert callers[0].delete("/services/many/v%d" % i).status_code == 200
        for client in callers:
            is_error(client.score("many", "v%d" % i, {"x": [0]}), 404)
