# SPDX-License-Identifier: Apache-2.0
"""POST and PATCH /realtime-services/{name}[/{version}]."""
import gzip
import hashlib
import io
import json
import struct
import uuid
import zipfile

import pytest

from harness import models
from harness.client import is_error

pytestmark = pytest.mark.smoke

FLOWERS = {"Petal.Length": [1.4, 4.5, 6.0], "Petal.Width": [0.2, 1.5, 2.5]}


def test_publish_and_score(alice, name, iris_model):
    answer = alice.publish(name, "1.0", iris_model)
    assert answer.status_code == 201, answer.text
    assert isinstance(answer.json(), str)
    assert alice.scored(name, "1.0", FLOWERS)["Species"] == \
        ["setosa", "versicolor", "virginica"]


def test_publish_names_where_it_is(alice, name, iris_model):
    answer = alice.publish(name, "1.0", iris_model)
    location = answer.headers.get("Location", "")
    assert location.endswith("/%s/1.0" % name), location
    assert location.startswith(("/", alice.base))


def test_publish_without_version_makes_a_guid(alice, name, iris_model):
    for _ in range(2):
        answer = alice.publish(name, None, iris_model)
        assert answer.status_code == 201, answer.text
        answer.json()
    listed = [row["version"] for row in alice.get("/services/" + name).json()]
    assert len(listed) == 2
    for version in listed:
        uuid.UUID(version)
        assert alice.score(name, version, FLOWERS).status_code == 200


def test_publish_refuses_a_taken_version(alice, name):
    assert alice.publish(name, "1", models.constant(1)).status_code == 201
    message = is_error(alice.publish(name, "1", models.constant(2)), 409)
    assert name in message and "1" in message
    assert alice.scored(name, "1", {"x": [0]}) == {"y": [1]}


def test_another_user_may_publish_another_version(alice, bob, name,
                                                  iris_model):
    """Default permissions: any authenticated user publishes."""
    alice.publish(name, "1", iris_model)
    assert bob.publish(name, "2", iris_model).status_code == 201
    rows = alice.get("/services/" + name).json()
    assert [row["versionPublishedBy"] for row in rows] == ["alice", "bob"]


def test_publish_needs_a_token(nobody, name, iris_model):
    is_error(nobody.publish(name, "1", iris_model), 401)
    is_error(nobody.redeploy(name, "1", iris_model), 401)


def test_alias_and_description_are_kept(alice, name, iris_model):
    alice.publish(name, "1", iris_model, description="Ä → ok \u20ac",
                  alias="species")
    row = alice.get("/services/%s/1" % name).json()[0]
    assert row["operationId"] == "species"
    assert row["description"] == "Ä → ok \u20ac"


def test_description_may_be_left_out(alice, name, iris_model):
    assert alice.publish(name, "1", iris_model,
                         description=None).status_code == 201
    row = alice.get("/services/%s/1" % name).json()[0]
    assert row["description"] in (None, "")


@pytest.mark.parametrize("model", [
    b"", b"blob", b"not a model", b"\0" * 100, b"<PMML>",
    b"<?xml version='1.0'?><html/>", b"\x80\x04\x95pickle", b"{}",
    b"PK\x03\x04 not a zip", b"\x1f\x8b not gzip", b"blobMLS1" + b"\xff" * 40,
], ids=repr)
def test_publish_refuses_what_is_no_model(alice, name, model):
    message = is_error(alice.publish(name, "1", model), 400)
    assert len(message) > 10
    is_error(alice.get("/services/%s/1" % name), 404)


def test_the_reason_names_the_element_and_line(alice, name):
    lines = models.linear(1).decode().replace(
        "<RegressionTable", "\n<Surprise/>\n<RegressionTable")
    message = is_error(alice.publish(name, "1", lines.encode()), 400)
    assert "Surprise" in message and "line" in message, message


@pytest.mark.parametrize("text", [
    b"<?xml version='1.0'?><!DOCTYPE PMML [<!ENTITY a 'x'>]><PMML/>",
    b"<?xml version='1.0'?><!DOCTYPE PMML SYSTEM 'file:///etc/passwd'><PMML/>",
    b"<?xml version='1.0'?><!DOCTYPE l [<!ENTITY a 'aaaaaaaaaa'>"
    b"<!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;'>]>"
    b"<PMML>&c;</PMML>",
    b"<PMML>" + b"<a>" * 100_000,
], ids=["entity", "external", "bomb", "deep"])
def test_hostile_xml_is_refused(alice, name, text):
    message = is_error(alice.publish(name, "1", text), 400)
    assert "root:" not in message


def test_zip_and_gzip_are_unpacked(alice, name, iris_model):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.pmml", iris_model)
    for version, data in (("zip", packed.getvalue()),
                          ("gzip", gzip.compress(iris_model)),
                          ("blob", b"blob" + iris_model)):
        answer = alice.publish(name, version, data)
        assert answer.status_code == 201, (version, answer.text)
        assert alice.scored(name, version, FLOWERS)["Species"][2] == "virginica"


