# SPDX-License-Identifier: Apache-2.0
"""Sections 4 to 7 of the wire contract with the unmodified client."""
import json

import __main__
import numpy
import pandas
import pytest

from harness import sdk
from harness.httpd import USERS

DeployClient, MLServer, HttpException = sdk.load()


@pytest.fixture(scope="module")
def client(httpd):
    return DeployClient(httpd.url(), use=MLServer,
                        auth=("alice", USERS["alice"]))


@pytest.fixture(scope="module")
def other(httpd):
    return DeployClient(httpd.url(), use=MLServer, auth=("bob", USERS["bob"]))


# A class as a script or notebook has it: dill ships its code.
exec("""
class Line:
    def __init__(self, slope):
        self.slope = slope
    def predict(self, x):
        return self.slope * x
""", __main__.__dict__)


def test_a_code_string_with_models_and_every_scalar(client, name):
    service = client.service(name).version("1.0") \
        .code_str("y = slope * x; n = k + 1; s = word.upper(); b = not flag") \
        .models(slope=2.5) \
        .inputs(x=float, k=int, word=str, flag=bool) \
        .outputs(y=float, n=int, s=str, b=bool) \
        .description("A line").deploy()
    answer = service.consume(3.0, 4, "abc", True)
    assert answer.error == ""
    assert answer.outputs == {"y": 7.5, "n": 5, "s": "ABC", "b": False}
    assert service.capabilities()["description"] == "A line"
    assert service.capabilities()["published_by"] == "alice"


def test_a_function_with_an_object_of_the_callers_class(client, name):
    def score(x):
        return line.predict(x)  # noqa: F821

    service = client.service(name).version("1").code_fn(score) \
        .objects(line=__main__.Line(3)).inputs(x=float).outputs(answer=float).deploy()
    assert service.score(2.0).output("answer") == 6


def test_frames_vectors_and_matrices(client, name):
    service = client.service(name).version("1").code_str(
        "d['z'] = d.x + d.y; w = v[::-1]; t = m.T") \
        .inputs(d=pandas.DataFrame, v=numpy.array, m=numpy.matrix) \
        .outputs(d=pandas.DataFrame, w=numpy.array, t=numpy.matrix) \
        .alias("go").deploy()
    frame = pandas.DataFrame({"y": [1.0, 2.0], "x": [10.0, 20.0]})
    answer = service.go(frame, numpy.array([1, 2, 3]),
                        numpy.matrix([[1, 2], [3, 4]]))
    assert list(answer.output("d").columns) == ["y", "x", "z"]
    assert list(answer.output("d")["z"]) == [11, 22]
    assert answer.output("w").tolist() == [3, 2, 1]
    assert answer.output("t").tolist() == [[1, 3], [2, 4]]


def test_none_and_not_a_number(client, name):
    service = client.service(name).version("1").code_str(
        "was_none = x is None; import numpy as np, pandas as pd\n"
        "d = pd.DataFrame({'a': [1.0, np.nan]}); y = None") \
        .inputs(x=float).outputs(was_none=bool, d=pandas.DataFrame, y=float) \
        .deploy()
    answer = service.consume(None)
    assert answer.output("was_none") is True
    assert numpy.isnan(answer.output("d")["a"][1])
    assert answer.output("y") is None


def test_artifacts_and_console_output(client, name):
    service = client.service(name).version("1").code_str(
        "import os; os.system('echo native'); print('python', flush=True)\n"
        "open('a.bin', 'wb').write(b'\\0\\1')") \
        .artifacts(["a.bin", "b.bin"]).deploy()
    answer = service.consume()
    assert answer.artifact("a.bin") == b"\0\1"
    assert answer.artifacts["b.bin"] is None
    assert "native" in answer.console_output
    assert "python" in answer.console_output


def test_init_code_runs_before_requests(client, name):
    service = client.service(name).version("1") \
        .code_str("y = base + x", "base = 100") \
        .inputs(x=int).outputs(y=int).deploy()
    assert [service.consume(i).output("y") for i in (1, 2)] == [101, 102]


def test_an_error_is_shown_with_traceback_to_the_publisher(client, other,
                                                           name):
    service = client.service(name).version("1").code_str(
        "def f():\n    raise ValueError('wrong thing')\nf()").deploy()
    with pytest.raises(HttpException) as caught:
        service.consume()
    assert caught.value.status == 400
    body = json.loads(caught.value.body)
    assert body["success"] is False
    assert "ValueError: wrong thing" in body["errorMessage"]
    assert "line 2" in body["errorMessage"]
    with pytest.raises(HttpException) as caught:
        other.get_service(name, version="1").consume()
    assert "line 2" not in json.loads(caught.value.body)["errorMessage"]


def test_a_description_only_redeploy_keeps_the_models(client, name):
    client.service(name).version("1").code_str("y = m").models(m=7) \
        .outputs(y=int).description("old").deploy()
    service = client.service(name).version("1").description("new").redeploy()
    assert service.capabilities()["description"] == "new"
    assert service.consume().output("y") == 7


def test_a_redeploy_replaces_code_and_models(client, name):
    client.service(name).version("1").code_str("y = m").models(m=7) \
        .outputs(y=int).deploy()
    service = client.service(name).version("1").code_str("y = m * 2") \
        .models(m=21).redeploy()
    assert service.consume().output("y") == 42


def test_code_is_for_the_publisher_and_owners(client, other, httpd, name):
    client.service(name).version("1").code_str("secret = 1").deploy()
    row = client.list_services(name, version="1")[0]
    assert row["code"] == "secret = 1"
    assert row["myPermissionOnService"] == "read/write"
    row = other.list_services(name, version="1")[0]
    assert row["code"] is None
    assert row["myPermissionOnService"] == "read only"


