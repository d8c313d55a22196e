# SPDX-License-Identifier: Apache-2.0
"""Logins as things: listed, revoked, stolen, forged, signed with other keys."""
import base64
import hashlib
import hmac
import json
import os
import signal
import subprocess
import time

import pytest

from harness import env
from harness.client import is_error
from harness.httpd import (USERS, Httpd, default_config, location,
                           server_lines, wait_until)

pytestmark = pytest.mark.smoke


@pytest.fixture(scope="module")
def server():
    """A server whose tokens nobody else counts; several children."""
    httpd = Httpd()
    httpd.start()
    yield httpd
    httpd.remove()


@pytest.fixture
def owner(server):
    return server.client("admin")


@pytest.fixture(autouse=True)
def close_clients(request):
    """An open connection holds a child of prefork."""
    yield
    if "server" in request.fixturenames:
        clients = request.getfixturevalue("server").clients
        while clients:
            clients.pop().close()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def family_of(client):
    return json.loads(unb64(client.token.split(".")[1]))["fam"]


def tokens(client, **parameters):
    answer = client.get("/admin/api/tokens", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def in_every_child(httpd, client, status, count=40):
    """Ask on fresh connections, so that several children answer."""
    for _ in range(count):
        again = httpd.client()
        again.token = client.token
        assert again.get("/services").status_code == status
        again.close()


def refused(httpd, token):
    """401, asked on a connection that is closed after it: an open one holds a
    child of prefork."""
    client = httpd.client()
    client.token = token
    is_error(client.get("/services"), 401)
    client.close()


# --- listing ---


def test_a_user_sees_own_logins_only(server):
    carol, other = server.client("carol"), server.client("carol")
    server.client("dave")
    items = tokens(carol)
    assert {item["user"] for item in items} == {"carol"}
    ids = {item["id"] for item in items}
    assert {family_of(carol), family_of(other)} <= ids
    current = [item["id"] for item in items if item["current"]]
    assert current == [family_of(carol)]


def test_an_item_says_when_and_from_where(server):
    client = server.client()
    client.post("/login", json={"username": "carol",
                                "password": USERS["carol"]},
                headers={"User-Agent": "a test of tokens"})
    carol = server.client("carol")
    item = [item for item in tokens(carol)
            if item["userAgent"] == "a test of tokens"][0]
    assert item["address"] == "127.0.0.1" and item["provider"] == "file"
    assert item["createdAt"] <= item["lastUsedAt"] < item["expiresAt"]
    assert not item["current"]
    for value in item.values():  # nothing that opens anything
        assert value is None or carol.token not in str(value)


def test_an_owner_sees_everybody(server, owner):
    server.client("carol"), server.client("dave")
    users = {item["user"] for item in tokens(owner, all="true")}
    assert {"carol", "dave", "admin"} <= users
    assert {item["user"] for item in tokens(owner)} == {"admin"}
    assert {item["user"] for item in tokens(owner, user="dave")} == {"dave"}
    assert tokens(owner, user="ldap:dave") == []


def test_others_do_not(server):
    carol = server.client("carol")
    is_error(carol.get("/admin/api/tokens?all=true"), 403)
    is_error(carol.get("/admin/api/tokens?user=dave"), 403)
    assert tokens(carol, user="carol") and tokens(carol, user="file:carol")
    is_error(server.client().get("/admin/api/tokens"), 401)


def test_pages(server, owner):
    for _ in range(5):
        server.client("dave")
    whole = {item["id"] for item in tokens(owner, all="true", limit=1000)}
    seen, cursor = [], None
    for _ in range(100):
        parameters = {"all": "true", "limit": 2}
        if cursor:
            parameters["cursor"] = cursor
        page = owner.get("/admin/api/tokens", params=parameters).json()
        assert len(page["items"]) <= 2
        seen += [item["id"] for item in page["items"]]
        cursor = page["nextCursor"]
        if not cursor:
            break
    assert len(seen) == len(set(seen)) and set(seen) == whole


@pytest.mark.parametrize("query", ["limit=0", "limit=many", "all=maybe"])
def test_a_wrong_question_is_400(owner, query):
    is_error(owner.get("/admin/api/tokens?" + query), 400)


# --- revoking ---


def test_a_user_ends_one_own_login(server):
    here, lost = server.client("carol"), server.client("carol")
    answer = here.delete("/admin/api/tokens/" + family_of(lost))
    assert answer.status_code == 204
    in_every_child(server, lost, 401)
    in_every_child(server, here, 200)
    assert family_of(lost) not in {item["id"] for item in tokens(here)}


def test_a_user_cannot_end_a_foreign_login(server):
    carol, dave = server.client("carol"), server.client("dave")
    is_error(carol.delete("/admin/api/tokens/" + family_of(dave)), 404)
    is_error(carol.delete("/admin/api/tokens?user=dave"), 403)
    is_error(carol.delete("/admin/api/tokens"), 400)
    is_error(server.client().delete(
        "/admin/api/tokens/" + family_of(dave)), 401)
    in_every_child(server, dave, 200, 10)


def test_an_owner_ends_a_foreign_login(server, owner):
    dave = server.client("dave")
    assert owner.delete("/admin/api/tokens/"
                        + family_of(dave)).status_code == 204
    in_every_child(server, dave, 401)
    is_error(owner.delete("/admin/api/tokens/00000000000000000000000000000000"),
             404)


def test_the_refresh_token_dies_with_the_login(server, owner):
    client = server.client()
    pair = client.login("dave", USERS["dave"])
    owner.delete("/admin/api/tokens/" + family_of(client))
    is_error(server.client().post("/login/refreshToken", json={
        "refreshToken": pair["refresh_token"]}), 401)


@pytest.mark.parametrize("name", ["dave", "file:dave"])
def test_all_logins_of_a_user_end_at_once(server, owner, name):
    first, second = server.client("dave"), server.client("dave")
    began = time.monotonic()
    assert owner.delete("/admin/api/tokens?user=" + name).status_code == 204
    in_every_child(server, first, 401)
    in_every_child(server, second, 401)
    assert time.monotonic() - began < 5
    assert tokens(owner, user="dave") == []
    in_every_child(server, server.client("dave"), 200, 10)


def test_a_user_ends_all_own_logins(server):
    carol, other = server.client("carol"), server.client("carol")
    assert carol.delete("/admin/api/tokens?user=carol").status_code == 204
    in_every_child(server, carol, 401, 10)
    in_every_child(server, other, 401, 10)


def test_a_user_of_another_provider_is_another(server, owner):
    dave = server.client("dave")
    assert owner.delete("/admin/api/tokens?user=ldap:dave").status_code == 204
    in_every_child(server, dave, 200, 10)


def test_revocations_outlive_a_restart_and_a_crash(make_httpd):
    httpd = make_httpd()
    httpd.start()
    lost, kept = httpd.client("dave"), httpd.client("dave")
    kept.delete("/admin/api/tokens/" + family_of(lost))
    httpd.restart()
    in_every_child(httpd, lost, 401, 10)
    in_every_child(httpd, kept, 200, 10)


@pytest.mark.logs("owner", "registry", "audit not stored")
def test_a_revocation_that_was_answered_survives_kill_9(make_httpd):
    httpd = make_httpd()
    httpd.start()
    lost, kept = httpd.client("dave"), httpd.client("dave")
    assert kept.delete("/admin/api/tokens/"
                       + family_of(lost)).status_code == 204
    os.kill(httpd.daemon_children()["registry"], signal.SIGKILL)
    in_every_child(httpd, lost, 401, 10)
    wait_until(lambda: kept.get("/services").status_code == 200, 10,
               "the owner's return")
    in_every_child(httpd, lost, 401, 10)


def test_revocations_are_audited(server, owner):
    dave = server.client("dave")
    answer = owner.delete("/admin/api/tokens/" + family_of(dave))
    request = answer.headers["X-Request-Id"]

    def found():
        items = owner.get("/admin/api/audit", params={
            "operation": "revokeToken", "limit": 5}).json()["items"]
        return [item for item in items if item["requestId"] == request]
    item = wait_until(found, 10, "the record")[0]
    assert item["user"] == "admin" and item["outcome"] == "success"
    assert item["detail"] == "of file:dave"


# --- theft ---


@pytest.mark.long
def test_a_refresh_token_used_twice_ends_its_family(server, owner):
    victim = server.client()
    pair = victim.login("dave", USERS["dave"])
    bystander = server.client("dave")
    renewed = server.client().post("/login/refreshToken", json={
        "refreshToken": pair["refresh_token"]})
    assert renewed.status_code == 200
    time.sleep(31)
    answer = server.client().post("/login/refreshToken", json={
        "refreshToken": pair["refresh_token"]})
    is_error(answer, 401)
    thief = server.client()
    thief.token = renewed.json()["access_token"]
    in_every_child(server, thief, 401)
    in_every_child(server, victim, 401)
    in_every_child(server, bystander, 200, 10)
    is_error(server.client().post("/login/refreshToken", json={
        "refreshToken": renewed.json()["refresh_token"]}), 401)
    request = answer.headers["X-Request-Id"]

    def found():
        items = owner.get("/admin/api/audit", params={
            "operation": "renewToken", "outcome": "refused",
            "user": "dave"}).json()["items"]
        return [item for item in items if item["requestId"] == request]
    item = wait_until(found, 10, "the record of the theft")[0]
    assert "used before" in item["detail"]


def test_the_database_holds_no_refresh_token(server):
    pair = server.client().login("carol", USERS["carol"])
    token = pair["refresh_token"]
    raw = unb64(token)
    wait_until(lambda: list((server.state / "registry").glob("log.*")), 5)
    for path in (server.state / "registry").iterdir():
        if path.is_file():
            data = path.read_bytes()
            assert token.encode() not in data and raw not in data, path
    assert any(hashlib.sha256(raw).hexdigest().encode() in path.read_bytes()
               for path in (server.state / "registry").iterdir()
               if path.is_file())


# --- forgery ---


def public_key(httpd):
    return json.loads((httpd.state / "keys.jwks").read_text())["keys"][0]


def resigned(token, header, secret):
    """The same claims under another header, with an HMAC of `secret`."""
    signed = b64(json.dumps(header).encode()) + "." + token.split(".")[1]
    return signed + "." + b64(hmac.new(secret, signed.encode(),
                                       hashlib.sha256).digest())


def key_texts(key):
    """The public key in each form that a careless library may take for an
    HMAC secret."""
    x, y = unb64(key["x"]), unb64(key["y"])
    der = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107"
                        "034200") + b"\x04" + x + y
    body = base64.encodebytes(der).decode().replace("\n", "")
    pem = "-----BEGIN PUBLIC KEY-----\n" + "\n".join(
        body[i:i + 64] for i in range(0, len(body), 64)) + \
        "\n-----END PUBLIC KEY-----\n"
    return [x + y, b"\x04" + x + y, der, pem.encode(), json.dumps(key).encode(),
            b"", key["kid"].encode()]


