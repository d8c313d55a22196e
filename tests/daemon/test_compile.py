# SPDX-License-Identifier: Apache-2.0
"""Uploads: compiled, refused, contained. The hostile compiler stands for a
model that has taken the real one over."""

import hashlib
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import tempfile
import threading
import time

import pytest
from conftest import SANITIZED
from daemon import (Gone, Refused, is_gone, memory_file, service,
                    supervisor_call, wait_until)

ROOT = os.geteuid() == 0

TREE = b"""<?xml version="1.0"?>
<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4"><Header/>
<DataDictionary>
 <DataField name="x" optype="continuous" dataType="double"/>
 <DataField name="y" optype="continuous" dataType="double"/>
</DataDictionary>
<RegressionModel functionName="regression">
 <MiningSchema><MiningField name="x"/>
  <MiningField name="y" usageType="target"/></MiningSchema>
 <RegressionTable intercept="1">
  <NumericPredictor name="x" coefficient="2"/>
 </RegressionTable>
</RegressionModel></PMML>"""

HOSTILE = r'''#!/usr/bin/python3 -IS
import os, signal, socket, sys, time

def say(text):
    sys.stderr.write("mlscore: -: " + text + "\n")
    sys.exit(1)

if sys.argv[1:] == ["compile"]:
    sys.exit(2)          # asked whether it starts
if sys.argv[1] == "inspect":
    print('{"format":"test","inputs":[],"outputs":[]}')
    sys.exit(0)
what, _, argument = sys.stdin.buffer.read().decode().partition(" ")
if what == "good":
    sys.stdout.write("image of " + argument)
    sys.exit(0)
if what == "loop":
    while True:
        pass
if what == "sleep":
    time.sleep(1000)
if what == "memory":
    everything = []
    while True:
        everything.append(bytearray(64 << 20))
if what == "crash":
    os.abort()
if what == "flood":
    while True:
        sys.stderr.write("flood " * 1000)
if what == "write":
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    while True:
        sys.stdout.buffer.write(bytes(1 << 20))
        sys.stdout.buffer.flush()
if what == "who":
    say("uid %d gid %d groups %r pids %r" % (
        os.getuid(), os.getgid(), os.getgroups(),
        [p for p in os.listdir("/proc") if p.isdigit()]))
if what == "read":
    try:
        say("READ " + open(argument).read())
    except OSError as error:
        say("refused: %s" % error.strerror)
if what == "list":
    say("found " + ",".join(sorted(os.listdir(argument))))
if what == "fds":
    found = []
    for fd in sorted(map(int, os.listdir("/proc/self/fd"))):
        try:
            found.append("%d=%s" % (fd, os.readlink("/proc/self/fd/%d" % fd)))
        except OSError:
            pass
    say(" ".join(found))
if what == "try":
    attempts = {
        "fork": os.fork,
        "socket": socket.socket,
        "unix": lambda: socket.socket(socket.AF_UNIX),
        "kill": lambda: os.kill(1, 9),
        "write": lambda: open("/file", "w"),
        "tmp": lambda: open("/tmp/file", "w"),
        "setuid": lambda: os.setuid(0),
    }
    for name, attempt in attempts.items():
        try:
            attempt()
            say("WENT THROUGH: " + name)
        except OSError:
            pass
    say("all refused")
say("what?")
'''


@pytest.fixture
def hostile(make_daemon, folder):
    program = folder / "hostile"
    program.write_text(HOSTILE)
    program.chmod(0o755)

    def make(*options):
        return make_daemon("--mlscore", str(program), *options).start()

    return make


def no_leftovers(daemon, store):
    return set(os.listdir(daemon.state / store / "tmp")) <= {"LOCK"}


def reason(daemon, what, code="model"):
    with pytest.raises(Refused) as caught:
        daemon.compile(what)
    assert caught.value.code == code, caught.value
    return caught.value.message


# --- the real compiler ---

def test_an_upload_is_stored_and_compiled(daemon):
    answer = daemon.compile(TREE)
    assert answer["blob"] == hashlib.sha256(TREE).hexdigest()
    assert answer["blobSize"] == len(TREE)
    blob = daemon.state / "blobs" / answer["blob"][:2] / answer["blob"]
    assert blob.read_bytes() == TREE
    images = daemon.state / "images"
    (image,) = images.glob("v*/*/" + answer["image"])
    assert hashlib.sha256(image.read_bytes()).hexdigest() == answer["image"]
    assert image.stat().st_size == answer["imageSize"]
    model = json.loads(answer["model"])
    assert [c["name"] for c in model["inputs"]] == ["x"]
    if ROOT:
        assert image.group() == "www-data"
    assert image.stat().st_mode & 0o777 == 0o640


