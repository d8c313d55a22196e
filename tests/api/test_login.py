# SPDX-License-Identifier: Apache-2.0
"""POST /login, POST and DELETE /login/refreshToken, and what tokens open."""
import base64
import json
import threading
import time

import pytest

from harness.client import is_error
from harness.httpd import USERS, Httpd, location, server_lines

pytestmark = pytest.mark.smoke


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_login_answers_a_token_pair(nobody):
    answer = nobody.post("/login", json={"username": "alice",
                                         "password": USERS["alice"]})
    assert answer.status_code == 200
    body = answer.json()
    assert body["token_type"] == "Bearer"
    assert body["access_token"].count(".") == 2
    assert body["refresh_token"]
    assert 3500 <= int(body["expires_in"]) <= 3600
    assert abs(int(body["expires_on"]) - time.time() - 3600) < 100


def test_login_answer_is_not_stored(nobody):
    answer = nobody.post("/login", json={"username": "alice",
                                         "password": USERS["alice"]})
    assert "no-store" in answer.headers.get("Cache-Control", "")


def test_a_token_opens_what_is_closed_without_it(httpd, nobody):
    is_error(nobody.get("/services"), 401)
    nobody.login("alice", USERS["alice"])
    assert nobody.get("/services").status_code == 200


@pytest.mark.parametrize("body", [
    {"username": "carol", "password": "wrong"},
    {"username": "carol", "password": ""},
    {"username": "no-such-user", "password": "carol-pass"},
], ids=["wrong password", "empty password", "unknown user"])
def test_login_refuses(nobody, body):
    message = is_error(nobody.post("/login", json=body), 401)
    assert "carol" not in message and "no-such-user" not in message


@pytest.mark.parametrize("body", [
    "{}", '{"username": "alice"}', '{"password": "x"}',
    '{"username": 1, "password": "x"}', '{"username": "alice", "password": ["x"]}',
    "[]", '"alice"', "null", "1", "", "{", "username=alice&password=x",
    '{"username": "", "password": "x"}',
])
def test_login_refuses_a_body_of_the_wrong_shape(nobody, body):
    is_error(nobody.post("/login", data=body, headers={
        "Content-Type": "application/json"}), 400)


def test_login_names_the_position_of_malformed_json(nobody):
    message = is_error(nobody.post("/login", data='{"username": "a",, }',
                                   headers={"Content-Type":
                                            "application/json"}), 400)
    assert any(digit in message for digit in "0123456789"), message


def test_login_refuses_a_huge_body(nobody):
    is_error(nobody.post("/login", data="x" * 3_000_000, headers={
        "Content-Type": "application/json"}), 413)


