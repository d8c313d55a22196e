# SPDX-License-Identifier: Apache-2.0
"""Section 9 of the wire contract with the unmodified published client."""
import json

import pandas
import pytest

from harness import models, sdk
from harness.httpd import USERS

DeployClient, MLServer, HttpException = sdk.load()
FLOWERS = pandas.DataFrame({"Petal.Length": [1.4, 4.5, 6.0],
                            "Petal.Width": [0.2, 1.5, 2.5]})
BLOB = b"blob" + models.iris()


@pytest.fixture(scope="module")
def client(httpd):
    return DeployClient(httpd.url(), use=MLServer,
                        auth=("alice", USERS["alice"]))


def species(answer):
    assert answer.error == "", answer.error
    frame = answer.output("outputData")
    return list(frame["Species"])


def test_deploy_and_consume(client, name):
    service = client.realtime_service(name).version("1.0") \
        .serialized_model(BLOB).description("Iris").deploy()
    assert service.capabilities()["name"] == name
    assert service.capabilities()["version"] == "1.0"
    assert species(service.consume(FLOWERS)) == \
        ["setosa", "versicolor", "virginica"]


def test_an_alias_names_the_method(client, name):
    service = client.realtime_service(name).version("1.0") \
        .serialized_model(BLOB).alias("species").deploy()
    assert species(service.species(FLOWERS))[0] == "setosa"


def test_deploy_without_version_takes_the_newest(client, name):
    first = client.realtime_service(name).serialized_model(BLOB).deploy()
    second = client.realtime_service(name).serialized_model(
        b"blob" + models.iris() + b"\n").deploy()
    versions = [row["version"] for row in client.list_services(name)]
    assert [first.capabilities()["version"],
            second.capabilities()["version"]] == versions
    assert client.get_service(name).capabilities()["version"] == versions[-1]


def test_redeploy(client, name):
    service = client.realtime_service(name).version("1") \
        .serialized_model(b"blob" + models.constant(1)).deploy()
    frame = pandas.DataFrame({"x": [0.0]})
    assert list(service.consume(frame).output("outputData")["y"]) == [1]
    service = client.realtime_service(name).version("1") \
        .serialized_model(b"blob" + models.constant(2)) \
        .description("second").redeploy()
    assert list(service.consume(frame).output("outputData")["y"]) == [2]
    assert service.capabilities()["description"] == "second"


def test_list_get_delete(client, name):
    for version in ("1", "2"):
        client.realtime_service(name).version(version) \
            .serialized_model(BLOB).deploy()
    assert [row["version"] for row in client.list_services(name)] == ["1", "2"]
    assert [row["version"]
            for row in client.list_services(name, version="1")] == ["1"]
    assert {row["name"] for row in client.list_services()} >= {name}
    assert client.delete_service(name, version="1") is True
    with pytest.raises(HttpException) as caught:
        client.get_service(name, version="1")
    assert caught.value.status == 404
    assert json.loads(caught.value.body)["message"]
    with pytest.raises(ValueError):
        client.get_service("no-such-service")


def test_a_taken_version_raises_409(client, name):
    builder = client.realtime_service(name).version("1").serialized_model(BLOB)
    builder.deploy()
    with pytest.raises(HttpException) as caught:
        builder.deploy()
    assert caught.value.status == 409


def test_a_wrong_model_raises_400_with_the_reason(client, name):
    with pytest.raises(HttpException) as caught:
        client.realtime_service(name).version("1") \
            .serialized_model(b"blob what is this").deploy()
    assert caught.value.status == 400
    assert "PMML" in json.loads(caught.value.body)["message"]


def test_missing_cells_and_wrong_columns(client, name):
    service = client.realtime_service(name).version("1") \
        .serialized_model(b"blob" + models.linear(2)).deploy()
    answer = service.consume(pandas.DataFrame({"x": [1.0, 2.0],
                                               "other": ["a", "b"]}))
    assert list(answer.output("outputData")["y"]) == [2, 4]
    with pytest.raises(HttpException) as caught:
        service.consume(pandas.DataFrame({"z": [1.0]}))
    assert caught.value.status == 400
    assert "x" in json.loads(caught.value.body)["message"]


def test_swagger_and_the_answer_s_parts(client, name):
    service = client.realtime_service(name).version("1") \
        .serialized_model(BLOB).alias("species").deploy()
    document = json.loads(service.swagger())
    assert document["info"]["title"] == name
    answer = service.species(FLOWERS)
    assert answer.console_output == ""
    assert answer.artifacts == [] or not answer.artifacts
    assert set(answer.raw_outputs) == {"outputData"}


def test_capabilities(client, name):
    service = client.realtime_service(name).version("1") \
        .serialized_model(BLOB).description("d").alias("run").deploy()
    shown = service.capabilities()
    assert shown["published_by"] == "alice"
    assert shown["runtime"] == "Realtime"
    assert shown["operation_id"] == "run"
    assert shown["api"] == "/api/%s/1" % name


def test_a_token_as_text_and_none(httpd, client):
    token = httpd.client("alice").token
    DeployClient(httpd.url(), use=MLServer, auth=token).list_services()
    with pytest.raises(HttpException) as caught:
        DeployClient(httpd.url(), use=MLServer).list_services()
    assert caught.value.status == 401
    with pytest.raises(HttpException) as caught:
        DeployClient(httpd.url(), use=MLServer, auth=("carol", "wrong"))
    assert caught.value.status == 401