@pytest.mark.parametrize("algorithm", [
    "none", "None", "NONE", "nOnE", "HS256", "hs256", "RS256", "PS256",
    "ES384", "ES256K", "EdDSA", "", None, 1, ["ES256"]])
def test_another_algorithm_is_refused(server, algorithm):
    good = server.client("alice").token
    key = public_key(server)
    header = {"alg": algorithm, "kid": key["kid"], "typ": "JWT"}
    forged = [resigned(good, header, secret) for secret in key_texts(key)]
    head = b64(json.dumps(header).encode()) + "." + good.split(".")[1]
    forged += [head + ".", head, head + "." + good.split(".")[2]]
    for token in forged:
        refused(server, token)


@pytest.mark.parametrize("more", [
    {"jwk": "own"}, {"jku": "http://127.0.0.1:1/keys"}, {"x5u": "x"},
    {"x5c": ["x"]}, {"crit": ["exp"]}, {"zip": "DEF"}, {"b64": False},
    {"cty": "JWT"}], ids=lambda more: next(iter(more)))
def test_a_header_cannot_bring_its_own_key(server, more):
    good = server.client("alice").token
    header = {"alg": "ES256", "kid": public_key(server)["kid"], "typ": "JWT"}
    if more.get("jwk") == "own":
        more = {"jwk": public_key(server)}
    refused(server, ".".join([b64(json.dumps({**header, **more}).encode())]
                             + good.split(".")[1:]))


