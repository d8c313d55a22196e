# SPDX-License-Identifier: Apache-2.0
"""GET /api/{name}/{version}/swagger.json and GET /openapi.json."""
import pytest
from swagger_spec_validator.validator20 import validate_spec

from harness import models
from harness.client import is_error


@pytest.fixture(scope="module")
def document(alice):
    assert alice.publish("swag", "1.0", models.typed(), alias="price",
                         description="A price").status_code == 201
    answer = alice.get("/api/swag/1.0/swagger.json")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    return answer.json()


def test_it_is_valid_swagger_2(document):
    assert document["swagger"] == "2.0"
    validate_spec(document)


def test_it_names_the_service(document):
    assert document["info"]["title"] == "swag"
    assert document["info"]["version"] == "1.0"
    assert document["info"]["description"] == "A price"


def test_it_has_the_consume_operation(document):
    consume = document["paths"]["/api/swag/1.0"]["post"]
    assert consume["operationId"] == "price"
    assert {"200", "400", "500"} <= set(consume["responses"])
    assert "/login" in document["paths"]
    assert "Bearer" in document["securityDefinitions"]
    assert {"InputParameters", "OutputParameters", "WebServiceResult", "Error",
            "LoginRequest", "AccessTokenResponse"} <= \
        set(document["definitions"])


def texts(value):
    """All texts in a document, keys and values."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)
    elif isinstance(value, str):
        yield value


def test_it_shows_the_model_s_columns_types_and_levels(document):
    words = set(texts(document["definitions"]))
    assert {"a", "b", "flag", "colour", "y"} <= words
    assert {"red", "green"} <= words
    assert {"number", "integer", "boolean", "string"} <= words


def test_its_example_scores(alice, document):
    """Whoever copies the example must get an answer."""
    def find(value):
        if isinstance(value, dict):
            example = value.get("example")
            if isinstance(example, dict) and "inputData" in example:
                return example
            for key, part in value.items():
                found = find(part)
                if found:
                    return found
                if key == "inputData" and isinstance(part, dict) and \
                        "example" in part:
                    return {"inputData": part["example"]}
        return None
    example = find(document)
    assert example, "no example of inputData in the document"
    answer = alice.post("/api/swag/1.0", json=example)
    assert answer.status_code == 200, answer.text


def test_without_alias_the_operation_is_consume(alice, name, iris_model):
    alice.publish(name, "1", iris_model)
    document = alice.get("/api/%s/1/swagger.json" % name).json()
    assert document["paths"]["/api/%s/1" % name]["post"]["operationId"] \
        == "consume"


def test_unknown_and_without_token(alice, nobody, document):
    is_error(alice.get("/api/swag/2.0/swagger.json"), 404)
    is_error(nobody.get("/api/swag/1.0/swagger.json"), 401)


def test_odd_texts_keep_it_valid(alice, name, iris_model):
    alice.publish(name, "1", iris_model, description='"</script>\\ \u2028 é')
    validate_spec(alice.get("/api/%s/1/swagger.json" % name).json())


def test_the_server_s_own_document(alice):
    answer = alice.get("/openapi.json")
    assert answer.status_code == 200
    document = answer.json()
    assert "/login" in document["paths"]
    assert "/realtime-services/{name}/{version}" in document["paths"]
    if document.get("swagger") == "2.0":
        validate_spec(document)
    else:
        assert document["openapi"].startswith("3.")
