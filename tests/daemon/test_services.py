# SPDX-License-Identifier: Apache-2.0
"""Operations on services, as the owner answers them."""

import json
import struct
import threading
import uuid

import pytest
from daemon import Gone, Refused, service


def refused(code, call, *arguments, **members):
    with pytest.raises(Refused) as caught:
        call(*arguments, **members)
    assert caught.value.code == code, caught.value
    return caught.value.message


def test_create_then_get(registry):
    answer = registry.write("service.create", service=service(
        "iris", code="x", options='{"mode":"reuse"}'))
    got = registry.ask("service.get", name="iris", version="1.0")["service"]
    assert got["code"] == "x" and got["options"] == '{"mode":"reuse"}'
    assert got["generation"] == answer["generation"]
    assert got["created"] == got["modified"] == answer["created"]
    assert registry.ask("service.get", name="iris",
                        version="2")["service"] is None


def test_a_taken_version_is_refused(registry):
    registry.write("service.create", service=service("a"))
    assert "already exists" in refused(
        "exists", registry.write, "service.create", service=service("a"))


def test_update_keeps_what_is_not_the_callers(registry):
    first = registry.write("service.create", service=service("a"))
    registry.write("service.update", service=service(
        "a", code="new", publisher={"provider": "ldap", "name": "mallory"},
        created=1))
    got = registry.ask("service.get", name="a", version="1.0")["service"]
    assert got["code"] == "new"
    assert got["publisher"] == {"provider": "file", "name": "admin"}
    assert got["created"] == first["created"] < got["modified"]
    assert got["generation"] > first["generation"]


def test_a_stale_generation_is_a_conflict(registry):
    first = registry.write("service.create", service=service("a"))
    registry.write("service.update", service=service("a"),
                   expected=first["generation"])
    refused("conflict", registry.write, "service.update",
            service=service("a"), expected=first["generation"])
    refused("conflict", registry.write, "service.delete", name="a",
            version="1.0", expected=first["generation"])


def test_delete(registry):
    registry.write("service.create", service=service("a"))
    registry.write("service.delete", name="a", version="1.0")
    refused("notfound", registry.write, "service.delete", name="a",
            version="1.0")
    refused("notfound", registry.write, "service.update",
            service=service("a"))
    assert registry.services() == []


def test_the_same_request_twice_is_done_once(registry):
    """A caller who lost the answer asks again with the same id."""
    members = {"id": uuid.uuid4().hex, "service": service("a")}
    first = registry.ask("service.create", **members)
    assert registry.ask("service.create", **members) == first
    members = {"id": uuid.uuid4().hex, "name": "a", "version": "1.0"}
    registry.ask("service.delete", **members)
    registry.ask("service.delete", **members)


def test_repeated_requests_are_known_after_a_restart(daemon):
    members = {"id": uuid.uuid4().hex, "service": service("a")}
    first = daemon.registry().ask("service.create", **members)
    daemon.stop()
    daemon.start()
    assert daemon.registry().ask("service.create", **members) == first


def test_generations_rise_and_are_never_given_again(daemon):
    registry = daemon.registry()
    seen = [registry.write("service.create",
                           service=service("a"))["generation"]]
    for _ in range(3):
        registry.write("service.delete", name="a", version="1.0")
        daemon.stop()
        daemon.start()
        registry = daemon.registry()
        seen.append(registry.write("service.create",
                                   service=service("a"))["generation"])
    assert seen == sorted(set(seen))
    assert all(later > earlier + 1 for earlier, later in zip(seen, seen[1:]))


def test_lists_come_in_pages_that_miss_nothing(registry):
    big = "x" * 20000
    names = [f"s{i % 7}" for i in range(150)]
    for i, name in enumerate(names):
        registry.write("service.create",
                       service=service(name, version=f"{i}", code=big))
    answer = registry.ask("service.list")
    assert answer["next"], "one page would not show that pages work"
    found = registry.services()
    assert {(s["name"], s["version"]) for s in found} \
        == {(name, f"{i}") for i, name in enumerate(names)}
    assert len(found) == 150
    by_age = sorted(found, key=lambda s: s["serial"])
    assert [s["version"] for s in by_age] == [f"{i}" for i in range(150)]
    assert {s["version"] for s in registry.services("s3")} \
        == {f"{i}" for i in range(150) if i % 7 == 3}


def test_a_name_is_no_prefix_of_another(registry):
    registry.write("service.create", service=service("a"))
    registry.write("service.create", service=service("ab"))
    assert [s["name"] for s in registry.services("a")] == ["a"]


BLOB, IMAGE = "b" * 64, "c" * 64


