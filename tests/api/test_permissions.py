# SPDX-License-Identifier: Apache-2.0
"""Every role against every operation, on own and on foreign services.

The operations come from docs/api/openapi.json and from the server itself: one
without an expectation here fails. What is expected is written down again, by
hand, so that a slip in the route table shows."""
import json
import pathlib
import re
import socket

import pytest

from harness import models
from harness.client import is_error
from harness.httpd import Httpd, location, server_lines

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = json.loads((ROOT / "docs" / "api" / "openapi.json").read_text(
    encoding="utf-8"))
OPERATIONS = {body["operationId"]: (method.upper(), path)
              for path, methods in DOCUMENT["paths"].items()
              for method, body in methods.items()
              if method in ("get", "post", "put", "patch", "delete")}

ROLES = ("Owner", "Contributor", "Reader", "none")
#          Owner  Contributor Reader none
ANYONE = ("yes", "yes", "yes", "yes")
LIST = ("yes", "yes", "yes", "no")
PUBLISH = ("yes", "yes", "no", "no")
CHANGE = ("any", "own", "no", "no")
SESSION = ("own", "own", "own", "no")
TOKENS = ("any", "own", "own", "no")
ADMIN = ("yes", "no", "no", "no")

EXPECTED = {
    "login": ANYONE, "renewToken": ANYONE, "revokeRefreshToken": ANYONE,
    "healthz": ANYONE, "readyz": ANYONE, "openapi": ANYONE, "whoAmI": ANYONE,

    "getAllWebServices": LIST, "getAllWebServiceVersionsByName": LIST,
    "getWebServiceVersion": LIST, "GetWebServiceSwagger": LIST,
    "status": LIST, "metrics": LIST, "getServicePoolStatus": LIST,
    "listRuntimes": LIST, "listUsage": LIST, "getServiceUsage": LIST,
    "getServiceModel": LIST, "listLicences": LIST, "listPermissions": LIST,
    "getServicePermissions": LIST, "consume": LIST,

    "publishWebService": PUBLISH, "publishWebServiceVersion": PUBLISH,
    "publishRealtimeWebServiceByName": PUBLISH,
    "publishRealtimeWebServiceByNameVersion": PUBLISH,
    "inspectModel": PUBLISH,

    "deleteWebServiceVersion": CHANGE, "patchWebServiceVersion": CHANGE,
    "patchRealtimeWebServiceByNameVersion": CHANGE,
    "createOrUpdateServicePool": CHANGE, "deleteServicePool": CHANGE,
    "listServiceFailures": CHANGE,

    "createSession": SESSION, "listSessions": SESSION, "executeCode": SESSION,
    "closeSession": SESSION, "closeSessionByForce": SESSION,
    "getSessionConsoleOutput": SESSION, "listSessionHistory": SESSION,
    "cancelSession": SESSION, "uploadSessionFile": SESSION,
    "listSessionFiles": SESSION, "getSessionFile": SESSION,
    "deleteSessionFile": SESSION, "listWorkspaceObjects": SESSION,
    "setWorkspaceObject": SESSION, "getWorkspaceObject": SESSION,
    "deleteWorkspaceObject": SESSION, "CreateSnapshot": SESSION,
    "LoadSnapshot": SESSION, "ListSnapshots": SESSION,
    "GetSnapshotContent": SESSION, "DeleteSnapshot": SESSION,

    "listTokens": TOKENS, "revokeToken": TOKENS, "revokeTokensOfUser": TOKENS,

    "searchAudit": ADMIN, "getRoles": ADMIN, "createRoleMapping": ADMIN,
    "replaceRoleMapping": ADMIN, "deleteRoleMapping": ADMIN,
    "flushMemberships": ADMIN, "explainUser": ADMIN, "listPools": ADMIN,
    "getConfiguration": ADMIN, "getDiagnostics": ADMIN,
    "listAllSessions": ADMIN, "endSession": ADMIN,
}

# Who plays which role; two Contributors, so that each has a colleague.
USERS_OF = {"admin": "Owner", "alice": "Contributor", "bob": "Contributor",
            "carol": "Reader", "dave": "none"}
