# SPDX-License-Identifier: Apache-2.0
"""The audit: its log, what the registry keeps of it, searching it."""
import csv
import io
import json
import os
import signal
import threading
import time

import pytest

from harness.client import is_error
from harness.httpd import USERS, Httpd, location, server_lines, wait_until

LOG = "logs/audit.log"


def config(httpd, log=LOG, more="", extra=""):
    return ("MLServerAuditLog %s\n%s" % (log, more) + server_lines(httpd)
            + location(httpd, extra=extra))


@pytest.fixture(scope="module")
def server():
    """A server whose audit nobody else fills."""
    httpd = Httpd(config=config)
    httpd.start()
    yield httpd
    httpd.remove()


def lines(httpd, name=LOG):
    text = (httpd.root / name).read_text(encoding="utf-8")
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def line_of(httpd, request_id, name=LOG):
    """The one line of a request; it is written after the answer."""
    def found():
        return [line for line in lines(httpd, name)
                if line["requestId"] == request_id]
    first = wait_until(found, 10, "a line of request " + request_id)
    assert len(first) == 1, first
    return first[0]


def id_of(answer):
    return answer.headers["X-Request-Id"]


def search(owner, **parameters):
    answer = owner.get("/admin/api/audit", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def kept(owner, request_id):
    """The registry's record of a request; it gets there after the answer."""
    def found():
        return [item for item in search(owner, limit=200)["items"]
                if item["requestId"] == request_id]
    return wait_until(found, 10, "a record of request " + request_id)[0]


@pytest.fixture(scope="module")
def owner(server):
    return server.client("admin")


@pytest.mark.smoke
def test_a_login_is_audited(server):
    client = server.client()
    answer = client.post("/login", json={"username": "alice",
                                         "password": USERS["alice"]},
                         headers={"X-Request-Id": "login-1"})
    assert answer.status_code == 200
    line = line_of(server, "login-1")
    assert line["user"] == "alice" and line["provider"] == "file"
    assert line["operation"] == "login" and line["outcome"] == "success"
    assert line["status"] == 200 and line["address"] == "127.0.0.1"
    assert line["durationMilliseconds"] > 0
    assert line["time"].endswith("Z") and line["time"][:2] == "20"
    assert USERS["alice"] not in json.dumps(line)
    for token in ("access_token", "refresh_token"):
        assert answer.json()[token] not in json.dumps(line)


@pytest.mark.smoke
def test_a_refused_login_names_who_was_tried_and_why(server):
    client = server.client()
    client.post("/login", json={"username": "bob", "password": "wrong"},
                headers={"X-Request-Id": "login-2"})
    line = line_of(server, "login-2")
    assert line["user"] is None and line["target"] == "bob"
    assert line["outcome"] == "refused" and line["status"] == 401
    assert "denied" in line["detail"] and "wrong" not in json.dumps(line)


def test_a_request_without_a_token_is_audited(server):
    answer = server.client().get("/services")
    line = line_of(server, id_of(answer))
    assert line["status"] == 401 and line["outcome"] == "refused"
    assert line["operation"] == "getAllWebServices" and line["user"] is None


def test_a_request_with_a_bad_token_is_audited(server):
    answer = server.client().get("/services", headers={
        "Authorization": "Bearer a.b.c"})
    line = line_of(server, id_of(answer))
    assert line["status"] == 401 and line["user"] is None
    assert line["detail"]


def test_changes_and_a_foreign_change_are_audited(server, iris_model):
    alice, bob = server.client("alice"), server.client("bob")
    answer = alice.publish("audited", "1.0", iris_model)
    assert answer.status_code == 201
    line = line_of(server, id_of(answer))
    assert (line["user"], line["operation"], line["target"]) == (
        "alice", "publishRealtimeWebServiceByNameVersion", "audited/1.0")
    assert (line["role"], line["outcome"]) == ("Contributor", "success")

    answer = bob.delete("/services/audited/1.0")
    is_error(answer, 403)
    line = line_of(server, id_of(answer))
    assert (line["user"], line["outcome"], line["target"]) == (
        "bob", "refused", "audited/1.0")

    answer = alice.publish("audited", "1.0", iris_model)
    is_error(answer, 409)
    assert line_of(server, id_of(answer))["outcome"] == "failed"

    answer = alice.delete("/services/audited/1.0")
    assert answer.status_code == 200
    assert line_of(server, id_of(answer))["operation"] == \
        "deleteWebServiceVersion"


def test_a_version_that_the_server_chose_is_named(server, iris_model):
    alice = server.client("alice")
    answer = alice.publish("named", None, iris_model)
    assert answer.status_code == 201
    path = answer.headers["Location"].removeprefix("/api/")
    line = line_of(server, id_of(answer))
    assert line["target"] == path and path.startswith("named/")
    alice.delete("/services/" + path)


def test_looking_and_scoring_are_not_audited(server, iris_model):
    alice = server.client("alice")
    alice.publish("quiet", "1.0", iris_model)
    ids = [id_of(alice.get("/services")), id_of(alice.get("/status")),
           id_of(alice.score("quiet", "1.0", {
               "Sepal.Length": [5.1], "Sepal.Width": [3.5],
               "Petal.Length": [1.4], "Petal.Width": [0.2]})),
           id_of(alice.post("/api/no-such/1.0", json={}))]
    last = alice.delete("/services/quiet/1.0")
    line_of(server, id_of(last))
    assert not {line["requestId"] for line in lines(server)} & set(ids)


def test_a_refused_call_of_a_service_is_audited(server):
    answer = server.client().post("/api/quiet/1.0", json={})
    line = line_of(server, id_of(answer))
    assert (line["operation"], line["outcome"]) == ("consume", "refused")


def test_what_a_caller_chooses_cannot_forge_a_line(server):
    name = 'x"}\n{"forged": 1}\x7f\u0085\u2028\\ ' + "n" * 200
    server.client().post("/login", json={"username": name, "password": "p"},
                         headers={"X-Request-Id": "forge-1"})
    line = line_of(server, "forge-1")
    assert line["target"] == name
    raw = [text for text in (server.root / LOG).read_bytes().split(b"\n")
           if b"forge-1" in text]
    assert len(raw) == 1
    assert all(byte >= 0x20 and byte != 0x7f for byte in raw[0])
    assert "\u0085".encode() not in raw[0]
    assert "\u2028".encode() not in raw[0]


def test_a_line_is_short_enough_to_be_written_at_once(server):
    server.client().post("/login", json={
        "username": "\u0085" * 4000, "password": "p"},
        headers={"X-Request-Id": "long-1"})
    line_of(server, "long-1")
    assert all(len(text) < 4096
               for text in (server.root / LOG).read_bytes().split(b"\n"))


def test_the_address_is_the_one_behind_mod_remoteip(make_httpd):
    httpd = make_httpd(modules=["remoteip"], config=lambda server: (
        "RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1\n"
        + config(server)))
    httpd.start()
    httpd.client().get("/services", headers={
        "X-Forwarded-For": "203.0.113.7", "X-Request-Id": "remote-1"})
    assert line_of(httpd, "remote-1")["address"] == "203.0.113.7"
    assert kept(httpd.client("admin"), "remote-1")["address"] == "203.0.113.7"


def test_the_log_may_be_a_program(make_httpd):
    httpd = make_httpd(config=lambda server: config(
        server, '"|/bin/sh -c \'cat >> %s/logs/piped.log\'"' % server.root))
    httpd.start()
    httpd.client().get("/services", headers={"X-Request-Id": "piped-1"})
    assert line_of(httpd, "piped-1", "logs/piped.log")["status"] == 401


@pytest.mark.logs("AH00019", "MLServerAuditLog no-such-directory")
def test_a_log_that_cannot_be_opened_stops_the_start(make_httpd):
    httpd = make_httpd(config=lambda server: config(
        server, "no-such-directory/audit.log"))
    httpd.start(wait=False)
    assert httpd.process.wait(30) != 0
    assert "no-such-directory" in httpd.tail()


def test_many_at_once_write_whole_lines(server):
    def ask():
        client = server.client()
        for _ in range(25):
            client.get("/services")
    before = len(lines(server))
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: len(lines(server)) >= before + 200, 10, "200 lines")