def test_wrong_and_unknown_users_are_told_alike(nobody):
    wrong = nobody.post("/login", json={"username": "dave", "password": "x"})
    unknown = nobody.post("/login", json={"username": "ghost", "password": "x"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json()["message"] == unknown.json()["message"]


def test_get_of_login_is_405_with_allow(nobody):
    answer = nobody.get("/login")
    is_error(answer, 405)
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("header", [
    "Bearer x", "Bearer ", "Bearer a.b.c", "Bearer", "Basic YWxpY2U6eA==",
    "Bearer " + "A" * 6000, "bearer", "Token x",
])
def test_a_false_token_is_401(nobody, header):
    answer = nobody.get("/services", headers={"Authorization": header})
    is_error(answer, 401)
    assert "Bearer" in answer.headers.get("WWW-Authenticate", "")


def test_a_changed_token_is_401(nobody):
    token = nobody.login("alice", USERS["alice"])["access_token"]
    head, body, signature = token.split(".")
    forged = claims(token)
    forged["exp"] = int(forged["exp"]) + 3600
    other_body = base64.urlsafe_b64encode(
        json.dumps(forged).encode()).rstrip(b"=").decode()
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    for bad in (".".join((head, other_body, signature)),
                ".".join((none, body, "")),
                ".".join((head, body, signature[:-2] + "AA")),
                ".".join((head, body)), token + "x"):
        is_error(nobody.get("/services", headers={
            "Authorization": "Bearer " + bad}), 401)
    assert nobody.get("/services").status_code == 200


def test_hs256_with_the_public_key_is_401(nobody, httpd):
    """The classic confusion: an HMAC with public bytes as its key."""
    import hashlib
    import hmac
    nobody.login("alice", USERS["alice"])
    header = nobody.token.split(".")[0]
    decoded = json.loads(base64.urlsafe_b64decode(
        header + "=" * (-len(header) % 4)))
    decoded["alg"] = "HS256"
    text = ".".join((
        base64.urlsafe_b64encode(json.dumps(decoded).encode()).rstrip(b"=").decode(),
        nobody.token.split(".")[1]))
    for key in ((httpd.state / "keys.jwks").read_bytes(), b""):
        signature = base64.urlsafe_b64encode(hmac.new(
            key, text.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
        is_error(nobody.get("/services", headers={
            "Authorization": "Bearer %s.%s" % (text, signature)}), 401)


def refresh(client, token):
    return client.post("/login/refreshToken", json={"refreshToken": token})


def test_refresh_gives_a_new_pair(nobody):
    first = nobody.login("alice", USERS["alice"])
    answer = refresh(nobody, first["refresh_token"])
    assert answer.status_code == 200
    second = answer.json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert nobody.get("/services", headers={
        "Authorization": "Bearer " + second["access_token"]}).status_code == 200


def test_refresh_repeated_at_once_gives_the_same_successor(nobody):
    first = nobody.login("alice", USERS["alice"])
    one = refresh(nobody, first["refresh_token"]).json()
    two = refresh(nobody, first["refresh_token"]).json()
    assert one["refresh_token"] == two["refresh_token"]


@pytest.mark.parametrize("token", ["", "x", "0" * 64, "a.b.c", "é"])
def test_refresh_refuses_what_it_did_not_give(nobody, token):
    assert refresh(nobody, token).status_code in (400, 401)


@pytest.mark.parametrize("body", ["{}", '{"refreshToken": 1}', "[]", "{"])
def test_refresh_refuses_a_body_of_the_wrong_shape(nobody, body):
    is_error(nobody.post("/login/refreshToken", data=body, headers={
        "Content-Type": "application/json"}), 400)


def test_revoked_tokens_stop_working_in_every_child(httpd, nobody):
    pair = nobody.login("bob", USERS["bob"])
    assert nobody.get("/services").status_code == 200
    answer = nobody.delete("/login/refreshToken?refreshToken="
                           + pair["refresh_token"])
    assert answer.status_code == 200, answer.text
    answer.json()
    for _ in range(12):
        caller = httpd.client()
        is_error(caller.get("/services", headers={
            "Authorization": "Bearer " + pair["access_token"]}), 401)
        caller.close()
    assert refresh(nobody, pair["refresh_token"]).status_code == 401


def test_revoking_an_unknown_token_is_401(alice):
    is_error(alice.delete("/login/refreshToken?refreshToken=nonsense"), 401)
    assert alice.delete("/login/refreshToken").status_code == 400


def test_revoking_one_family_leaves_the_other(httpd):
    one, two = httpd.client("bob"), httpd.client()
    pair = two.login("bob", USERS["bob"])
    two.delete("/login/refreshToken?refreshToken=" + pair["refresh_token"])
    assert one.get("/services").status_code == 200


def test_guessing_is_throttled_but_not_for_others(make_httpd):
    server = make_httpd()
    server.start()
    guesser = server.client()
    statuses = [guesser.post("/login", json={
        "username": "carol", "password": "guess%d" % i}).status_code
        for i in range(60)]
    assert set(statuses) <= {401, 429, 503}, statuses
    assert statuses[0] == 401
    assert statuses[-1] != 401, "sixty wrong guesses and still served"
    answer = guesser.post("/login", json={"username": "carol",
                                          "password": "guess"})
    assert int(answer.headers["Retry-After"]) > 0


def test_tokens_expire(make_httpd):
    server = make_httpd(config=lambda s: server_lines(s) + location(
        s, extra="    MLServerTokenLifetime 2s"))
    server.start()
    client = server.client()
    body = client.login("alice", USERS["alice"])
    assert int(body["expires_in"]) <= 2
    assert client.get("/services").status_code == 200
    end = time.time() + 10
    while client.get("/services").status_code == 200 and time.time() < end:
        time.sleep(0.1)
    is_error(client.get("/services"), 401)
    again = refresh(client, body["refresh_token"])
    assert again.status_code == 200
    assert client.get("/services", headers={
        "Authorization": "Bearer " + again.json()["access_token"]}
        ).status_code == 200


def test_a_changed_password_counts_at_the_next_login(make_httpd):
    server = make_httpd()
    server.start()
    client = server.client("alice")
    text = server.users.read_text(encoding="ascii")
    server.users.write_text("".join(
        line + "\n" for line in text.splitlines()
        if not line.startswith("alice:")), encoding="ascii")
    is_error(client.post("/login", json={"username": "alice",
                                         "password": USERS["alice"]}), 401)


@pytest.mark.logs("Password Mismatch")
def test_another_module_may_name_the_user(make_httpd):
    """r->user as httpd's own modules set it is accepted in place of a token."""
    server = make_httpd(config=lambda s: server_lines(s) + location(s, extra="""
    AuthType Basic
    AuthName test
    AuthBasicProvider file
    Require valid-user"""))
    server.start(wait=False)
    from harness.httpd import wait_until
    import requests

    def ready():
        try:
            return requests.get(server.url() + "/services", auth=(
                "alice", USERS["alice"]), timeout=5).status_code == 200
        except requests.ConnectionError:
            return False
    wait_until(ready, 30, "an answer to basic authentication")
    assert requests.get(server.url() + "/services", auth=("alice", "x"),
                        timeout=5).status_code == 401


def test_many_logins_at_once(httpd):
    failures = []

    def one():
        try:
            httpd.client("alice").close()
        except Exception as error:  # noqa: BLE001 - reported below
            failures.append(error)
    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_no_password_or_token_in_the_log(httpd, nobody):
    mark = httpd.error_log.mark()
    pair = nobody.login("alice", USERS["alice"])
    nobody.post("/login", json={"username": "carol", "password": "s3cr3t-x"})
    nobody.get("/services")
    text = "\n".join(httpd.error_log.lines(mark))
    for secret in (USERS["alice"], "s3cr3t-x", pair["access_token"],
                   pair["refresh_token"]):
        assert secret not in text
