# SPDX-License-Identifier: Apache-2.0
"""Code that means harm, in calls, in init code and in sessions: it is
contained, and what it did is said. After each, the service of somebody else
still answers."""
import os
import socket
import threading
import time

import pytest

from harness import env
from harness.client import is_error
from harness.httpd import (Httpd, children_of, location, sandbox,
                           server_lines, wait_until)

pytestmark = [
    pytest.mark.skipif(sandbox() != "required",
                       reason="namespaces are refused here"),
    pytest.mark.logs("request failed", "crashed", "cancelled", "runtime",
                     "worker", "bwrap")]

TEXT = [{"name": "found", "type": "character"}]

# What code can find out without help: one line for each thing that worked.
PROBE = '''
import ctypes, os, socket, sys
def attempt(what, work):
    try:
        answer = work()
    except BaseException as error:
        return
    done.append("%s: %r" % (what, answer))
done = []
'''


@pytest.fixture(scope="module")
def server():
    httpd = Httpd(config=lambda h: server_lines(h) + """
MLServerPoolMemory 500M
MLServerPoolProcesses 40
MLServerPoolConsoleSize 64K
MLServerPoolLoadTime 6s
""" + location(h, extra="MLServerExecuteTimeout 3s"))
    httpd.start()
    yield httpd
    httpd.remove()


@pytest.fixture(scope="module")
def mallory(server):
    return server.client("alice")


@pytest.fixture(autouse=True)
def neighbour(server):
    """Somebody else's service, which must answer before and after."""
    client = server.client("bob")
    client.post("/services/neighbour/1", json={
        "code": "y = 1", "runtimeType": "Python",
        "outputParameterDefinitions": [{"name": "y", "type": "integer"}]})
    assert client.post("/api/neighbour/1", json={}).json()[
        "outputParameters"] == {"y": 1}
    yield client
    answer = client.post("/api/neighbour/1", json={})
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputParameters"] == {"y": 1}


def run(client, name, code="found = ''", init="", **more):
    answer = client.post("/services/%s/1" % name, json={
        "code": code, "initCode": init, "runtimeType": "Python",
        "outputParameterDefinitions": TEXT, **more})
    assert answer.status_code == 201, answer.text
    return client.post("/api/%s/1" % name, json={})


def everywhere(client, name, probe):
    """What the probe's lines found in a call, in init code, in a session."""
    probe = PROBE + probe + "\nfound = '\\n'.join(done)\n"
    answer = run(client, name + "c", probe)
    assert answer.status_code == 200, answer.text
    yield "call", answer.json()["outputParameters"]["found"]
    answer = run(client, name + "i", "pass", init=probe)
    assert answer.status_code == 200, answer.text
    yield "init", answer.json()["outputParameters"]["found"]
    session = client.post("/sessions", json={"name": "h"}).json()["sessionId"]
    answer = client.post("/sessions/%s/execute" % session, json={
        "code": probe + "print(found)"})
    assert answer.status_code == 200, answer.text
    client.delete("/sessions/%s" % session)
    yield "session", answer.json()["consoleOutput"].strip()


def tree(pid):
    found, left = [], [pid]
    while left:
        pid = left.pop()
        found.append(pid)
        left += children_of(pid)
    return found


# --- secrets and files -------------------------------------------------------

def test_nothing_of_the_host_can_be_read(server, mallory, name):
    paths = ["/etc/shadow", "/etc/passwd", "/root", "/home", "/var", "/run",
             "/proc/1/root/etc/passwd", "/dev/sda", "/dev/mem",
             str(server.state), str(server.state / "registry"),
             str(server.state / "keys"), str(server.state / "blobs"),
             str(server.run / "registry.sock"), str(server.users),
             str(env.ROOT / "Makefile"), "/sys/class/net", "/boot"]
    probe = "for path in %r:\n" % paths + \
        "    attempt(path, lambda: os.listdir(path))\n" \
        "    attempt(path, lambda: open(path, 'rb').read(1))\n"
    for where, found in everywhere(mallory, name, probe):
        assert found == "", where


