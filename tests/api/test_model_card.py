# SPDX-License-Identifier: Apache-2.0
"""What a published model is: GET /admin/api/services/{name}/{version}/model."""
import hashlib

from harness import models
from harness.client import is_error

PATH = "/admin/api/services/%s/%s/model"


def test_the_card_tells_format_columns_sizes_and_digest(alice, bob, name):
    model = models.typed()
    assert alice.publish(name, "1", model).status_code == 201
    answer = bob.get(PATH % (name, "1"))
    assert answer.status_code == 200, answer.text
    card = answer.json()
    assert card["format"].startswith("PMML")
    assert card["bytes"] == len(model)
    assert card["imageBytes"] > 0
    assert card["sha256"] == hashlib.sha256(model).hexdigest()
    assert [c["name"] for c in card["columns"]] == ["a", "b", "flag", "colour"]
    assert [c["name"] for c in card["outputs"]] == ["y"]
    assert card["changedAt"].endswith("Z")


def test_a_replaced_model_shows_the_new_one(alice, name):
    alice.publish(name, "1", models.linear(2))
    first = alice.get(PATH % (name, "1")).json()
    assert alice.redeploy(name, "1", models.typed()).status_code == 200
    second = alice.get(PATH % (name, "1")).json()
    assert second["sha256"] != first["sha256"]
    assert len(second["columns"]) == 4


def test_code_and_what_is_not_there_are_404(alice, nobody, name):
    assert alice.post("/services/%s/1" % name, json={
        "code": "1", "runtimeType": "Python"}).status_code == 201
    assert "is code" in is_error(alice.get(PATH % (name, "1")), 404)
    assert "no service" in is_error(alice.get(PATH % (name, "2")), 404)
    assert nobody.get(PATH % (name, "1")).status_code == 401