def test_the_same_upload_again_is_the_same_file(daemon):
    first = daemon.compile(TREE)
    blob = daemon.state / "blobs" / first["blob"][:2] / first["blob"]
    os.utime(blob, (1, 1))
    again = daemon.compile(TREE)
    assert again["blob"] == first["blob"] and again["image"] == first["image"]
    assert blob.stat().st_mtime > time.time() - 60, \
        "an old file that is used again must not look old to the sweep"
    assert no_leftovers(daemon, "blobs")


@pytest.mark.parametrize("bytes_", [b"", b"nonsense", b"<PMML>",
                                    TREE[:-20], b"\x00" * 1000])
def test_what_is_no_model_is_refused_with_a_reason(daemon, bytes_):
    assert reason(daemon, bytes_)
    assert not [p for p in (daemon.state / "blobs").glob("??")], \
        "a refused upload leaves nothing"


def test_rows_are_verified(daemon):
    good = b"x,y\n1,3\n2,5\n"
    assert daemon.compile(TREE, verify=good)["ok"]
    with pytest.raises(Refused) as caught:
        daemon.compile(TREE, verify=b"x,y\n1,3\n2,6\n")
    assert caught.value.code == "model"


def test_an_upload_that_is_too_large_is_refused(make_daemon):
    daemon = make_daemon("--max-model-size", str(len(TREE) - 1)).start()
    assert "bytes" in reason(daemon, TREE, "toolarge")


def test_a_descriptor_that_is_no_file_is_refused(daemon):
    ends = os.pipe()
    with pytest.raises(Refused) as caught:
        supervisor_call(daemon.supervisor_path, {"op": "compile"}, [ends[0]])
    assert caught.value.code == "invalid"
    with pytest.raises(Refused):
        supervisor_call(daemon.supervisor_path, {"op": "compile"})
    for fd in ends:
        os.close(fd)


def test_the_position_of_the_descriptor_does_not_matter(daemon):
    fd = memory_file(TREE)
    os.lseek(fd, 100, os.SEEK_SET)
    answer = supervisor_call(daemon.supervisor_path, {"op": "compile"}, [fd])
    assert answer["blobSize"] == len(TREE)
    os.close(fd)


def test_the_quota_counts_what_is_published(make_daemon):
    daemon = make_daemon("--quota-bytes", str(2 * len(TREE) + 10)).start()
    for version in ("1", "2"):
        answer = daemon.compile(TREE)
        daemon.registry().write("service.create", service=service(
            "a", version=version, blob=answer["blob"], runtimeType="Realtime",
            image=answer["image"], modelSize=answer["blobSize"]))
    assert "quota" in reason(daemon, TREE, "nospace")
    assert daemon.compile(TREE, subject="file:other")["ok"]
    daemon.registry().write("service.delete", name="a", version="1")
    assert daemon.compile(TREE)["ok"]


def test_the_reserve_is_left_free(make_daemon):
    daemon = make_daemon()
    daemon.options += ["--reserve-bytes", str(1 << 60)]
    daemon.start()
    assert "reserve" in reason(daemon, TREE, "nospace")


def test_a_snapshot_is_stored_without_compiling(daemon):
    fd = memory_file(b"any bytes")
    answer = supervisor_call(daemon.supervisor_path,
                             {"op": "store", "subject": "file:admin"}, [fd])
    os.close(fd)
    assert answer["blob"] == hashlib.sha256(b"any bytes").hexdigest()
    assert "image" not in answer


def test_a_lost_image_is_compiled_again(daemon):
    answer = daemon.compile(TREE)
    daemon.registry().write("service.create", service=service(
        "a", blob=answer["blob"], image=answer["image"],
        modelSize=answer["blobSize"], runtimeType="Realtime"))
    daemon.stop()
    (image,) = (daemon.state / "images").glob("v*/*/" + answer["image"])
    image.unlink()
    daemon.start()
    assert wait_until(image.exists, 20), daemon.text()
    assert wait_until(lambda: "compiled_again" in daemon.text())


