# SPDX-License-Identifier: Apache-2.0
"""vectors.json against the Python side of the protocol; the C side has
tests/unit/mls/pool/test_pool_vectors.c."""
import json
import os
import pathlib
import socket
import threading

import pytest

from harness import Channel, ProtocolError, Runtime, Stream, memory_file

VECTORS = json.loads((pathlib.Path(__file__).parent / "vectors.json")
                     .read_text(encoding="utf-8"))


def pair():
    ours, theirs = socket.socketpair()
    return ours, Stream(theirs.detach())


@pytest.mark.parametrize("vector", VECTORS["frames"],
                         ids=lambda v: v["what"].replace(" ", "-"))
def test_frames_are_written_and_read(vector):
    ours, stream = pair()
    data, kind = bytes.fromhex(vector["bytes"]), vector["kind"].encode()
    stream.send(kind, vector["text"].encode())
    assert ours.recv(1 << 16) == data
    ours.sendall(data)
    assert stream.receive() == (kind, vector["text"].encode())
    stream.close()


@pytest.mark.parametrize("vector", VECTORS["badFrames"],
                         ids=lambda v: v["what"].replace(" ", "-"))
def test_bad_frames_are_refused(vector):
    ours, stream = pair()
    ours.sendall(bytes.fromhex(vector["bytes"]))
    ours.close()
    with pytest.raises(ProtocolError):
        stream.receive()
    stream.close()


def test_the_result_of_the_call_has_these_bytes():
    call = VECTORS["call"]
    ours, stream = pair()
    console = memory_file(call["console"].encode())
    stream.send_descriptor(b"C", console)
    stream.send_result(call["result"])
    data, fds, _, _ = socket.recv_fds(ours, 1 << 16, 4)
    data += ours.recv(1 << 16, socket.MSG_DONTWAIT) \
        if len(data) < len(call["received"]) // 2 else b""
    assert data == bytes.fromhex(call["received"])
    assert os.pread(fds[0], 99, 0) == call["console"].encode()
    for fd in fds + [console]:
        os.close(fd)
    stream.close()


def test_datagrams_are_read_and_written():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel = Channel(theirs.detach())
    for vector in VECTORS["control"]:
        text = vector["text"].encode()
        fds = [memory_file(b"x") for _ in vector["descriptors"]]
        if vector["from"] == "runtime":
            channel.send(json.loads(text))
            assert ours.recv(1 << 16) == text
            continue
        socket.send_fds(ours, [text], fds)
        message, got = channel.receive()
        assert message == json.loads(text) and len(got) == len(fds)
        for fd in got + fds:
            os.close(fd)
    channel.close()


def test_a_real_runtime_answers_the_call_with_these_bytes():
    """The whole stream, as a worker writes it, byte by byte."""
    call = VECTORS["call"]
    runtime = Runtime()
    runtime.load({"code": "print('hi'); y = x * 2", "initCode": "",
                  "inputs": [{"name": "x", "type": "numeric"}],
                  "outputs": [{"name": "y", "type": "numeric"}],
                  "outputFileNames": []})
    _, channel = runtime.fork()
    ours, theirs = socket.socketpair()
    channel_fd = channel.fileno()
    with socket.socket(fileno=os.dup(channel_fd)) as raw:
        socket.send_fds(raw, [call["handOver"].encode()], [theirs.fileno()])
    theirs.close()
    thread = threading.Thread(target=ours.sendall, args=(
        bytes.fromhex(call["sent"]),))
    thread.start()
    data, fds = b"", []
    while True:
        more, got, _, _ = socket.recv_fds(ours, 1 << 16, 4)
        data, fds = data + more, fds + list(got)
        if not more:
            break
    thread.join()
    assert data == bytes.fromhex(call["received"])
    assert os.pread(fds[0], len(call["console"]), 0).decode() == \
        call["console"]
    channel.close()
    runtime.stop()