GUID = "01234567-89ab-4def-8123-456789abcdef"
VALUES = {"id": GUID, "snapshotId": GUID, "fileName": "x", "objectName": "x"}


def everybody_publishes(httpd):
    return server_lines(httpd) + location(
        httpd, extra="MLServerRole Contributor user alice bob carol dave")


def everybody_has_a_role(httpd, extra=""):
    return server_lines(httpd) + location(httpd, extra="""
MLServerRole Contributor user alice bob
MLServerRole Reader user carol
""" + extra)


@pytest.fixture(scope="module")
def server():
    """Everybody has published a service; then roles are given, so that a
    Reader and somebody without a role have one of their own, too."""
    httpd = Httpd(config=everybody_publishes)
    httpd.start()
    for user in USERS_OF:
        client = httpd.client(user)
        answer = client.publish("of-" + user, "1.0", models.iris())
        assert answer.status_code == 201, answer.text
    httpd.stop()
    httpd.write(everybody_has_a_role)
    httpd.start()
    yield httpd
    httpd.remove()


@pytest.fixture(scope="module")
def clients(server):
    return {user: server.client(user) for user in USERS_OF}


def ask(client, operation, of):
    """The operation's request, harmless where it is allowed: nothing that is
    named is there, bodies are no JSON, changes hold another ETag."""
    method, path = OPERATIONS[operation]
    for name, value in dict(VALUES, name="of-" + of, version="1.0").items():
        path = path.replace("{%s}" % name, value)
    options = {"data": "{"} if method in ("POST", "PUT", "PATCH") else {}
    return client.request(method, path, headers={
        "Content-Type": "application/json", "If-Match": '"0"'}, **options)


def test_every_operation_has_an_expectation():
    assert set(OPERATIONS) == set(EXPECTED)


def test_the_server_says_what_is_expected(clients):
    answer = clients["carol"].get("/admin/api/permissions")
    assert answer.status_code == 200
    body = answer.json()
    assert body["roles"] == list(ROLES)
    said = {row["operation"]: tuple(row[role] for role in ROLES)
            for row in body["operations"]}
    assert said == EXPECTED
    assert {row["operation"]: (row["method"], row["path"])
            for row in body["operations"]} == OPERATIONS
    assert tuple(body["code"][role] for role in ROLES) == CHANGE


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
@pytest.mark.parametrize("user", sorted(USERS_OF))
def test_every_role_on_every_operation(clients, operation, user):
    word = EXPECTED[operation][ROLES.index(USERS_OF[user])]
    owners = ["bob" if user == "alice" else "alice"]
    if "{name}" in OPERATIONS[operation][1]:
        owners.append(user)
    for of in owners:
        may = word in ("yes", "any") or word == "own" and (
            of == user or "{name}" not in OPERATIONS[operation][1])
        answer = ask(clients[user], operation, of)
        assert answer.status_code != 500, (of, answer.text)
        if "{id}" in OPERATIONS[operation][1] and may:
            is_error(answer, answer.status_code)  # nothing has that id
        if may:
            # a login with nothing in it is 400, never a refusal
            assert answer.status_code not in (401, 403), (of, answer.text)
            assert answer.status_code < 500, (of, answer.text)
        else:
            is_error(answer, 403)


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_nobody_gets_in_without_a_token(server, operation):
    client = server.client()
    answer = ask(client, operation, "alice")
    client.close()
    if EXPECTED[operation] is ANYONE:
        assert answer.status_code not in (401, 403), answer.text
    else:
        is_error(answer, 401)


@pytest.mark.parametrize("user", [None, "carol"])
@pytest.mark.parametrize("operation", [
    "publishWebService", "publishRealtimeWebServiceByName",
    "patchRealtimeWebServiceByNameVersion", "createOrUpdateServicePool"])