def test_deploy_without_version_and_delete(client, name):
    service = client.service(name).code_str("y = 1").outputs(y=int).deploy()
    version = service.capabilities()["version"]
    assert client.get_service(name).capabilities()["version"] == version
    assert client.delete_service(name, version=version)
    assert client.list_services(name) == []


def test_refusals(client, other, name):
    client.service(name).version("1").code_str("1").deploy()
    with pytest.raises(HttpException) as caught:
        client.service(name).version("1").code_str("2").deploy()
    assert caught.value.status == 409
    with pytest.raises(HttpException) as caught:
        other.service(name).version("1").code_str("2").redeploy()
    assert caught.value.status == 403
    with pytest.raises(HttpException) as caught:
        other.delete_service(name, version="1")
    assert caught.value.status == 403


def test_swagger_of_a_standard_service(client, name):
    service = client.service(name).version("1").code_str("y = x") \
        .inputs(x=float).outputs(y=pandas.DataFrame).alias("run").deploy()
    document = json.loads(service.swagger())
    path = document["paths"]["/api/%s/1" % name]["post"]
    assert path["operationId"] == "run"
    inputs = document["definitions"]["InputParameters"]["properties"]
    assert inputs["x"]["type"] == "number"


@pytest.mark.parametrize("odd", ["with blank", "d\u00e9j\u00e0", "a.b-c_d",
                                 "a+b", "a&b;c:d", "\u65e5\u672c"])
def test_names_that_the_client_puts_into_a_path(client, odd):
    service = client.service(odd).version("1.0 beta").code_str("y = 1") \
        .outputs(y=int).deploy()
    assert service.consume().output("y") == 1
    assert json.loads(service.swagger())["info"]["title"] == odd
    assert client.delete_service(odd, version="1.0 beta")


def test_a_function_with_init_in_a_frame_and_out(client, name):
    def init():
        global base
        base = 10

    def score(x, d):
        import pandas as pd
        return pd.DataFrame({"z": d.a * x + base})

    service = client.service(name).version("1").code_fn(score, init) \
        .inputs(x=float, d=pandas.DataFrame).outputs(out=pandas.DataFrame) \
        .deploy()
    frame = pandas.DataFrame({"a": [1, 2]})
    assert list(service.score(2, frame).output("out")["z"]) == [12, 14]
    assert list(service.score(d=frame, x=3).output("out")["z"]) == [13, 16]


def test_functions_and_frames_as_objects(client, name):
    service = client.service(name).version("1").code_str("y = f(x) + d.a[1]") \
        .objects(f=eval("lambda x: x * k", {"k": 3}),
                 d=pandas.DataFrame({"a": [1, 2]})) \
        .inputs(x=float).outputs(y=float).deploy()
    assert service.consume(2).output("y") == 8


def test_what_a_failed_deploy_leaves_is_nothing(client, httpd, name):
    raw = httpd.client("alice")
    client.service(name).version("1").code_str("1").deploy()
    with pytest.raises(ValueError):  # the client's own: no version
        client.service(name).description("x").redeploy()
    with pytest.raises(ValueError):
        client.service(name).version("2").code_str("1") \
            .objects(g=(i for i in [1])).deploy()
    with pytest.raises(HttpException) as caught:
        client.service(name).version("2").deploy()
    assert caught.value.status == 400 and "code" in caught.value.body
    with pytest.raises(HttpException) as caught:
        client.service(name).version("9").alias("a").redeploy()
    assert caught.value.status == 404
    assert raw.get("/sessions").json() == []
    assert raw.get("/snapshots").json() == []
    assert [row["version"] for row in client.list_services(name)] == ["1"]


def test_a_redeploy_keeps_what_it_does_not_name(client, name):
    client.service(name).version("1").code_str("y = a") \
        .inputs(a=int).outputs(y=int).artifacts(["f.txt"]).alias("old") \
        .deploy()
    service = client.service(name).version("1").alias("new").redeploy()
    answer = service.new(4)
    assert answer.output("y") == 4 and "f.txt" in answer.artifacts


def test_the_same_by_options(client, name):
    service = client.deploy_service(name, version="1", code_str="y = 1",
                                    outputs={"y": int})
    assert service.consume().output("y") == 1
    service = client.redeploy_service(name, version="1", code_str="y = 2",
                                      outputs={"y": int})
    assert service.consume().output("y") == 2


def test_the_internal_session_classes(client, name):
    """Nothing public opens a session; these classes do, for deploy."""
    from azureml.deploy.server.models import ExecuteRequest
    from azureml.deploy.server.services import (SessionService,
                                                SnapshotService)
    transport = service_of(client, name)._http_client
    sessions = SessionService(transport)
    session = sessions.create_session().session_id
    sessions.set_workspace_object(session, "k", {"deep": [1, 2]})
    request = ExecuteRequest()
    request.code = "print(k['deep']); open('f.txt', 'w').write('t')"
    answer = sessions._api.execute_code(session, request)
    assert answer.success is True and answer.error_message == ""
    assert answer.console_output == "[1, 2]\n"
    assert answer.changed_files == ["f.txt"]
    snapshots = SnapshotService(transport)
    made = snapshots.create_snapshot(session)
    sessions.close_session(session)
    snapshots.delete_snapshot(made.snapshot_id)
    with pytest.raises(HttpException) as caught:
        snapshots.delete_snapshot(made.snapshot_id)
    assert caught.value.status == 404


def service_of(client, name):
    return client.service(name).version("1").code_str("1").deploy()