# --- the registry ---


@pytest.mark.smoke
def test_an_owner_searches(server, owner):
    client = server.client("carol")
    client.delete("/services/none/1.0", headers={"X-Request-Id": "seek-1"})
    kept(owner, "seek-1")
    found = search(owner, user="carol", operation="deleteWebServiceVersion")
    assert [item["requestId"] for item in found["items"]][:1] == ["seek-1"]
    item = found["items"][0]
    assert item["outcome"] == "failed" and item["status"] == 404
    assert item == dict(line_of(server, "seek-1"))


@pytest.mark.parametrize("parameters, good", [
    ({"user": "carol"}, lambda item: item["user"] == "carol"),
    ({"user": "file:carol"}, lambda item: item["user"] == "carol"),
    ({"service": "audited"}, lambda item: item["target"] == "audited/1.0"),
    ({"service": "audited/1.0"}, lambda item: item["target"] == "audited/1.0"),
    ({"operation": "login"}, lambda item: item["operation"] == "login"),
    ({"outcome": "refused"}, lambda item: item["status"] in (401, 403, 429)),
    ({"outcome": "success", "operation": "login"},
     lambda item: item["user"] is not None),
])
def test_filters(server, owner, iris_model, parameters, good):
    server.client("carol")
    alice = server.client("alice")
    alice.publish("audited", "1.0", iris_model)
    kept(owner, id_of(alice.delete("/services/audited/1.0")))
    kept(owner, id_of(server.client().get("/services")))
    items = search(owner, **parameters)["items"]
    assert items and all(good(item) for item in items), items