def test_references_and_usage_follow_the_records(registry):
    model = {"blob": BLOB, "image": IMAGE, "modelSize": 1000,
             "runtimeType": "Realtime"}
    for version in ("1", "2"):
        registry.write("service.create",
                       service=service("a", version=version, **model))
    usage = {"subject": {"provider": "file", "name": "admin"}}
    assert registry.ask("usage", **usage)["bytes"] == 2000
    assert registry.ask("blob.list", kind="blob")["digests"] == [BLOB]
    assert registry.ask("blob.list", kind="image")["digests"] == [IMAGE]
    registry.write("service.update", service=service(
        "a", version="1", **{**model, "blob": "d" * 64, "modelSize": 10}))
    assert registry.ask("usage", **usage)["bytes"] == 1010
    assert registry.ask("blob.list", kind="blob")["digests"] \
        == [BLOB, "d" * 64]
    registry.write("service.delete", name="a", version="2")
    assert registry.ask("blob.list", kind="blob")["digests"] == ["d" * 64]
    registry.write("service.delete", name="a", version="1")
    assert registry.ask("blob.list", kind="image")["digests"] == []
    assert registry.ask("usage", **usage)["bytes"] == 0
    assert registry.ask("verify")["problems"] == []


@pytest.mark.parametrize("change, word", [
    ({"name": ""}, "name"),
    ({"name": "n" * 256}, "255"),
    ({"name": "a\nb"}, "control"),
    ({"version": None}, "version"),
    ({"publisher": None}, "provider"),
    ({"blob": "B" * 64, "image": IMAGE}, "SHA-256"),
    ({"image": IMAGE}, "image"),
    ({"inputs": "{}"}, "array"),
    ({"model": "[1,"}, "model"),
    ({"v": 2}, "layout"),
    ({"modelSize": -1}, "negative"),
])
def test_a_wrong_record_is_refused_with_the_reason(registry, change, word):
    message = refused("invalid", registry.write, "service.create",
                      service={**service("a"), **change})
    assert word in message, message
    assert registry.services() == []


def test_a_newline_in_a_cursor_is_only_a_cursor(registry):
    registry.write("service.create", service=service("a"))
    assert registry.ask("service.list", after="a\n1.0")["services"] == []
    assert len(registry.ask("service.list", after="\n\n")["services"]) == 1


# --- the protocol ---

def test_the_first_operation_is_hello(daemon):
    registry = daemon.registry()
    registry._connect()
    other = daemon.registry()
    other.socket = registry.socket  # a fresh connection, without hello
    import socket
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as raw:
        raw.connect(registry.path)
        other.socket = raw
        assert other._exchange({"op": "status"})["code"] == "invalid"
        assert "protocol 1" in other._exchange(
            {"op": "hello", "protocol": 99})["message"]
        assert other._exchange({"op": "hello", "protocol": 1})["ok"]
    registry.close()


def test_unknown_operations_and_texts_are_refused(registry):
    refused("invalid", registry.ask, "no.such")
    refused("invalid", registry.ask, "sweep")
    refused("invalid", registry.ask, "service.get")
    registry.ask("hello", protocol=1)
    registry.socket.sendall(struct.pack("<I", 4) + b"{\"a\"")
    (length,) = struct.unpack("<I", registry._receive(4))
    assert json.loads(registry._receive(length))["code"] == "invalid"
    registry.socket.sendall(struct.pack("<I", 0))
    (length,) = struct.unpack("<I", registry._receive(4))
    assert not json.loads(registry._receive(length))["ok"]
    assert registry.ask("status")["ok"]


def test_a_frame_that_is_too_long_ends_the_connection(registry):
    registry.ask("hello", protocol=1)
    registry.socket.sendall(struct.pack("<I", 1 << 30))
    assert registry.socket.recv(1) == b""


def test_a_large_record_goes_through(registry):
    code = "é" * (4 << 20)
    registry.write("service.create", service=service("big", code=code))
    got = registry.ask("service.get", name="big", version="1.0")["service"]
    assert got["code"] == code


def test_half_a_frame_holds_nobody_up(daemon):
    slow = daemon.registry()
    slow.ask("status")
    slow.socket.sendall(struct.pack("<I", 100) + b"{")
    registry = daemon.registry()
    registry.write("service.create", service=service("a"))
    slow.close()
    assert len(registry.services()) == 1


def test_many_writers_at_once_share_the_disk(daemon):
    """32 connections write; every version is there, in fewer flushes."""
    def publish(number):
        registry = daemon.registry()
        for i in range(10):
            registry.write("service.create",
                           service=service(f"w{number}", version=f"{i}"))
        registry.close()

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    registry = daemon.registry()
    assert len(registry.services()) == 320
    status = registry.ask("status")
    assert status["batches"] < status["writes"]
    assert registry.ask("verify")["problems"] == []


def test_a_stop_refuses_no_write_that_was_begun(daemon):
    """Answered ones are there, others may be."""
    done, stop = [], threading.Event()

    def publish():
        registry = daemon.registry()
        for i in range(100000):
            if stop.is_set():
                return
            try:
                registry.ask("service.create", service=service("s",
                                                               version=f"{i}"))
                done.append(f"{i}")
            except (Gone, Refused):
                return

    thread = threading.Thread(target=publish)
    thread.start()
    while len(done) < 20:
        pass
    assert daemon.stop() == 0
    stop.set()
    thread.join()
    daemon.start()
    there = {s["version"] for s in daemon.registry().services()}
    assert set(done) <= there and len(there) <= len(done) + 1
