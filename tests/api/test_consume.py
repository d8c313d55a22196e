# SPDX-License-Identifier: Apache-2.0
"""POST /api/{name}/{version}: rows in, rows out, good and bad."""
import gzip
import http.client
import json
import math
import socket
import zlib

import pytest

from harness import env, models
from harness.client import is_error

pytestmark = pytest.mark.smoke
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def typed(alice):
    """A service with an input of each type; see models.typed."""
    answer = alice.publish("typed", "1", models.typed())
    assert answer.status_code == 201, answer.text
    return "typed", "1"


@pytest.fixture(scope="module")
def double(alice):
    """y = 2 x."""
    answer = alice.publish("double", "1", models.linear(2))
    assert answer.status_code == 201, answer.text
    return "double", "1"


def post(client, service, body, **headers):
    return client.post("/api/%s/%s" % service, data=body,
                       headers=dict(JSON, **headers))


def test_the_answer_has_the_contract_s_members(alice, double):
    body = alice.score(*double, {"x": [1, 2.5]}).json()
    assert body == {"success": True, "errorMessage": "",
                    "outputParameters": {"outputData": {"y": [2, 5]}},
                    "outputFiles": {}, "consoleOutput": "",
                    "changedFiles": []}


def test_scoring_needs_a_token(nobody, double):
    answer = nobody.score(*double, {"x": [1]})
    is_error(answer, 401)
    assert "Bearer" in answer.headers["WWW-Authenticate"]


def test_another_user_may_score(bob, double):
    assert bob.scored(*double, {"x": [4]}) == {"y": [8]}


def test_an_unknown_service_is_404(alice, double):
    message = is_error(alice.score("double", "9", {"x": [1]}), 404)
    assert "double" in message and "9" in message
    is_error(alice.score("nothing", "1", {"x": [1]}), 404)


@pytest.mark.parametrize("rows", [1, 2, 7, 1000, 100_000])
def test_column_wise(alice, double, rows):
    values = [i / 4 for i in range(rows)]
    assert alice.scored(*double, {"x": values})["y"] == [2 * v for v in values]


def test_row_wise(alice, double):
    assert alice.scored(*double, [{"x": 1}, {"x": 2}]) == {"y": [2, 4]}


def test_rows_of_every_type(alice, typed):
    assert alice.scored(*typed, {
        "a": [1.5, 2], "b": [1, 2], "flag": [True, False],
        "colour": ["red", "green"]}) == {"y": [112.5, 4]}
    assert alice.scored(*typed, [
        {"a": 1.5, "b": 1, "flag": True, "colour": "red"},
        {"colour": "green", "flag": False, "b": 2, "a": 2}]) \
        == {"y": [112.5, 4]}


def test_a_scalar_counts_as_one_row(alice, double):
    assert alice.scored(*double, {"x": 3}) == {"y": [6]}


@pytest.mark.parametrize("data", [{"x": []}, []])
def test_no_rows_give_no_rows(alice, double, data):
    assert alice.scored(*double, data) == {"y": []}


@pytest.mark.parametrize("text", ["null", "NaN", "Infinity", "-Infinity"])
def test_missing_and_not_finite_is_answered_as_null(alice, double, text):
    answer = post(alice, double, '{"inputData":{"x":[1,%s,3]}}' % text)
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputParameters"]["outputData"] == \
        {"y": [2, None, 6]}
    assert "NaN" not in answer.text and "Inf" not in answer.text


def test_numbers_come_back_as_they_are(alice, double):
    values = [0.1, 1e300, -5e-324, 123456789012345678, 1e-7, -0.0,
              1.7976931348623157e308 / 4, 2 ** 53 - 1]
    got = alice.scored(*double, {"x": values})["y"]
    for value, answer in zip(values, got):
        assert answer == 2 * float(value), (value, answer)


def test_unknown_columns_are_ignored(alice, double):
    assert alice.scored(*double, {"z": ["a", None], "x": [1, 2],
                                  "deep": [[{"x": 9}], {}]}) == {"y": [2, 4]}
    assert alice.scored(*double, [{"x": 1, "z": {"y": [1]}}]) == {"y": [2]}