def test_files_of_other_calls_and_services_are_not_there(mallory, neighbour,
                                                         name):
    neighbour.post("/services/%sother/1" % name, json={
        "code": "import time\nopen('/tmp/secret', 'w').write('x')\n"
                "open('secret', 'w').write('x'); time.sleep(2)",
        "initCode": "open('/tmp/secret-init', 'w').write('x')",
        "runtimeType": "Python"})
    thread = threading.Thread(target=neighbour.post, args=(
        "/api/%sother/1" % name,), kwargs={"json": {}})
    thread.start()
    time.sleep(1)
    probe = "for top, folders, files in os.walk('/tmp'):\n" \
            "    for f in files: attempt(top + '/' + f, lambda: 'there')\n"
    for where, found in everywhere(mallory, name, probe):
        assert "secret" not in found, where
    thread.join()


def test_nothing_outside_can_be_written(mallory, name):
    probe = "for folder in ('/', '/usr', '/usr/bin', '/workers', '/etc',\n" \
            "               '/lib', '/opt', '/proc/sys/kernel', '/dev/shm/..',\n" \
            "               '/workers/mlserver_worker'):\n" \
            "    path = folder + '/made-by-code'\n" \
            "    attempt(folder, lambda: open(path, 'w').write('x') and\n" \
            "            not os.access(folder, os.W_OK))\n" \
            "attempt('chmod', lambda: os.chmod('/usr/bin/env', 0o777))\n" \
            "attempt('core', lambda: open('/proc/sys/kernel/core_pattern',\n" \
            "                             'w').write('|/x'))\n"
    for where, found in everywhere(mallory, name, probe):
        assert found == "", where
    for path in ("/made-by-code", "/usr/made-by-code", "/dev/made-by-code"):
        assert not os.path.exists(path)


def test_links_as_output_files_lead_nowhere(mallory, name):
    answer = run(mallory, name, "import os\nfound = ''\n"
                 "os.symlink('/etc/passwd', 'a')\n"
                 "os.symlink('/workers/mlserver_worker/zygote.py', 'b')\n"
                 "os.mkfifo('c'); os.mkdir('d')\n"
                 "os.link('/usr/bin/env', 'e') if 0 else None",
                 outputFileNames=["a", "b", "c", "d", "e"])
    assert answer.status_code == 200, answer.text
    assert set(answer.json()["outputFiles"].values()) == {None}
    session = mallory.post("/sessions", json={"name": "h"}).json()["sessionId"]
    path = "/sessions/" + session
    mallory.post(path + "/execute", json={
        "code": "import os; os.symlink('/workers/mlserver_worker/zygote.py',"
                " 'x'); os.symlink('/usr', 'y')"})
    assert mallory.get(path + "/files/x").status_code in (400, 404, 500)
    assert mallory.get(path + "/files/y%2Fbin%2Fenv").status_code != 200
    assert mallory.get(path + "/files").json() == []
    mallory.delete(path)


def test_calls_leave_nothing_for_the_next(mallory, name):
    """Not even where everybody may write."""
    publish = run(mallory, name, "import os\nfound = ''\n"
                  "for folder in {'/tmp', '/dev/shm', '/dev', '/', '.',\n"
                  "               os.environ['HOME']}:\n"
                  "    if os.path.exists(folder + '/left'): found += folder\n"
                  "    try: open(folder + '/left', 'w').close()\n"
                  "    except OSError: pass\n"
                  "found += open('/tmp/init').read()",
                  init="open('/tmp/init', 'w').write('kept')")
    assert publish.status_code == 200, publish.text
    for _ in range(4):
        answer = mallory.post("/api/%s/1" % name, json={})
        assert answer.json()["outputParameters"] == {"found": "kept"}


# --- the network and other processes -----------------------------------------

def test_sockets_reach_nobody(server, mallory, name):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("\0mls-hostile-%d" % os.getpid())
    listener.listen()
    probe = "import socket\ndef to(family, address):\n" \
        "    s = socket.socket(family); s.settimeout(1)\n" \
        "    s.connect(address); return address\n" \
        "for address in (('127.0.0.1', %d), ('10.0.0.1', 80),\n" \
        "                ('192.0.2.1', 53)):\n" \
        "    attempt(address, lambda: to(socket.AF_INET, address))\n" \
        "for path in (%r, %r, '\\0mls-hostile-%d'):\n" \
        "    attempt(path, lambda: to(socket.AF_UNIX, path))\n" \
        "attempt('raw', lambda: socket.socket(socket.AF_PACKET,\n" \
        "                                     socket.SOCK_RAW))\n" % (
            server.port, str(server.run / "registry.sock"),
            str(server.run / "supervisor.sock"), os.getpid())
    for where, found in everywhere(mallory, name, probe):
        # packets of an own, empty network are nobody's business
        assert [line for line in found.splitlines()
                if not line.startswith("raw: ")] == [], where
    listener.close()


