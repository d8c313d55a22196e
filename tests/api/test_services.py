# SPDX-License-Identifier: Apache-2.0
"""GET /services[/{name}[/{version}]], DELETE /services/{name}/{version}."""
import re
import uuid

import pytest

from harness import models
from harness.client import is_error

pytestmark = pytest.mark.smoke


def test_the_list_needs_a_token(nobody):
    is_error(nobody.get("/services"), 401)
    is_error(nobody.get("/services/x"), 401)
    is_error(nobody.get("/services/x/1"), 401)


def test_a_version_has_the_contract_s_members(alice, iris):
    body = alice.get("/services/%s/%s" % iris).json()
    assert isinstance(body, list) and len(body) == 1
    row = body[0]
    assert (row["name"], row["version"]) == iris
    assert row["description"] == "Iris species"
    assert row["versionPublishedBy"] == "alice"
    assert row["runtimeType"] == "Realtime"
    assert row["operationId"] is None
    assert row["inputParameterDefinitions"] == [
        {"name": "inputData", "type": "data.frame"}]
    assert row["outputParameterDefinitions"] == [
        {"name": "outputData", "type": "data.frame"}]
    assert row["outputFileNames"] == []
    uuid.UUID(row["snapshotId"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}",
                        row["creationTime"]), row["creationTime"]
    assert "myPermissionOnService" in row


def test_others_see_the_service_with_less_permission(alice, bob, iris):
    path = "/services/%s/%s" % iris
    mine = alice.get(path).json()[0]["myPermissionOnService"]
    his = bob.get(path).json()[0]["myPermissionOnService"]
    assert mine != his


def test_lists_are_oldest_to_newest(alice, name, iris_model):
    versions = ["2.0", "1.0", "10", "b", "a"]
    for version in versions:
        assert alice.publish(name, version, iris_model).status_code == 201
    listed = [row["version"] for row in alice.get("/services/" + name).json()]
    assert listed == versions
    everything = [row["version"] for row in alice.get("/services").json()
                  if row["name"] == name]
    assert everything == versions


def test_a_redeploy_does_not_change_the_order(alice, name, iris_model):
    for version in ("1", "2"):
        alice.publish(name, version, iris_model)
    assert alice.redeploy(name, "1", description="again").status_code == 200
    assert [row["version"] for row in alice.get("/services/" + name).json()] \
        == ["1", "2"]


def test_an_unknown_name_is_an_empty_list(alice):
    answer = alice.get("/services/no-such-service")
    assert answer.status_code == 200 and answer.json() == []


def test_an_unknown_version_is_404(alice, iris):
    message = is_error(alice.get("/services/%s/none" % iris[0]), 404)
    assert "none" in message
    is_error(alice.get("/services/no-such-service/1"), 404)


def test_delete_takes_the_version_away(alice, name, iris_model):
    alice.publish(name, "1", iris_model)
    alice.publish(name, "2", iris_model)
    answer = alice.delete("/services/%s/1" % name)
    assert answer.status_code == 200
    is_error(alice.get("/services/%s/1" % name), 404)
    assert [row["version"] for row in alice.get("/services/" + name).json()] \
        == ["2"]
    is_error(alice.score(name, "1", {"Petal.Length": [1], "Petal.Width": [1]}),
             404)
    is_error(alice.delete("/services/%s/1" % name), 404)


def test_a_deleted_version_can_be_published_again(alice, name):
    alice.publish(name, "1", models.constant(1))
    alice.delete("/services/%s/1" % name)
    assert alice.publish(name, "1", models.constant(2)).status_code == 201
    assert alice.scored(name, "1", {"x": [0]}) == {"y": [2]}


def test_only_the_creator_or_an_owner_deletes(alice, bob, admin, name,
                                              iris_model):
    alice.publish(name, "1", iris_model)
    message = is_error(bob.delete("/services/%s/1" % name), 403)
    assert name in message or "alice" in message or "own" in message.lower()
    assert alice.get("/services/%s/1" % name).status_code == 200
    assert admin.delete("/services/%s/1" % name).status_code == 200