def test_a_user_of_another_provider_is_another(owner):
    assert search(owner, user="ldap:carol")["items"] == []


def test_times_bound_a_search(server, owner):
    server.client().get("/services", headers={"X-Request-Id": "when-1"})
    when = kept(owner, "when-1")["time"]
    at = search(owner, **{"from": when})["items"]
    assert "when-1" in [item["requestId"] for item in at]
    before = search(owner, to=when, limit=1000)["items"]
    assert before and "when-1" not in [item["requestId"] for item in before]
    assert all(item["time"] < when for item in before)


def test_pages_hold_everything_once_newest_first(server, owner):
    client = server.client("dave")
    for i in range(7):
        client.delete("/services/paged/%d" % i)
        server.client().get("/services/paged")  # of the other class
    server.client().get("/services", headers={"X-Request-Id": "paged-1"})
    kept(owner, "paged-1")
    whole = search(owner, limit=1000)["items"]
    times = [item["time"] for item in whole]
    assert times == sorted(times, reverse=True)
    until = whole[0]["time"]
    cursor, ids = None, []
    for _ in range(1000):
        parameters = {"limit": 3, "to": until}
        if cursor:
            parameters["cursor"] = cursor
        page = search(owner, **parameters)
        assert len(page["items"]) <= 3
        ids += [(item["time"], item["requestId"]) for item in page["items"]]
        cursor = page["nextCursor"]
        if not cursor:
            break
    wanted = [(item["time"], item["requestId"]) for item in whole
              if item["time"] < until]
    assert ids == wanted


@pytest.mark.parametrize("query", [
    "limit=0", "limit=1001", "limit=x", "from=yesterday", "to=1",
    "outcome=maybe", "cursor=zzz", "cursor=" + "0" * 23])
def test_a_wrong_question_is_400(owner, query):
    is_error(owner.get("/admin/api/audit?" + query), 400)


def test_only_owners_search(server):
    is_error(server.client().get("/admin/api/audit"), 401)
    is_error(server.client("alice").get("/admin/api/audit"), 403)