def test_an_image_of_another_format_gets_its_successor(daemon):
    """The record's image does not exist in this format: compiled from the
    blob, and the record, generation and index follow."""
    answer = daemon.compile(TREE)
    registry = daemon.registry()
    first = registry.write("service.create", service=service(
        "a", blob=answer["blob"], image="e" * 64, runtimeType="Realtime",
        modelSize=answer["blobSize"]))
    daemon.stop()
    daemon.start()
    registry = daemon.registry()

    def record():
        return registry.ask("service.get", name="a", version="1.0")["service"]

    assert wait_until(lambda: record()["image"] == answer["image"], 20), \
        daemon.text()
    assert record()["generation"] > first["generation"]
    assert record()["modified"] == first["modified"]
    assert registry.ask("blob.list", kind="image")["digests"] \
        == [answer["image"]]
    assert registry.ask("verify")["problems"] == []


# --- the cell ---

def test_only_some_compile_at_once(hostile):
    daemon = hostile("--max-compiles", "2", "--compile-timeout", "20")
    threads = [threading.Thread(target=lambda: pytest.raises(
        (Refused, Gone), daemon.compile, b"sleep")) for _ in range(2)]
    for thread in threads:
        thread.start()
    status = {"op": "status"}
    assert wait_until(lambda: supervisor_call(
        daemon.supervisor_path, status)["compiling"] == 2)
    assert "try again" in reason(daemon, b"good x", "busy")
    daemon.stop()
    for thread in threads:
        thread.join()


def worker_processes():
    """Processes of compile cells, by the program's name."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().strip() in ("mlscore", "bwrap"):
                state = (folder / "stat").read_text().rsplit(")", 1)[1]
                if state.split()[0] != "Z":
                    found.append(int(folder.name))
        except OSError:
            pass
    return found


def test_endless_work_is_ended(hostile):
    daemon = hostile("--compile-timeout", "2")
    began = time.monotonic()
    assert "2 seconds" in reason(daemon, b"loop")
    assert "2 seconds" in reason(daemon, b"sleep")
    assert time.monotonic() - began < 15
    assert daemon.compile(b"good x")["ok"]


def test_too_much_memory_is_ended(hostile):
    daemon = hostile("--compile-memory", str(256 << 20))
    assert reason(daemon, b"memory")
    assert daemon.compile(b"good x")["ok"]


def test_a_crash_is_a_reason(hostile):
    assert "crashed" in reason(hostile(), b"crash")


def test_a_flood_of_words_is_cut(hostile):
    daemon = hostile("--compile-timeout", "3")
    assert len(reason(daemon, b"flood")) < 5000


def test_too_much_output_is_ended(hostile):
    daemon = hostile("--max-model-size", "1000")
    assert "bytes" in reason(daemon, b"write")
    assert no_leftovers(daemon, "images")


def test_the_cell_is_the_worker_users_alone(hostile):
    words = reason(hostile(), b"who")
    uid = pwd.getpwnam("mlserver-worker").pw_uid if ROOT else os.getuid()
    assert words.startswith(f"uid {uid} "), words
    assert words.endswith("pids ['1', '2']"), words


def test_nothing_of_the_host_is_seen(hostile, folder):
    daemon = hostile()
    assert "shadow" not in reason(daemon, b"list /etc")
    for path in ("/etc/passwd", "/etc/shadow", str(daemon.state / "index"),
                 str(folder / "log"), "/root/.profile", "/home"):
        words = reason(daemon, b"read " + path.encode())
        assert words.startswith("refused"), (path, words)
    assert reason(daemon, b"list /").split() \
        and "home" not in reason(daemon, b"list /")


def test_a_file_of_roots_below_usr_is_not_read(hostile, needs_root):
    """bubblewrap started by root would read it: /usr is in the cell."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="mls-test-",
                                          dir="/usr/local/share"))
    try:
        place.chmod(0o755)
        secret, plain = place / "secret", place / "plain"
        secret.write_text("SECRET")
        secret.chmod(0o600)
        plain.write_text("PLAIN")
        plain.chmod(0o644)
        daemon = hostile()
        assert "READ PLAIN" in reason(daemon, f"read {plain}".encode())
        assert reason(daemon, f"read {secret}".encode()) \
            == "refused: Permission denied"
    finally:
        shutil.rmtree(place)