def test_other_members_are_ignored(alice, double):
    answer = post(alice, double,
                  '{"other":[1,{"a":null}],"inputData":{"x":[1]},"z":"\\u00e9"}')
    assert answer.json()["outputParameters"]["outputData"] == {"y": [2]}


def test_a_byte_order_mark_and_white_space_are_no_harm(alice, double):
    answer = post(alice, double, ' \r\n\t{ "inputData" : { "x" : [ 1 ] } } \n')
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("data,column", [
    ({"z": [1]}, "x"), ({}, "x"), ([{}], "x"), ([{"x": 1}, {"z": 1}], "x"),
])
def test_a_missing_required_column_is_named(alice, double, data, column):
    answer = alice.score(*double, data)
    if isinstance(data, list) and len(data) == 2:
        # A row without the member is a missing cell or an error, never a
        # silent shift of the others.
        if answer.status_code == 200:
            assert answer.json()["outputParameters"]["outputData"]["y"] == \
                [2, None]
            return
    message = is_error(answer, 400)
    assert column in message


@pytest.mark.parametrize("column,value", [
    ("a", "abc"), ("a", True), ("a", [1]), ("a", {"b": 1}),
    ("b", 1.5), ("b", "x"), ("b", 10 ** 30),
    ("flag", "maybe"), ("flag", [True]),
    ("colour", [1]), ("colour", {"red": 1}),
])
def test_a_wrong_type_names_column_and_row(alice, typed, column, value):
    good = {"a": [1, 1], "b": [1, 1], "flag": [True, True],
            "colour": ["red", "red"]}
    good[column][1] = value
    message = is_error(alice.score(*typed, good), 400)
    assert column in message and "1" in message, message


def test_unequal_lengths_name_the_column(alice, typed):
    message = is_error(alice.score(*typed, {
        "a": [1, 2], "b": [1, 2], "flag": [True], "colour": ["red", "red"]}),
        400)
    assert "flag" in message or "colour" in message, message


def test_a_row_the_model_refuses_does_not_fail_the_others(alice, typed):
    answer = alice.score(*typed, {
        "a": [1, -5, 3], "b": [1, 1, 1], "flag": [False] * 3,
        "colour": ["green"] * 3})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["outputParameters"]["outputData"] == {"y": [2, None, 4]}
    assert "1" in body["errorMessage"] and "a" in body["errorMessage"]


def test_when_every_row_is_refused_it_is_400(alice, typed):
    answer = alice.score(*typed, {
        "a": [-1, -5], "b": [1, 1], "flag": [False] * 2,
        "colour": ["green"] * 2})
    assert answer.status_code == 400, answer.text
    text = answer.json().get("message") or answer.json().get("errorMessage")
    assert "a" in text


@pytest.mark.parametrize("body", [
    "", " ", "{", "}", "[", "null", "1", '"x"', "true", "[1]", "{}",
    '{"inputData":}', '{"inputData":null}', '{"inputData":1}',
    '{"inputData":"x"}', '{"inputData":[1]}', '{"inputData":[[1]]}',
    '{"inputData":{"x":[1]}', '{"inputData":{"x":[1]}}}',
    '{"inputData":{"x":[1]}} x', '{"inputData":{"x":[1,]}}',
    '{"inputData":{"x":[01]}}', '{"inputData":{"x":[1.]}}',
    '{"inputData":{"x":[.5]}}', '{"inputData":{"x":[+1]}}',
    '{"inputData":{"x":[0x1]}}', '{"inputData":{"x":[1e]}}',
    '{"inputData":{"x":[1]},"inputData":{"x":[1]}}',
    '{"inputData":{"x":[1],"x":[1]}}', "{'inputData':{'x':[1]}}",
    '{"inputData":{"x":["\\ud800"]}}', '{"inputData":{"\\x":[1]}}',
    '{"inputData":{"x":[1]},"a":"\n"}', '{"inputData":[{"x":1},null]}',
    '{"inputData":[{"x":1,"x":2}]}', '{"inputData":{"x":[nan]}}',
    '\ufeff', "//c\n{}",
], ids=repr)
def test_a_malformed_body_is_400(alice, double, body):
    is_error(post(alice, double, body.encode("utf-8", "surrogatepass")), 400)