@pytest.mark.parametrize("part", [0, 1, 2], ids=["header", "claims",
                                                 "signature"])
def test_a_change_anywhere_is_refused(server, part):
    """Every byte of the decoded part, one bit of it."""
    alice = server.client("alice")
    parts = alice.token.split(".")
    raw = unb64(parts[part])
    client = server.client()
    for i in range(len(raw)):
        changed = raw[:i] + bytes([raw[i] ^ 1]) + raw[i + 1:]
        client.token = ".".join(parts[:part] + [b64(changed)]
                                + parts[part + 1:])
        assert client.get("/services").status_code == 401, i
    assert alice.get("/services").status_code == 200


def test_claims_of_one_under_the_signature_of_another(server):
    alice, admin = server.client("alice"), server.client("admin")
    mixed = alice.token.split(".")
    mixed[1] = admin.token.split(".")[1]
    refused(server, ".".join(mixed))


@pytest.mark.parametrize("change", [
    lambda t: t + "A", lambda t: t[:-1], lambda t: t + ".", lambda t: "." + t,
    lambda t: t + "=", lambda t: t.replace(".", "..", 1),
    lambda t: t + "." + t, lambda t: t.upper(), lambda t: t[::-1],
    lambda t: t.split(".")[0] + "..", lambda t: "..", lambda t: "a.b.c",
    lambda t: t.replace(".", ". ", 1), lambda t: "A" * 5000,
    lambda t: t.split(".")[0] + "." + "A" * 4000 + "." + t.split(".")[2],
    lambda t: "e30.e30." + t.split(".")[2],
], ids=range(16))
def test_a_token_of_another_form_is_refused(server, change):
    refused(server, change(server.client("alice").token))