def test_other_processes_are_out_of_reach(server, mallory, neighbour, name):
    before = set(tree(server.daemon_children()["supervisor"]))
    probe = "import signal\nlibc = ctypes.CDLL(None, use_errno=True)\n" \
        "for pid in range(1, 3000):\n" \
        "    if os.path.exists('/proc/%d' % pid) and pid != os.getpid():\n" \
        "        try: words = open('/proc/%d/cmdline' % pid).read()\n" \
        "        except OSError: continue\n" \
        "        if 'httpd' in words or 'apache' in words \\\n" \
        "                or '--state' in words: done.append(words)\n" \
        "def check(result):\n" \
        "    if result < 0: raise OSError(ctypes.get_errno())\n" \
        "    return result\n" \
        "for number, what in ((101, 'ptrace'), (310, 'process_vm_readv'),\n" \
        "                     (272, 'unshare'), (308, 'setns'),\n" \
        "                     (321, 'bpf'), (425, 'io_uring'),\n" \
        "                     (250, 'keyctl'), (161, 'chroot'),\n" \
        "                     (298, 'perf')):\n" \
        "    attempt(what, lambda: check(libc.syscall(number, 0, 0, 0, 0)))\n" \
        "attempt('newuser', lambda: check(libc.unshare(0x10000000)))\n" \
        "attempt('bind', lambda: check(libc.mount(b'/usr', b'/tmp', None,\n" \
        "                                         4096, None)))\n"
    for where, found in everywhere(mallory, name, probe):
        assert found == "", where
    assert before <= set(tree(server.daemon_children()["supervisor"])) | {
        pid for pid in before if not os.path.exists("/proc/%d" % pid)}


def test_killing_everybody_ends_only_itself(server, mallory, name):
    roles = server.daemon_children()
    answer = run(mallory, name + "c", "import os; os.kill(-1, 9)")
    assert answer.status_code in (200, 400, 500)
    answer = run(mallory, name + "p", "import os\nfor pid in range(1, 400):\n"
                 "    try: os.kill(pid, 9)\n    except OSError: pass\n"
                 "found = 'process %d' % os.getpid()")
    # a call's process is the first of its own namespace
    assert answer.json()["outputParameters"]["found"] == "process 1"
    answer = run(mallory, name + "i", init="import os\n"
                 "for pid in range(1, 400):\n"
                 "    try: os.kill(pid, 9)\n    except OSError: pass")
    assert answer.status_code == 503, answer.text
    assert "ended" in is_error(answer, 503)
    assert server.daemon_children() == roles


def test_inherited_descriptors_are_few_and_known(mallory, name):
    probe = "for fd in os.listdir('/proc/self/fd'):\n" \
        "    attempt(fd, lambda: os.readlink('/proc/self/fd/' + fd))\n"
    known = ("/dev/null", "memfd:", "socket:", "pipe:", "/proc/",
             "anon_inode:")
    for where, found in everywhere(mallory, name, probe):
        targets = [line.split(": ", 1)[1].strip("'/")
                   for line in found.splitlines()]
        assert all(t.startswith(tuple(k.strip("/") for k in known))
                   for t in targets), (where, targets)
        assert sum(t.startswith("socket:") for t in targets) <= 5


def test_lies_to_the_supervisor_are_no_use(mallory, name):
    """Init code holds the runtime's own channel: what it says there spoils
    its own service only."""
    for number, text in enumerate((
            b"no json", b"[]", b"{}", b"\0" * 60000,
            b'{"op":"worker","id":1}', b'{"op":"ready","forkSafe":true}',
            b'{"op":"ended","id":99999,"status":-1}',
            b'{"op":"memory","bytes":-9223372036854775808}',
            b'{"op":"hello","protocol":7}', b'{"op":{"a":1}}')):
        init = "import os, socket\ns = socket.socket(fileno=os.dup(3))\n" \
               "for _ in range(50): s.send(%r)\n" % text
        answer = run(mallory, "%sl%d" % (name, number), init=init)
        assert answer.status_code in (200, 400, 503, 500), answer.text
    for fds in (1, 4, 30):
        init = "import os, socket, array\ns = socket.socket(fileno=os.dup(3))\n" \
               "fds = array.array('i', [os.open('/dev/null', 0)] * %d)\n" \
               "for _ in range(20):\n" \
               "    s.sendmsg([b'{\"op\":\"worker\",\"id\":1}'], [(\n" \
               "        socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])\n" % fds
        answer = run(mallory, "%sf%d" % (name, fds), init=init)
        assert answer.status_code in (200, 400, 503, 500), answer.text