def test_csv(server, owner):
    server.client().post("/login", json={
        "username": '=HYPERLINK("x"),\n1', "password": "p"},
        headers={"X-Request-Id": "csv-1"})
    kept(owner, "csv-1")
    answer = owner.get("/admin/api/audit?operation=login&limit=5",
                       headers={"Accept": "text/csv"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/csv")
    answer.encoding = "utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert len(rows) == 5
    row = [row for row in rows if row["requestId"] == "csv-1"][0]
    assert row["target"] == '\'=HYPERLINK("x"),\n1'
    assert row["status"] == "401" and float(row["durationMilliseconds"]) > 0
    assert answer.headers["X-Next-Cursor"]


def test_records_outlive_a_restart(make_httpd):
    httpd = make_httpd(config=config)
    httpd.start()
    httpd.client().get("/services", headers={"X-Request-Id": "stop-1"})
    line_of(httpd, "stop-1")  # under way: SIGTERM does not stop it any more
    httpd.restart()
    found = search(httpd.client("admin"), outcome="refused")["items"]
    assert "stop-1" in [item["requestId"] for item in found]


@pytest.mark.logs("audit not stored", "registry", "owner")
def test_records_made_while_the_owner_is_away_are_not_lost(make_httpd):
    httpd = make_httpd(config=config)
    httpd.start()
    owner = httpd.client("admin")
    os.kill(httpd.daemon_children()["registry"], signal.SIGKILL)
    for i in range(20):
        httpd.client().get("/services", headers={
            "X-Request-Id": "away-%d" % i})
        time.sleep(0.05)
    wanted = {"away-%d" % i for i in range(20)}

    def found():
        # whatever is audited takes along what waits in its process
        for _ in range(10):
            httpd.client().get("/services")
        items = search(owner, outcome="refused", limit=1000)["items"]
        return wanted <= {item["requestId"] for item in items}
    wait_until(found, 30, "all twenty records")


def test_the_oldest_go_first(make_httpd):
    httpd = make_httpd(config=lambda server: config(
        server, more="MLServerAuditRecords 40\n"))
    httpd.start()
    owner = httpd.client("admin")
    dave = httpd.client("dave")
    for i in range(60):
        dave.delete("/services/old/%d" % i)
    for i in range(30):
        httpd.client().get("/services")
    search(owner)
    wait_until(lambda: len(search(owner, limit=1000)["items"]) <= 40, 10,
               "pruning")
    items = search(owner, limit=1000)["items"]
    strangers = [item for item in items if item["user"] is None]
    assert len(strangers) == 10
    deleted = [item["target"] for item in items if item["user"] == "dave"]
    assert deleted[0] == "old/59"
    assert deleted == ["old/%d" % i for i in range(59, 59 - len(deleted), -1)]
    assert len(deleted) >= 25


def test_the_age_is_a_bound(make_httpd):
    httpd = make_httpd(config=lambda server: config(
        server, more="MLServerAuditAge 2s\n"))
    httpd.start()
    owner = httpd.client("admin")
    kept(owner, id_of(httpd.client("dave").delete("/services/aged/1")))
    time.sleep(2.5)
    httpd.client().get("/services")
    wait_until(lambda: not search(owner, user="dave")["items"], 10,
               "the end of old records")


def test_nothing_is_kept_when_off(make_httpd):
    httpd = make_httpd(config=lambda server: config(
        server, more="MLServerAuditRecords Off\n"))
    httpd.start()
    httpd.client().get("/services", headers={"X-Request-Id": "off-1"})
    assert line_of(httpd, "off-1")
    assert search(httpd.client("admin"))["items"] == []


def test_auditing_refusals_does_not_slow_them_down(server):
    """Thousands of refusals a second are one write to the disk each second."""
    client = server.client()
    began = time.monotonic()
    for _ in range(500):
        client.get("/services")
    assert (time.monotonic() - began) / 500 < 0.02
