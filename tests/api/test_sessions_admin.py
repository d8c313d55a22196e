# SPDX-License-Identifier: Apache-2.0
"""Owners see everybody's sessions, and end them: /admin/api/sessions."""
import threading

import pytest

from harness.client import is_error
from harness.httpd import wait_until


@pytest.fixture
def opened(alice):
    """An open session of alice's; its id."""
    answer = alice.post("/sessions", json={"runtimeType": "Python",
                                           "name": "mine <b>&"})
    assert answer.status_code == 201, answer.text
    session = answer.json()["sessionId"]
    yield session
    alice.delete("/sessions/" + session)


def find(admin, session):
    """The session in the whole list, page by page."""
    found, cursor = [], ""
    while cursor is not None:
        page = admin.get("/admin/api/sessions?limit=2&cursor=" + cursor)
        assert page.status_code == 200, page.text
        found += page.json()["items"]
        assert len(page.json()["items"]) <= 2
        cursor = page.json()["nextCursor"]
    assert len({one["id"] for one in found}) == len(found)
    return next((one for one in found if one["id"] == session), None)


def test_owners_see_size_and_age_but_no_content(alice, admin, opened):
    answer = alice.post("/sessions/%s/execute" % opened, json={
        "code": "secret_variable = 'c0ntent'; x = bytearray(50_000_000)\n"
                "open('big', 'wb').write(bytes(5_000_000))"})
    assert answer.status_code == 200, answer.text
    wait_until(lambda: (find(admin, opened)["memoryBytes"] or 0) > 50_000_000,
               30, "its being measured")
    one = find(admin, opened)
    assert one["user"] == "alice" and one["provider"] == "file"
    assert one["name"] == "mine <b>&" and one["runtimeType"] == "Python"
    assert 5_000_000 <= one["diskBytes"] < 100_000_000
    assert one["createdAt"].endswith("Z")
    assert one["createdAt"] <= one["lastUsedAt"]
    assert "c0ntent" not in str(one) and "secret_variable" not in str(one)
    wait_until(lambda: find(admin, opened)["state"] == "idle", 30, "idleness")


def test_a_session_that_works_is_busy(alice, admin, opened):
    def work():
        alice.post("/sessions/%s/execute" % opened, json={
            "code": "import time\ntime.sleep(120)"})
    thread = threading.Thread(target=work)
    thread.start()
    try:
        wait_until(lambda: find(admin, opened)["state"] == "busy", 30, "work")
        # Still so when it was measured in the middle of it.
        wait_until(lambda: find(admin, opened)["memoryBytes"], 30, "measuring")
        assert find(admin, opened)["state"] == "busy"
    finally:
        alice.post("/sessions/%s/cancel" % opened)
        thread.join()
    wait_until(lambda: find(admin, opened)["state"] == "idle", 30, "idleness")


def test_owners_end_sessions_of_others(alice, admin, opened):
    answer = admin.delete("/admin/api/sessions/%s" % opened)
    assert answer.status_code == 204 and answer.content == b""
    wait_until(lambda: find(admin, opened) is None, 10, "its end")
    is_error(alice.post("/sessions/%s/execute" % opened,
                        json={"code": "1"}), 404)
    is_error(admin.delete("/admin/api/sessions/%s" % opened), 404)


def test_only_owners(alice, nobody, opened):
    is_error(alice.get("/admin/api/sessions"), 403)
    is_error(alice.delete("/admin/api/sessions/%s" % opened), 403)
    is_error(nobody.get("/admin/api/sessions"), 401)
    assert [one for one in alice.get("/sessions").json()
            if one["id"] == opened]


@pytest.mark.parametrize("limit", ["0", "1001", "x", ""])
def test_limits_of_pages(admin, limit):
    assert "limit" in is_error(
        admin.get("/admin/api/sessions?limit=" + limit), 400)