# --- taking everything -------------------------------------------------------

@pytest.mark.parametrize("where", ["call", "init"])
def test_an_endless_loop(mallory, name, where):
    began = time.monotonic()
    answer = run(mallory, name, **{"code" if where == "call" else "init":
                                   "while True: pass"})
    assert "limit" in is_error(answer, 504)
    assert time.monotonic() - began < 12


@pytest.mark.parametrize("where", ["call", "init"])
def test_a_memory_hog(mallory, name, where):
    answer = run(mallory, name, **{
        "code" if where == "call" else "init":
            "kept = []\nwhile True: kept.append(bytearray(10 << 20))"})
    assert answer.status_code == 400, answer.text
    assert "MemoryError" in answer.json()["errorMessage"]


@pytest.mark.parametrize("where", ["call", "init"])
def test_a_fork_bomb(server, mallory, name, where):
    before = len(tree(server.daemon_children()["supervisor"]))
    answer = run(mallory, name, **{
        "code" if where == "call" else "init":
            "import os, time\nfound = ''\nend = time.time() + 2\n"
            "while time.time() < end:\n    try: os.fork()\n"
            "    except OSError: time.sleep(0.01)\n"
            "os._exit(0) if os.getpid() > 10000 else None"})
    assert answer.status_code in (200, 400, 500, 503, 504), answer.text
    mallory.delete("/services/%s/1" % name)
    assert len(tree(server.daemon_children()["supervisor"])) < before + 100
    wait_until(lambda: len(tree(server.daemon_children()["supervisor"]))
               <= before + 60, 15, "the end of the bomb")


def test_a_flood_of_output(mallory, name):
    answer = run(mallory, name, "while True: print('x' * 100000)")
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert "printed more than" in body["errorMessage"]
    assert len(body["consoleOutput"]) < 70000
    assert "cut" in body["consoleOutput"]
    answer = run(mallory, name + "n", "import os\nfound = ''\n"
                 "os.system('head -c 3000000 /dev/zero | tr \"\\\\0\" y')")
    assert answer.status_code == 200
    assert len(answer.json()["consoleOutput"]) < 70000


def test_a_full_folder(mallory, name):
    answer = run(mallory, name, "n = 0\nwhile True:\n"
                 "    open('f%d' % n, 'wb').write(bytes(8 << 20)); n += 1")
    assert answer.status_code == 400, answer.text
    assert "No space left" in answer.json()["errorMessage"]


def test_leaving_without_a_word(mallory, name):
    began = time.monotonic()
    answer = run(mallory, name, "import os; print('bye', flush=True);"
                 " os._exit(0)")
    assert answer.status_code == 500
    assert "bye" in answer.json()["consoleOutput"]
    assert "status 0" in answer.json()["errorMessage"]
    assert time.monotonic() - began < 5


def test_results_that_are_no_results(mallory, name):
    """A worker's stream is the code's too: what it writes there is read with
    care."""
    for number, text in enumerate((
            b"R\xff\xff\xff\xff", b"R\x04\0\0\0null", b"R\x02\0\0\0[]",
            b"Z\x01\0\0\0x", b"B\x01\0\0\0xR\x02\0\0\0{}",
            b"R\x05\0\0\0{\"a\":")):
        code = "import os, stat\nfor fd in range(3, 30):\n" \
               "    try:\n" \
               "        if stat.S_ISSOCK(os.fstat(fd).st_mode):\n" \
               "            os.write(fd, %r)\n" \
               "    except OSError: pass\nos._exit(0)" % text
        answer = run(mallory, "%s%d" % (name, number), code)
        assert answer.status_code in (400, 500, 503), answer.text


def test_hostile_sessions_are_cancelled_and_closed(server, mallory, name):
    session = mallory.post("/sessions", json={"name": "h"}).json()["sessionId"]
    path = "/sessions/" + session
    thread = threading.Thread(target=mallory.post, args=(path + "/execute",),
                              kwargs={"json": {"code": "while True:\n"
                                               "    try:\n"
                                               "        while True: pass\n"
                                               "    except BaseException: "
                                               "pass"}})
    thread.start()
    time.sleep(0.5)
    other = server.client("alice")
    assert other.post(path + "/cancel").ok
    assert other.delete(path + "/force").ok
    thread.join(10)
    assert not thread.is_alive()
