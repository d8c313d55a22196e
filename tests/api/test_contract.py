# SPDX-License-Identifier: Apache-2.0
"""Every operation of the product's API file that this server has answers with
the status and the shape that the file states."""
import io
import json
import zipfile

import jsonschema
import pytest

from harness import env, models

REFERENCE = env.ROOT.parent / "shared/reference/mlserver-swagger-9.3.0.json"
# Nodes are configured, not registered: the server has none to list.
NOT_HERE = {"getComputeNodes", "setComputeNodes", "addComputeNode",
            "removeComputeNode"}


def nullable(schema):
    """The product says null where its file says string: so may we. The file's
    additional "object" stands for any value: a Swagger document's members are
    texts and arrays, too."""
    if isinstance(schema, list):
        return [nullable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: nullable(value) for key, value in schema.items()}
    if schema.get("additionalProperties", {}).get("type") == "object":
        made["additionalProperties"] = {}
    if isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    if "enum" in made:
        made["enum"] = made["enum"] + [None]
    return made


class Contract:
    """The operations of the file, and which of them were called."""

    def __init__(self, text):
        document = json.loads(text)
        self.definitions = nullable(document["definitions"])
        # A workspace object's value is any JSON.
        self.definitions["WorkspaceObject"]["properties"]["value"] = {}
        # The file has a text; its examples, and the product, a number.
        self.definitions["AccessTokenResponse"]["properties"].pop(
            "expires_on")
        self.operations = {
            operation["operationId"]: (method.upper(), path, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
            if method != "parameters"}
        self.called = set()

    def call(self, client, operation, wanted=None, headers=None, **values):
        """Call it; returns the answer, whose status and body fit."""
        method, path, described = self.operations[operation]
        body = values.pop("body", {})
        answer = client.request(method, path.format(**values),
                                headers=headers, **body)
        expected = [code for code in described["responses"]
                    if code != "default"]
        if wanted:
            assert answer.status_code == wanted, answer.text
            schema = described["responses"]["default"]["schema"]
        else:
            assert str(answer.status_code) in expected, (
                operation, answer.status_code, answer.text)
            schema = described["responses"][expected[0]].get("schema")
        if schema and schema.get("type") != "file":
            self.check(answer.json(), schema)
        self.called.add(operation)
        return answer

    def check(self, value, schema):
        # Ours say more than the file: further members are welcome.
        jsonschema.validate(value, {**nullable(schema),
                                    "definitions": self.definitions})


@pytest.fixture(scope="module")
def contract():
    if not REFERENCE.exists():
        pytest.skip("the product's API file is not beside the project")
    return Contract(REFERENCE.read_text())


def test_login(contract, httpd):
    client = httpd.client()
    answer = contract.call(client, "login", body={"json": {
        "username": "alice", "password": httpd_password("alice")}}).json()
    renewed = contract.call(client, "renewToken", body={"json": {
        "refreshToken": answer["refresh_token"]}}).json()
    contract.call(client, "revokeRefreshToken", body={"params": {
        "refreshToken": renewed["refresh_token"]}})
    contract.call(client, "login", 401, body={"json": {
        "username": "alice", "password": "wrong"}})
    contract.call(client, "getAllWebServices", 401)


def httpd_password(user):
    from harness.httpd import USERS
    return USERS[user]


def test_standard_services(contract, alice, bob, name):
    published = {"json": {
        "code": "y = x", "runtimeType": "Python", "description": "d",
        "inputParameterDefinitions": [{"name": "x", "type": "numeric"}],
        "outputParameterDefinitions": [{"name": "y", "type": "numeric"}]}}
    version = contract.call(alice, "publishWebService", name=name,
                            body=published).json()
    assert isinstance(version, str)
    at = {"name": name, "version": "1"}
    contract.call(alice, "publishWebServiceVersion", body=published, **at)
    contract.call(alice, "publishWebServiceVersion", 409, body=published,
                  **at)
    contract.call(alice, "patchWebServiceVersion", **at,
                  body={"json": {"description": "e"}})
    contract.call(bob, "patchWebServiceVersion", 403, **at,
                  body={"json": {"description": "mine"}})
    contract.call(alice, "getAllWebServices")
    rows = contract.call(alice, "getAllWebServiceVersionsByName",
                         name=name).json()
    assert len(rows) == 2 and rows[-1]["version"] == "1"
    contract.call(alice, "getWebServiceVersion", **at)
    contract.call(alice, "getWebServiceVersion", 404, name=name,
                  version="none")
    contract.call(alice, "GetWebServiceSwagger", **at)
    contract.call(bob, "deleteWebServiceVersion", 403, **at)
    contract.call(alice, "deleteWebServiceVersion", **at)
    contract.call(alice, "deleteWebServiceVersion", 404, **at)


def test_pools(contract, alice, bob, name):
    at = {"name": name, "version": "1"}
    if "createOrUpdateServicePool" not in served(alice):
        pytest.skip("this build has no operations for pools")
    contract.call(alice, "publishWebServiceVersion",
                  body={"json": {"code": "y = 1", "runtimeType": "Python"}},
                  **at)
    sizes = {"json": {"InitialPoolSize": 1, "MaxPoolSize": 2}}
    contract.call(alice, "createOrUpdateServicePool", body=sizes, **at)
    contract.call(bob, "createOrUpdateServicePool", 403, body=sizes, **at)
    contract.call(alice, "createOrUpdateServicePool", 400, **at, body={
        "json": {"InitialPoolSize": 3, "MaxPoolSize": 2}})
    contract.call(alice, "getServicePoolStatus", **at)
    contract.call(alice, "deleteServicePool", **at)
    contract.call(alice, "getServicePoolStatus", 404, name=name,
                  version="none")


def served(client):
    """The operations of this server's own document."""
    return {operation.get("operationId")
            for methods in client.get("/openapi.json").json()["paths"].values()
            for operation in methods.values() if isinstance(operation, dict)}


def test_realtime_services(contract, alice, bob, name):
    files = {"files": {"model": ("model", models.linear(2)),
                       "description": (None, "d")}}
    version = contract.call(alice, "publishRealtimeWebServiceByName",
                            name=name, body=files).json()
    assert isinstance(version, str)
    at = {"name": name, "version": "1"}
    contract.call(alice, "publishRealtimeWebServiceByNameVersion", body=files,
                  **at)
    contract.call(alice, "patchRealtimeWebServiceByNameVersion", **at, body={
        "files": {"description": (None, "e")}})
    contract.call(bob, "patchRealtimeWebServiceByNameVersion", 403, **at,
                  body={"files": {"description": (None, "mine")}})
    row = contract.call(alice, "getWebServiceVersion", **at).json()[0]
    assert row["runtimeType"] == "Realtime" and row["description"] == "e"


def test_sessions(contract, alice, bob):
    session = contract.call(alice, "createSession", body={"json": {
        "runtimeType": "Python", "name": "mine"}}).json()["sessionId"]
    at = {"id": session}
    contract.call(alice, "listSessions")
    contract.call(alice, "executeCode", **at, body={"json": {
        "code": "print(x); y = {'k': [x]}; open('f.txt', 'w').write('t')",
        "inputParameters": [{"name": "x", "value": 3}],
        "outputParameters": ["y"]}})
    shown = contract.call(alice, "getSessionConsoleOutput", **at).json()
    assert shown["consoleOutput"] == "3\n"
    assert len(contract.call(alice, "listSessionHistory", **at).json()) == 1
    contract.call(alice, "uploadSessionFile", **at,
                  body={"files": {"file": ("up.bin", b"\0\1")}})
    assert sorted(contract.call(alice, "listSessionFiles", **at).json()) == [
        "f.txt", "up.bin"]
    assert contract.call(alice, "getSessionFile", fileName="up.bin",
                         **at).content == b"\0\1"
    contract.call(alice, "deleteSessionFile", fileName="up.bin", **at)
    contract.call(alice, "getSessionFile", 404, fileName="up.bin", **at)
    dilled = contract.call(alice, "getWorkspaceObject", objectName="x",
                           **at).content
    contract.call(alice, "setWorkspaceObject", objectName="z", **at,
                  headers={"Content-Type": "application/octet-stream"},
                  body={"data": dilled})
    assert "z" in contract.call(alice, "listWorkspaceObjects", **at).json()
    contract.call(alice, "deleteWorkspaceObject", objectName="z", **at)
    contract.call(alice, "cancelSession", **at)
    contract.call(bob, "executeCode", 404, **at,
                  body={"json": {"code": "1"}})
    snapshot = contract.call(alice, "CreateSnapshot", **at, body={
        "json": {"name": "kept"}}).json()["snapshotId"]
    contract.call(alice, "LoadSnapshot", snapshotId=snapshot, **at)
    listed = contract.call(alice, "ListSnapshots").json()
    assert {"kept"} == {s["name"] for s in listed if s["id"] == snapshot}
    content = contract.call(alice, "GetSnapshotContent", id=snapshot).content
    assert any(member.endswith("f.txt") for member in zipfile.ZipFile(
        io.BytesIO(content)).namelist())
    contract.call(bob, "GetSnapshotContent", 404, id=snapshot)
    contract.call(alice, "closeSession", **at)
    again = contract.call(alice, "createSession", body={"json": {
        "runtimeType": "Python", "snapshotId": snapshot}}).json()["sessionId"]
    contract.call(alice, "DeleteSnapshot", id=snapshot)
    contract.call(alice, "closeSessionByForce", id=again)
    contract.call(alice, "closeSession", 404, id=again)


def test_status(contract, admin):
    answer = contract.call(admin, "status").json()
    assert answer["statusCode"] == "pass"


def test_every_operation_was_called(contract, alice):
    """Runs last: what the file names and this server has, the tests above
    have called."""
    missing = set(contract.operations) - contract.called - NOT_HERE
    assert missing - (set(contract.operations) - served(alice)) == set()