def test_a_refused_body_is_not_read(server, clients, operation, user):
    """The answer comes while a gigabyte is still to be sent, and with it the
    connection's end."""
    method, path = OPERATIONS[operation]
    path = path.replace("{name}", "of-alice").replace("{version}", "1.0")
    head = "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n" % (
        method, path)
    if user:
        head += "Authorization: Bearer %s\r\n" % clients[user].token
    with socket.create_connection(("127.0.0.1", server.port), 10) as sock:
        sock.sendall((head + "\r\n").encode() + b"x" * 100000)
        answer = b""
        while True:
            try:
                more = sock.recv(65536)
            except ConnectionResetError:  # what was sent was not read
                break
            if not more:
                break
            answer += more
    assert answer.startswith(b"HTTP/1.1 %d " % (403 if user else 401))
    assert re.search(rb"\r\nconnection: ([a-z]+, )*close\r\n",
                     answer.lower()), answer


def test_nothing_was_changed_by_asking(clients):
    services = {(row["name"], row["versionPublishedBy"])
                for row in clients["admin"].get("/services").json()}
    assert services == {("of-" + user, user) for user in USERS_OF}


# --- one service ---


@pytest.mark.parametrize("user", sorted(USERS_OF))
def test_my_permission_on_a_service(clients, user):
    if USERS_OF[user] == "none":
        is_error(clients[user].get("/services"), 403)
        return
    rows = clients[user].get("/services").json()
    writes = {row["name"] for row in rows
              if row["myPermissionOnService"] == "read/write"}
    assert writes == {"Owner": {"of-" + name for name in USERS_OF},
                      "Contributor": {"of-" + user},
                      "Reader": set()}[USERS_OF[user]]


CODE = {"description": "d", "code": "y = x + 1", "initCode": "z = 1",
        "runtimeType": "Python", "inputParameterDefinitions": [
            {"name": "x", "type": "numeric"}],
        "outputParameterDefinitions": [{"name": "y", "type": "numeric"}]}


def test_code_is_seen_by_its_publisher_and_owners_only(clients):
    answer = clients["alice"].post("/services/secret-code/1.0", json=CODE)
    assert answer.status_code == 201, answer.text
    try:
        for user in ("admin", "alice", "bob", "carol"):
            for path in ("/services", "/services/secret-code",
                         "/services/secret-code/1.0"):
                answer = clients[user].get(path)
                row = [row for row in answer.json()
                       if row["name"] == "secret-code"][0]
                seen = user in ("admin", "alice")
                assert (row["code"] is not None) == seen, (user, path)
                assert (row["initCode"] is not None) == seen, (user, path)
                assert ("y = x + 1" in answer.text) == seen, (user, path)
    finally:
        clients["alice"].delete("/services/secret-code/1.0")


def test_permissions_of_a_service(clients):
    answer = clients["carol"].get(
        "/admin/api/services/of-alice/1.0/permissions")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["owner"] == "alice" and body["provider"] == "file"
    rows = {row["who"]: row["may"] for row in body["rows"]}
    everything = ["read", "consume", "change", "delete", "code"]
    assert rows == {"alice": everything, "you": ["read", "consume"],
                    "every Owner": everything,
                    "every other Contributor": ["read", "consume"],
                    "every Reader": ["read", "consume"],
                    "everybody else": []}
    assert all(row["why"] for row in body["rows"])
    mine = clients["alice"].get(
        "/admin/api/services/of-alice/1.0/permissions").json()
    assert [row["may"] for row in mine["rows"] if row["who"] == "you"] == \
        [everything]
    is_error(clients["alice"].get(
        "/admin/api/services/of-nobody/1.0/permissions"), 404)


# --- sessions for Contributors only ---


def test_sessions_can_be_kept_from_readers(make_httpd):
    httpd = make_httpd(config=lambda server: everybody_has_a_role(
        server, "MLServerSessionRole Contributor\n"))
    httpd.start()
    for user, may in (("admin", True), ("alice", True), ("carol", False)):
        client = httpd.client(user)
        for operation, words in EXPECTED.items():
            if words is SESSION:
                status = ask(client, operation, user).status_code
                assert (status != 403) == may, (user, operation, status)
    said = httpd.client("carol").get("/admin/api/permissions").json()
    for row in said["operations"]:
        if EXPECTED[row["operation"]] is SESSION:
            assert (row["Contributor"], row["Reader"]) == ("own", "no"), row