def test_an_unpacking_bomb_is_refused(alice, name):
    bomb = gzip.compress(b"<PMML>" + b" " * 200_000_000, 9)
    is_error(alice.publish(name, "1", bomb), 400)


def container(model, format="pmml", verify=None, **changes):
    """The bytes that rx_serialize_model writes (model-container.md)."""
    part = {"name": "model", "format": format, "size": len(model),
            "sha256": hashlib.sha256(model).hexdigest()}
    part.update(changes)
    manifest = {"function": "rx_lin_mod", "producer": "test", "parts": [part],
                "inputs": [{"name": "x", "type": "numeric"}],
                "outputs": [{"name": "y", "type": "numeric"}],
                "somethingUnknown": 1}
    if verify:
        manifest["verify"] = verify
    text = json.dumps(manifest).encode()
    return b"blobMLS1" + struct.pack("<I", len(text)) + text + model


def test_a_container_is_taken(alice, name):
    answer = alice.publish(name, "1", container(models.linear(2, 1)))
    assert answer.status_code == 201, answer.text
    assert alice.scored(name, "1", {"x": [1, 2]}) == {"y": [3, 5]}


@pytest.mark.parametrize("changes", [{"size": 5}, {"sha256": "0" * 64},
                                     {"size": 2 ** 40}, {"format": "magic"}],
                         ids=["short", "digest", "huge", "format"])
def test_a_container_with_a_wrong_manifest_is_refused(alice, name, changes):
    is_error(alice.publish(name, "1", container(models.linear(2), **changes)),
             400)


def test_a_container_s_own_answers_are_verified(alice, name):
    good = {"inputs": {"x": [1, 2]}, "outputs": {"y": [2, 4]}}
    bad = {"inputs": {"x": [1, 2]}, "outputs": {"y": [2, 5]}}
    assert alice.publish(name, "1", container(
        models.linear(2), verify=good)).status_code == 201
    message = is_error(alice.publish(name, "2", container(
        models.linear(2), verify=bad)), 400)
    assert "y" in message and "5" in message and "4" in message, message


@pytest.mark.parametrize("verify", [
    b"x,y\n1,2\n2,4\n",
    b'{"inputs": {"x": [1, 2]}, "outputs": {"y": [2, 4]}}',
], ids=["csv", "json"])
def test_a_verify_part_that_agrees(alice, name, verify):
    answer = alice.publish(name, "1", models.linear(2), verify=verify)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("verify", [
    b"x,y\n1,2\n2,5\n",
    b'{"inputs": {"x": [1, 2]}, "outputs": {"y": [2, 5]}}',
    b"x,y\n1\n", b"z,y\n1,2\n", b"{", b"",
], ids=["csv", "json", "ragged", "columns", "syntax", "empty"])
def test_a_verify_part_that_disagrees(alice, name, verify):
    is_error(alice.publish(name, "1", models.linear(2), verify=verify), 400)
    is_error(alice.get("/services/%s/1" % name), 404)


# --- the multipart body ---

def multipart(*parts, boundary="b0und"):
    out = b""
    for head, body in parts:
        out += b"--" + boundary.encode() + b"\r\n" + head + b"\r\n\r\n" + body \
            + b"\r\n"
    return out + b"--" + boundary.encode() + b"--\r\n"


MODEL_HEAD = b'Content-Disposition: form-data; name="model"; filename="model"'


def post_raw(client, name, body, content_type="multipart/form-data; "
             "boundary=b0und"):
    return client.post("/realtime-services/%s/1" % name, data=body,
                       headers={"Content-Type": content_type})


def test_a_hand_made_multipart_body(alice, name, iris_model):
    answer = post_raw(alice, name, multipart(
        (b'Content-Disposition: form-data; name="description"', b"words"),
        (MODEL_HEAD + b"\r\nContent-Type: application/xml", iris_model)))
    assert answer.status_code == 201, answer.text


def test_a_preamble_and_a_quoted_boundary(alice, name, iris_model):
    body = b"ignored\r\n" + multipart((MODEL_HEAD, iris_model))
    answer = post_raw(alice, name, body,
                      'multipart/form-data; charset=utf-8; boundary="b0und"')
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("body", [
    b"", b"--b0und--\r\n", b"--b0und\r\n", b"no boundary at all",
    b"--b0und\r\n" + MODEL_HEAD + b"\r\n\r\n<PMML",
    b"--b0und\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b0und--\r\n",
    b"--b0und\r\n" + b"X: y\r\n" * 20_000 + b"\r\nx\r\n--b0und--\r\n",
    b"--b0und\r\nA: " + b"y" * 200_000 + b"\r\n\r\nx\r\n--b0und--\r\n",
], ids=["empty", "no parts", "cut", "plain", "no end", "no name",
        "many headers", "long header"])