@pytest.mark.parametrize("body", [
    b'{"inputData":{"x":[1]},"\xff":1}', b'{"a":"\xc0\xaf"}',
    b'{"inputData":{"x":["\xed\xa0\x80"]}}', b"\x00\x00", b'{"a":"\x00"}',
    '{"inputData":{"x":[1]}}'.encode("utf-16"),
])
def test_invalid_utf8_is_400(alice, double, body):
    is_error(post(alice, double, body), 400)


def test_a_syntax_error_names_its_position(alice, double):
    message = is_error(post(alice, double, '{"inputData":{"x":[1,,2]}}'), 400)
    assert "21" in message or "20" in message or "22" in message, message


@pytest.mark.parametrize("depth", [600, 100_000, 3_000_000])
def test_deep_bodies_are_refused_not_followed(alice, double, depth):
    is_error(post(alice, double, '{"a":' + "[" * depth), 400)
    is_error(post(alice, double, '{"inputData":{"z":' + '{"a":' * (depth // 5)),
             400)


def test_a_long_string_or_number_is_no_harm(alice, double):
    number = "1" + "0" * 100_000
    answer = post(alice, double, '{"inputData":{"x":[%s]}}' % number)
    assert answer.status_code in (200, 400)
    answer = post(alice, double, '{"inputData":{"x":[0.%s1]}}' % ("0" * 100_000))
    assert answer.status_code in (200, 400)
    answer = post(alice, double,
                  '{"inputData":{"x":[1]},"s":"%s"}' % ("a" * 1_000_000))
    assert answer.status_code == 200


# --- other types of body ---

def test_csv_in_gives_the_same_rows(alice, typed):
    answer = alice.post("/api/%s/%s" % typed, data=(
        "a,b,flag,colour\n1.5,1,true,red\n2,2,false,green\n"),
        headers={"Content-Type": "text/csv", "Accept": "application/json"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputParameters"]["outputData"] == \
        {"y": [112.5, 4]}


def test_csv_out_when_asked(alice, double):
    answer = alice.post("/api/%s/%s" % double, data="x\n1\n\n2.5\n",
                        headers={"Content-Type": "text/csv",
                                 "Accept": "text/csv"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/csv")
    lines = answer.text.splitlines()
    assert lines[0] == "y" and lines[1] == "2" and lines[-1] == "5"


@pytest.mark.parametrize("body", ["", "z\n1\n", 'x\n"1\n', "x\nabc\n",
                                  "x\n1,2\n", "x,x\n1,2\n"])
def test_a_malformed_csv_is_400(alice, double, body):
    is_error(alice.post("/api/%s/%s" % double, data=body,
                        headers={"Content-Type": "text/csv"}), 400)


def test_a_type_nobody_reads_is_415(alice, double):
    for kind in ("application/xml", "image/png", "application/x-protobuf"):
        is_error(alice.post("/api/%s/%s" % double, data="x",
                            headers={"Content-Type": kind}), 415)


def test_no_content_type_is_taken_as_json(httpd, alice, double):
    connection = http.client.HTTPConnection("127.0.0.1", httpd.port)
    connection.putrequest("POST", "/api/%s/%s" % double)
    connection.putheader("Authorization", "Bearer " + alice.token)
    body = b'{"inputData":{"x":[1]}}'
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()


@pytest.mark.parametrize("name,pack", [
    ("gzip", gzip.compress),
    ("deflate", lambda b: zlib.compress(b)[2:-4]),
], ids=["gzip", "deflate"])
def test_compressed_bodies(alice, double, name, pack):
    body = json.dumps({"inputData": {"x": list(range(1000))}}).encode()
    answer = post(alice, double, pack(body), **{"Content-Encoding": name})
    if name == "deflate" and answer.status_code == 415:
        return
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputParameters"]["outputData"]["y"][-1] == 1998


def test_an_unknown_content_encoding_is_415(alice, double):
    is_error(post(alice, double, b'{"inputData":{"x":[1]}}',
                  **{"Content-Encoding": "zstd"}), 415)


@pytest.mark.logs("gzip|inflate|Zlib|DEFLATE|decompress|premature")
def test_broken_gzip_is_400(alice, double):
    is_error(post(alice, double, b"\x1f\x8b\x08\0broken",
                  **{"Content-Encoding": "gzip"}), 400)


def test_chunked_bodies(alice, double):
    def pieces():
        yield b'{"inputData":'
        yield b'{"x":[1,'
        yield b"2]}}"
    answer = alice.post("/api/%s/%s" % double, data=pieces(), headers=JSON)
    assert answer.json()["outputParameters"]["outputData"] == {"y": [2, 4]}


def raw(httpd, text, body=b""):
    """Send bytes as they are; return the open socket's reader."""
    sock = socket.create_connection(("127.0.0.1", httpd.port), timeout=20)
    sock.sendall(text.replace("\n", "\r\n").encode() + body)
    return sock, sock.makefile("rb")


def read_answer(stream):
    """Status, headers and body of one answer from a stream."""
    status = int(stream.readline().split()[1])
    headers = {}
    for line in iter(stream.readline, b"\r\n"):
        key, _, value = line.decode().partition(":")
        headers[key.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while True:
            size = int(stream.readline(), 16)
            body += stream.read(size)
            stream.readline()
            if size == 0:
                break
    else:
        body = stream.read(int(headers.get("content-length", 0)))
    return status, headers, body


def request_text(service, token, length, extra=""):
    return ("POST /api/%s/%s HTTP/1.1\nHost: x\nAuthorization: Bearer %s\n"
            "Content-Type: application/json\nContent-Length: %d\n%s\n"
            % (service + (token, length, extra)))


def test_expect_100_continue(httpd, alice, double):
    body = b'{"inputData":{"x":[1]}}'
    sock, stream = raw(httpd, request_text(double, alice.token, len(body),
                                           "Expect: 100-continue\n"))
    assert b"100" in stream.readline()
    assert stream.readline() == b"\r\n"
    sock.sendall(body)
    assert read_answer(stream)[0] == 200
    sock.close()


def test_expect_is_refused_before_the_body_is_sent(httpd, double):
    """No token: the answer comes instead of 100, the body is never read."""
    sock, stream = raw(httpd, request_text(double, "nonsense", 10 ** 9,
                                           "Expect: 100-continue\n"))
    assert read_answer(stream)[0] in (401, 413)
    sock.close()


def test_keep_alive_survives_errors(httpd, alice, double):
    good = b'{"inputData":{"x":[1]}}'
    bad = [b"{", b'{"inputData":{"z":[1]}}', b'{"inputData":{"x":["q"]}}']
    sock = socket.create_connection(("127.0.0.1", httpd.port), timeout=20)
    stream = sock.makefile("rb")
    for body in bad + [good]:
        sock.sendall(request_text(double, alice.token, len(body)).replace(
            "\n", "\r\n").encode() + body)
        status, headers, text = read_answer(stream)
        assert headers.get("connection", "keep-alive").lower() != "close"
    assert status == 200, text
    # A refused caller's small body is read away, so the connection lives on.
    for token, want in (("nonsense", 401), (alice.token, 200)):
        sock.sendall(request_text(double, token, len(good)).replace(
            "\n", "\r\n").encode() + good)
        assert read_answer(stream)[0] == want
    # Another path's error, too.
    sock.sendall(request_text(("nothing", "1"), alice.token, len(good))
                 .replace("\n", "\r\n").encode() + good)
    assert read_answer(stream)[0] == 404
    sock.sendall(request_text(double, alice.token, len(good)).replace(
        "\n", "\r\n").encode() + good)
    assert read_answer(stream)[0] == 200
    sock.close()


def test_pipelined_requests_are_answered_in_order(httpd, alice, double):
    text = b""
    for i in range(20):
        body = b'{"inputData":{"x":[%d]}}' % i
        text += request_text(double, alice.token, len(body)).replace(
            "\n", "\r\n").encode() + body
    sock, stream = raw(httpd, "", text)
    for i in range(20):
        status, _, body = read_answer(stream)
        assert status == 200
        assert json.loads(body)["outputParameters"]["outputData"]["y"] \
            == [2 * i]
    sock.close()


@pytest.mark.logs("read|body|reset|closed|partial|aborted|pollin|request")
def test_a_caller_that_goes_away_is_no_harm(httpd, alice, double):
    for sent in (b"", b'{"inputData":'):
        sock, _ = raw(httpd, request_text(double, alice.token, 1000), sent)
        sock.close()
    assert alice.scored(*double, {"x": [1]}) == {"y": [2]}


def test_head_and_other_methods(alice, double):
    path = "/api/%s/%s" % double
    answer = alice.request("HEAD", path)
    assert answer.status_code == 405 and "POST" in answer.headers["Allow"]
    assert answer.content == b""
    is_error(alice.get(path), 405)
    is_error(alice.delete(path), 405)


def test_a_percent_encoded_slash_is_refused(alice):
    assert alice.get("/api/a%2fb/1").status_code == 404


def test_a_request_id_is_in_every_answer_and_log_line(httpd, alice, double):
    mark = httpd.error_log.mark()
    answer = alice.score(*double, {"x": [1]}, headers={
        "X-Request-Id": "my-id.42"})
    assert answer.headers["X-Request-Id"] == "my-id.42"
    other = alice.score(*double, {"z": [1]}).headers["X-Request-Id"]
    assert other and other != "my-id.42"
    assert httpd.error_log.has("my-id.42", mark)
    for bad in ("a\tb", "x" * 500, "a b", "<script>"):
        answer = alice.score(*double, {"x": [1]}, headers={
            "X-Request-Id": bad})
        assert answer.status_code in (200, 400)
        assert answer.headers["X-Request-Id"] != bad


def test_a_model_with_many_trees_scores_as_python_says(alice, name):
    """An independent evaluation of the same XML."""
    import xml.etree.ElementTree as tree
    xml = models.forest(trees=20, inputs=5, depth=4, seed=7)
    assert alice.publish(name, "1", xml).status_code == 201
    root = tree.fromstring(xml)
    space = {"p": "http://www.dmg.org/PMML-4_4"}

    def walk(node, row):
        for child in node.findall("p:Node", space):
            test = child.find("p:SimplePredicate", space)
            value = float(test.get("value"))
            x = row[test.get("field")]
            if (x <= value) == (test.get("operator") == "lessOrEqual"):
                return walk(child, row)
        return float(node.get("score"))
    rows = [{"x%d" % i: math.sin(7 * r + i) * 2 for i in range(5)}
            for r in range(50)]
    want = [sum(walk(model.find("p:Node", space), row)
                for model in root.iter("{%s}TreeModel" % space["p"]))
            for row in rows]
    got = alice.scored(name, "1", rows)["y"]
    assert got == pytest.approx(want, rel=1e-12, abs=1e-12)


def test_fifty_thousand_rows_as_csv(alice, double):
    body = "x\n" + "\n".join(str(i) for i in range(50_000)) + "\n"
    answer = alice.post("/api/%s/%s" % double, data=body, headers={
        "Content-Type": "text/csv", "Accept": "text/csv"})
    assert answer.status_code == 200
    assert answer.text.splitlines()[-1] == "99998"


@pytest.mark.skipif(env.MPM == "prefork", reason="HTTP/2 needs threads")
def test_http_2(httpd, alice, double, tmp_path):
    import subprocess
    body = tmp_path / "body"
    body.write_text('{"inputData":{"x":[21]}}')
    done = subprocess.run(
        ["curl", "-s", "--http2-prior-knowledge", "-w", "\n%{http_version}",
         "-H", "Authorization: Bearer " + alice.token,
         "-H", "Content-Type: application/json", "-d", "@" + str(body),
         httpd.url() + "/api/%s/%s" % double],
        capture_output=True, text=True, timeout=30)
    assert done.stdout.endswith("\n2"), done.stdout
    assert '"y":[42]' in done.stdout.replace(" ", "")