def test_no_processes_no_sockets_no_files(hostile):
    assert reason(hostile(), b"try") == "all refused"


def test_no_descriptor_of_ours_is_inherited(hostile):
    daemon = hostile()
    words = reason(daemon, b"fds")
    for word in words.split():
        fd, _, target = word.partition("=")
        assert int(fd) <= 3 or target.startswith("/proc"), words
        assert "registry" not in target and "lock" not in target.lower()
    assert "/blobs/tmp/" in words or "0=" in words


def test_the_cell_ends_with_its_caller(hostile):
    daemon = hostile("--compile-timeout", "60")
    before = set(worker_processes())
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as talk:
        talk.connect(str(daemon.supervisor_path))
        fd = memory_file(b"sleep")
        socket.send_fds(talk, [b'{"op":"compile"}'], [fd])
        os.close(fd)
        assert wait_until(lambda: set(worker_processes()) - before)
        cells = set(worker_processes()) - before
    assert wait_until(lambda: all(map(is_gone, cells)), 10)
    assert wait_until(lambda: supervisor_call(
        daemon.supervisor_path, {"op": "status"})["compiling"] == 0)
    assert no_leftovers(daemon, "blobs")


@pytest.mark.parametrize("role", ["supervisor", "parent"])
def test_the_cell_ends_with_the_supervisor(hostile, role):
    daemon = hostile("--compile-timeout", "60")
    before = set(worker_processes())
    thread = threading.Thread(target=lambda: pytest.raises(
        (Refused, Gone), daemon.compile, b"sleep"))
    thread.start()
    assert wait_until(lambda: set(worker_processes()) - before)
    cells = set(worker_processes()) - before
    if role == "parent":
        daemon.kill()
    else:
        os.kill(daemon.children()["supervisor"], signal.SIGKILL)
    assert wait_until(lambda: all(map(is_gone, cells)), 10), cells
    thread.join()
    if role == "parent":
        daemon.start()


# In a user namespace with all users as they are, where no further one may be
# made: what a container without nesting looks like. The kernel's own switch.
WITHOUT_NAMESPACES = """
import ctypes, os, sys
ready, go = os.pipe(), os.pipe()
me = os.getpid()
if os.fork() == 0:
    os.read(ready[0], 1)
    for kind in ("uid", "gid"):
        with open(f"/proc/{me}/{kind}_map", "w") as file:
            file.write("0 0 4294967295")
    os.write(go[1], b"x")
    os._exit(0)
if ctypes.CDLL(None, use_errno=True).unshare(0x10000000):
    sys.exit("unshare failed")
os.write(ready[1], b"x")
os.read(go[0], 1)
os.wait()
with open("/proc/sys/user/max_user_namespaces", "w") as file:
    file.write("0")
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.parametrize("mode", ["required", "reduced"])
def test_where_namespaces_are_refused(make_daemon, needs_root, mode):
    daemon = make_daemon("--sandbox", mode)
    command = daemon.command()
    daemon.command = lambda: ["/usr/bin/python3", "-c", WITHOUT_NAMESPACES,
                              *command]
    daemon.start()
    if mode == "required":
        assert "sandbox_refused" in daemon.text()
        assert "MLServerSandbox reduced" in reason(daemon, TREE,
                                                   "unavailable")
        return
    assert "sandbox_reduced" in daemon.text()
    assert "NO NAMESPACES" in daemon.text()
    assert daemon.compile(TREE)["ok"]
    assert reason(daemon, b"nonsense")


def test_a_large_description_travels_too(daemon):
    """More levels than fit a datagram: the answer comes as a memory file."""
    columns = "".join(f'<DataField name="column{i}" optype="continuous" '
                      f'dataType="double"/>' for i in range(3000))
    fields = "".join(f'<MiningField name="column{i}"/>' for i in range(3000))
    terms = "".join(f'<NumericPredictor name="column{i}" coefficient="1"/>'
                    for i in range(3000))
    model = TREE.decode().replace(
        '<DataField name="x" optype="continuous" dataType="double"/>',
        columns).replace('<MiningField name="x"/>', fields).replace(
        '<NumericPredictor name="x" coefficient="2"/>', terms)
    answer = daemon.compile(model.encode())
    assert len(answer["model"]) > 100000
    assert len(json.loads(answer["model"])["inputs"]) == 3000
    assert not SANITIZED or answer["ok"]