def test_a_broken_multipart_body_is_400(alice, name, body):
    is_error(post_raw(alice, name, body), 400)


def test_a_body_of_another_type_is_415(alice, name, iris_model):
    for kind in ("application/json", "text/plain",
                 "application/x-www-form-urlencoded"):
        is_error(post_raw(alice, name, iris_model, kind), 415)


def test_multipart_without_boundary_is_400(alice, name, iris_model):
    is_error(post_raw(alice, name, iris_model, "multipart/form-data"), 400)


def test_missing_and_doubled_parts(alice, name, iris_model):
    message = is_error(alice.publish(name, "1", None), 400)
    assert "model" in message
    is_error(post_raw(alice, name, multipart((MODEL_HEAD, iris_model),
                                             (MODEL_HEAD, iris_model))), 400)


@pytest.mark.parametrize("alias", ["", "a b", "1x", "a/b", "x" * 300, "a\nb"])
def test_an_alias_must_be_an_identifier_or_is_dropped(alice, name, iris_model,
                                                      alias):
    """An empty operationId would make the client build a nameless method."""
    answer = alice.publish(name, "1", iris_model, alias=alias)
    if answer.status_code == 201:
        assert alice.get("/services/%s/1" % name).json()[0]["operationId"] \
            != ""
    else:
        is_error(answer, 400)


@pytest.mark.parametrize("bad", ["a%20%0d", "%01", "x" * 300, "a%2f"])
def test_an_impossible_name_is_400(alice, iris_model, bad):
    answer = alice.publish(bad, "1", iris_model)
    assert answer.status_code in (400, 404), answer.text


# --- PATCH ---

def test_redeploy_replaces_the_model(alice, name):
    alice.publish(name, "1", models.constant(1), description="one",
                  alias="get")
    answer = alice.redeploy(name, "1", models.constant(2))
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json(), str)
    assert alice.scored(name, "1", {"x": [0]}) == {"y": [2]}
    row = alice.get("/services/%s/1" % name).json()[0]
    assert (row["description"], row["operationId"]) == ("one", "get")


def test_redeploy_of_the_description_keeps_the_model(alice, name):
    alice.publish(name, "1", models.constant(7), description="one")
    before = alice.get("/services/%s/1" % name).json()[0]
    assert alice.redeploy(name, "1", description="two").status_code == 200
    after = alice.get("/services/%s/1" % name).json()[0]
    assert after["description"] == "two"
    assert after["creationTime"] == before["creationTime"]
    assert alice.scored(name, "1", {"x": [0]}) == {"y": [7]}


def test_redeploy_with_a_bad_model_changes_nothing(alice, name):
    alice.publish(name, "1", models.constant(7), description="one")
    is_error(alice.redeploy(name, "1", b"nonsense", description="two"), 400)
    row = alice.get("/services/%s/1" % name).json()[0]
    assert row["description"] == "one"
    assert alice.scored(name, "1", {"x": [0]}) == {"y": [7]}


def test_redeploy_of_what_is_not_there_is_404(alice, name, iris_model):
    is_error(alice.redeploy(name, "1", iris_model), 404)


def test_only_the_creator_or_an_owner_redeploys(alice, bob, admin, name):
    alice.publish(name, "1", models.constant(1))
    is_error(bob.redeploy(name, "1", models.constant(2)), 403)
    assert alice.scored(name, "1", {"x": [0]}) == {"y": [1]}
    assert admin.redeploy(name, "1", models.constant(3)).status_code == 200
    row = alice.get("/services/%s/1" % name).json()[0]
    assert row["versionPublishedBy"] == "alice"


def test_redeploy_honours_if_match(alice, name):
    alice.publish(name, "1", models.constant(1))
    old = alice.get("/services/%s/1" % name).headers["ETag"]
    assert alice.redeploy(name, "1", models.constant(2), headers={
        "If-Match": old}).status_code == 200
    is_error(alice.redeploy(name, "1", models.constant(3), headers={
        "If-Match": old}), 412)
    assert alice.scored(name, "1", {"x": [0]}) == {"y": [2]}
    assert alice.redeploy(name, "1", models.constant(4), headers={
        "If-Match": "*"}).status_code == 200


def test_the_same_bytes_may_back_many_versions(alice, name):
    model = models.constant(5)
    for version in ("1", "2", "3"):
        assert alice.publish(name, version, model).status_code == 201
    for version in ("1", "2"):
        assert alice.delete("/services/%s/%s" % (name, version)
                            ).status_code == 200
    assert alice.scored(name, "3", {"x": [0]}) == {"y": [5]}


def test_patch_without_a_version_is_405(alice, name, iris_model):
    answer = alice.publish(name, None, iris_model, method="PATCH")
    assert answer.status_code in (404, 405)