def test_an_unknown_key_id_is_refused(server):
    good = server.client("alice").token
    for kid in ("nobody's", "", "../keys/signing", "a" * 1000, None, 7):
        header = {"alg": "ES256", "kid": kid, "typ": "JWT"}
        refused(server, ".".join([b64(json.dumps(header).encode())]
                                 + good.split(".")[1:]))


def test_a_token_is_good_for_its_own_state_only(make_httpd):
    """Two virtual hosts, two states: what one gives, the other refuses."""
    def config(httpd):
        return "".join("""
<VirtualHost 127.0.0.1:{port}>
{server}{location}
</VirtualHost>
""".format(port=port, location=location(httpd), server=server_lines(
            httpd, httpd.root / ("state%d" % i), httpd.root / ("run%d" % i)))
            for i, port in enumerate(httpd.ports))
    httpd = make_httpd(ports=2, config=config)
    httpd.start()
    second = httpd.client(port=httpd.ports[1])
    wait_until(lambda: second.get("/readyz").status_code == 200, 30,
               "the second host")
    first = httpd.client("alice")
    assert first.get("/services").status_code == 200
    second.token = first.token
    is_error(second.get("/services"), 401)


# --- keys ---


def ctl(httpd, *words):
    done = subprocess.run(
        [str(env.programs() / "bin" / "mlserverctl"), "--state",
         str(httpd.state), "--run", str(httpd.run)] + list(words),
        capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def kid_of(client):
    return json.loads(unb64(client.token.split(".")[0]))["kid"]


def test_a_new_signing_key_logs_nobody_out(make_httpd):
    httpd = make_httpd()
    httpd.start()
    pair = httpd.client()
    before = pair.login("alice", USERS["alice"])
    for _ in range(3):
        old = kid_of(pair)
        ctl(httpd, "keys", "rotate")
        in_every_child(httpd, pair, 200, 10)
        answer = httpd.client().post("/login/refreshToken", json={
            "refreshToken": before["refresh_token"]})
        assert answer.status_code == 200
        before, pair = answer.json(), httpd.client()
        pair.token = before["access_token"]
        assert kid_of(pair) != old
        in_every_child(httpd, pair, 200, 10)


# --- several servers ---


def shared(httpd):
    return "MLServerTokenAudience cluster-of-tests\n" + default_config(httpd)


def test_servers_that_share_a_key_accept_each_other_s_tokens(make_httpd):
    one, two = make_httpd(config=shared), make_httpd(config=shared)
    one.start()
    two.start()
    first = one.client("alice")
    there = two.client()
    there.token = first.token
    is_error(there.get("/services"), 401)  # the name alone is not enough
    before = two.client("alice")
    ctl(one, "keys", "export", str(one.root / "key"))
    ctl(two, "keys", "import", str(one.root / "key"))
    in_every_child(two, there, 200, 10)
    in_every_child(two, before, 200, 10)  # nobody was logged out
    second = two.client("alice")
    assert kid_of(second) == kid_of(first)
    back = one.client()
    back.token = second.token
    in_every_child(one, back, 200, 10)


def test_a_shared_key_alone_is_not_enough(make_httpd):
    one, two = make_httpd(), make_httpd()
    one.start()
    two.start()
    ctl(one, "keys", "export", str(one.root / "key"))
    ctl(two, "keys", "import", str(one.root / "key"))
    there = two.client()
    there.token = one.client("alice").token
    is_error(there.get("/services"), 401)


def test_one_state_has_one_audience(make_httpd):
    def config(httpd):
        return "".join("""
<VirtualHost 127.0.0.1:{port}>
MLServerTokenAudience name-{port}
{lines}
</VirtualHost>
""".format(port=port, lines=default_config(httpd)) for port in httpd.ports)
    httpd = make_httpd(ports=2, config=config)
    good, text = httpd.configtest()
    assert not good and "MLServerTokenAudience" in text