def test_delete_honours_if_match(alice, name, iris_model):
    alice.publish(name, "1", iris_model)
    old = alice.get("/services/%s/1" % name).headers["ETag"]
    alice.redeploy(name, "1", description="newer")
    is_error(alice.delete("/services/%s/1" % name,
                          headers={"If-Match": old}), 412)
    new = alice.get("/services/%s/1" % name).headers["ETag"]
    assert new != old
    assert alice.delete("/services/%s/1" % name,
                        headers={"If-Match": new}).status_code == 200


def test_if_none_match_answers_304(alice, iris):
    path = "/services/%s/%s" % iris
    etag = alice.get(path).headers["ETag"]
    answer = alice.get(path, headers={"If-None-Match": etag})
    assert answer.status_code == 304 and answer.content == b""


@pytest.mark.parametrize("method,path,allow", [
    ("PUT", "/services", {"GET"}),
    ("PUT", "/services/x/1", {"GET", "DELETE"}),
    ("DELETE", "/services", {"GET"}),
    ("POST", "/status", {"GET"}),
])
def test_a_wrong_method_is_405_with_allow(alice, method, path, allow):
    answer = alice.request(method, path)
    is_error(answer, 405)
    assert allow <= set(answer.headers["Allow"].replace(" ", "").split(","))


@pytest.mark.parametrize("path", [
    "/", "/nonsense", "/services/a/b/c/d", "/api", "/api/x", "/apix/y/z",
    "/realtime-services", "/services//1", "/login/other",
])
def test_an_unknown_path_is_404_with_the_error_object(alice, path):
    is_error(alice.get(path), 404)


@pytest.mark.parametrize("bad", ["%00", "a%0ab", "%ff%fe", "%c0%af", "..%5c",
                                 "x" * 300])
def test_an_impossible_name_is_refused(alice, bad):
    answer = alice.get("/services/%s/1" % bad)
    assert answer.status_code in (400, 404), answer.text


def test_a_name_with_blanks_and_other_letters_works(alice, iris_model):
    path = "/services/Gr%C3%B6%C3%9Fe%20zwei/v%201"
    answer = alice.post("/realtime-services/Gr%C3%B6%C3%9Fe%20zwei/v%201",
                        files={"model": ("model", iris_model)})
    assert answer.status_code == 201, answer.text
    row = alice.get(path).json()[0]
    assert (row["name"], row["version"]) == ("Größe zwei", "v 1")
    answer = alice.post("/api/Gr%C3%B6%C3%9Fe%20zwei/v%201", json={
        "inputData": {"Petal.Length": [1.4], "Petal.Width": [0.2]}})
    assert answer.json()["outputParameters"]["outputData"]["Species"] \
        == ["setosa"]
    assert alice.delete(path).status_code == 200


def test_get_and_delete_ignore_content_type_and_accept(alice, name,
                                                       iris_model):
    """The client sends both on every call, also without a body."""
    headers = {"Content-Type": "application/json",
               "Accept": "application/json"}
    alice.publish(name, "1", iris_model)
    assert alice.get("/services", headers=headers).status_code == 200
    assert alice.delete("/services/%s/1" % name,
                        headers=headers).status_code == 200


def test_a_standard_service_is_refused_in_words(alice, name):
    """Until it is built, publishing code must not look as if it worked."""
    answer = alice.post("/services/%s/1" % name, json={
        "code": "y = 1", "runtimeType": "Python", "snapshotId": ""})
    assert answer.status_code in (201, 404, 405, 501)
    if answer.status_code != 201:
        assert answer.json()["message"]


def test_head_of_a_list_has_no_body(alice):
    answer = alice.request("HEAD", "/services")
    assert answer.status_code == 200 and answer.content == b""
