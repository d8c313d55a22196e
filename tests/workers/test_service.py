# SPDX-License-Identifier: Apache-2.0
"""Consume calls against the real Python runtime, without a server."""

import base64
import os
import signal

import pytest

from harness import ProtocolError, Runtime, set_timeout, snapshot_zip


def define(code, inputs=(), outputs=(), files=(), init=""):
    return {"code": code, "initCode": init,
            "inputs": [{"name": n, "type": t} for n, t in inputs],
            "outputs": [{"name": n, "type": t} for n, t in outputs],
            "outputFileNames": list(files)}


@pytest.fixture
def runtime():
    started = Runtime()
    yield started
    started.stop()


def test_scalars_go_in_and_come_out(runtime):
    runtime.load(define(
        "assert type(i) is int and type(x) is float and type(b) is bool\n"
        "y = x * i; s2 = s + '!'; n = not b; k = i",
        [("i", "integer"), ("x", "numeric"), ("b", "logical"),
         ("s", "character")],
        [("y", "numeric"), ("s2", "character"), ("n", "logical"),
         ("k", "integer")]))
    answer = runtime.run({"i": 3, "x": 1.5, "b": True, "s": "hé"})
    assert answer["outputParameters"] == {"y": 4.5, "s2": "hé!", "n": False,
                                          "k": 3}
    assert answer["success"] and answer["errorMessage"] == ""


def test_frames_vectors_and_matrices(runtime):
    runtime.load(define(
        "import numpy as np, pandas as pd\n"
        "assert isinstance(d, pd.DataFrame) and isinstance(v, np.ndarray)\n"
        "assert isinstance(m, np.matrix)\n"
        "d['c'] = d.a / d.b; w = v * 2; t = m.T",
        [("d", "data.frame"), ("v", "vector"), ("m", "matrix")],
        [("d", "data.frame"), ("w", "vector"), ("t", "matrix")]))
    answer = runtime.run({"d": {"a": [1, 0], "b": [2, 0]}, "v": [1, 2.5],
                          "m": [[1, 2], [3, 4]]})
    assert answer["outputParameters"]["d"] == {
        "a": [1, 0], "b": [2, 0], "c": [0.5, None]}
    assert answer["outputParameters"]["w"] == [2, 5.0]
    assert answer["outputParameters"]["t"] == [[1, 3], [2, 4]]


def test_null_is_none_for_every_type(runtime):
    runtime.load(define("y = x is None", [("x", "data.frame")],
                        [("y", "logical"), ("never", "numeric")]))
    assert runtime.run({"x": None})["outputParameters"] == {
        "y": True, "never": None}


@pytest.mark.parametrize("value, words", [
    ({}, "input 'x' (integer) is missing"),
    ({"x": 1.5}, "whole number"), ({"x": "1"}, "whole number"),
    ({"x": [1]}, "whole number"), ({"x": True}, "whole number")])
def test_wrong_inputs_are_the_callers_mistake(runtime, value, words):
    runtime.load(define("y = 1", [("x", "integer")], [("y", "integer")]))
    answer = runtime.run(value)
    assert answer["kind"] == "input" and words in answer["errorMessage"]
    assert answer["outputParameters"] == {"y": None}


def test_an_error_has_message_traceback_and_console(runtime):
    runtime.load(define("print('before')\ndef f():\n    raise ValueError('no')"
                        "\nf()"))
    answer = runtime.run({})
    assert answer["kind"] == "code"
    assert answer["errorMessage"] == "ValueError: no"
    assert "line 3, in f" in answer["traceback"]
    assert "raise ValueError('no')" in answer["traceback"]
    assert "mlserver_worker" not in answer["traceback"]
    assert answer["consoleOutput"] == "before\n"


def test_native_prints_are_console_output(runtime):
    runtime.load(define("import os; os.system('echo native'); print('python')"))
    text = runtime.run({})["consoleOutput"]
    assert "native\n" in text and "python\n" in text


def test_output_files_are_base64_or_null(runtime):
    runtime.load(define("open('a.bin', 'wb').write(b'\\0\\1')\n"
                        "open('other', 'w').close()", files=["a.bin", "b"]))
    answer = runtime.run({})
    assert answer["outputFiles"] == {
        "a.bin": base64.b64encode(b"\0\1").decode(), "b": None}
    assert answer["changedFiles"] == ["a.bin", "other"]


def test_requests_do_not_see_each_other(runtime):
    runtime.load(define("seen = 'left' in globals()\nleft = 1\n"
                        "import os\nfiles = sorted(os.listdir('.'))\n"
                        "open('f', 'w').close()",
                        outputs=[("seen", "logical"), ("files", "vector")]))
    for _ in range(2):
        assert runtime.run({})["outputParameters"] == {"seen": False,
                                                       "files": []}


def test_snapshot_objects_and_files_are_there(runtime):
    import dill
    runtime.load(
        define("y = rate * 2; t = open('data/a.txt').read()",
               outputs=[("y", "numeric"), ("t", "character")]),
        snapshot_zip({"rate": dill.dumps(21)}, {"data/a.txt": b"hello"}))
    assert runtime.run({})["outputParameters"] == {"y": 42, "t": "hello"}


def test_an_object_that_cannot_be_loaded_is_named(runtime):
    runtime.load(define("y = 1"), snapshot_zip({"model": b"junk"}))
    answer = runtime.run({})
    assert answer["kind"] == "load"
    assert "object 'model' could not be loaded" in answer["errorMessage"]


def test_init_code_runs_once_per_zygote(runtime):
    runtime.load(define("y = n; n += 1", outputs=[("y", "integer")],
                        init="n = 5"))
    assert [runtime.run({})["outputParameters"]["y"] for _ in range(2)] == \
        [5, 5]


@pytest.mark.parametrize("mode", ["fresh", "reuse"])
def test_init_code_has_the_files_and_leaves_its_own(runtime, mode):
    runtime.load(define(
        "y = base + float(open('made.txt').read())\n"
        "open('made.txt', 'w').write('0')", [], [("y", "numeric")],
        init="base = float(open('sub/base.txt').read())\n"
             "open('made.txt', 'w').write('2.5')"),
        snapshot_zip(files={"sub/base.txt": b"40"}), mode=mode)
    for _ in range(3):
        answer = runtime.run({})
        assert answer["outputParameters"] == {"y": 42.5}, answer.result
        assert answer["changedFiles"] == ["made.txt"]


def test_failing_init_code_is_answered_to_each_request(runtime):
    ready = runtime.load(define("y = 1", init="import no_such_module"))
    assert "no_such_module" in ready["loadError"]
    assert "init code failed" in runtime.run({})["errorMessage"]


def test_random_numbers_differ_between_requests(runtime):
    runtime.load(define("import random\ny = random.random()\n"
                        "z = float(np.random.rand())", init="import random\n"
                        "import numpy as np\nnp.random.rand()",
                        outputs=[("y", "numeric"), ("z", "numeric")]))
    first, second = (runtime.run({})["outputParameters"] for _ in range(2))
    assert first["y"] != second["y"] and first["z"] != second["z"]


def test_seeded_random_numbers_repeat(runtime):
    runtime.load(define("y = random.random()", outputs=[("y", "numeric")],
                        init="import random; random.seed(7)"))
    first, second = (runtime.run({})["outputParameters"] for _ in range(2))
    assert first == second


def test_a_crash_leaves_its_console_output(runtime):
    runtime.load(define("import os, signal\nprint('last words', flush=True)\n"
                        "os.kill(os.getpid(), signal.SIGSEGV)"
                        "\nimport ctypes; ctypes.string_at(0)"))
    number, channel = runtime.fork()
    with pytest.raises(ProtocolError) as caught:
        runtime.call(channel, {})
    assert b"last words" in caught.value.console
    assert runtime.ended(number)["signal"] in (signal.SIGSEGV, signal.SIGBUS,
                                               signal.SIGKILL)


def test_kill_ends_the_worker_and_its_daemons(runtime):
    ready = runtime.load(define(
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n"
        "    open('/tmp/mlserver-test-daemon', 'w').write('x')\n"
        "    time.sleep(60)\n    os._exit(0)\nprint('up', flush=True)\n"
        "time.sleep(60)"))
    assert ready["forkSafe"]
    number, channel = runtime.fork()
    stream = runtime.start(channel, {})
    with pytest.raises(BlockingIOError):
        set_timeout(stream, 0.5)
        while stream.recv(4096):
            pass
    runtime.control.send({"op": "kill", "id": number})
    assert runtime.ended(number)["signal"] == signal.SIGKILL
    alive = [p for p in os.listdir("/proc") if p.isdigit()
             and _parent_zygote(p, runtime.process.pid)]
    assert alive == []


def _parent_zygote(pid, zygote):
    try:
        with open("/proc/%s/stat" % pid) as source:
            return int(source.read().rsplit(")", 1)[1].split()[1]) == zygote
    except (OSError, ValueError):
        return False


def test_reuse_mode_restores_names_and_files(runtime):
    runtime.load(define("seen = 'left' in globals()\nleft = 1\n"
                        "import os\nfiles = os.listdir('.')\n"
                        "open('f', 'w').close()\nprint('hi')",
                        outputs=[("seen", "logical"), ("files", "vector")]),
                 mode="reuse")
    _, channel = runtime.fork()
    for _ in range(3):
        answer = runtime.call(channel, {})
        assert answer["outputParameters"] == {"seen": False, "files": []}
        assert answer["consoleOutput"] == "hi\n"
        assert channel.receive()[0] == {"op": "idle"}


def test_a_thread_left_by_init_makes_it_not_fork_safe(runtime):
    ready = runtime.load(define("y = 1", init="import threading, time\n"
                         "threading.Thread(target=time.sleep, args=(30,), "
                         "daemon=True).start()"))
    assert ready["threads"] > 1 and not ready["forkSafe"]


def test_console_flood_is_cut_and_said(runtime):
    runtime.load({**define("print('x' * 5000)"), "limits": {"console": 1000}})
    text = runtime.run({})["consoleOutput"]
    assert text.startswith("x" * 1000) and "cut" in text
    assert len(text) < 1200


def test_threads_left_by_init_still_serve_each_request(runtime):
    runtime.load(define("y = 2", outputs=[("y", "integer")],
                        init="import threading, time\n"
                        "threading.Thread(target=time.sleep, args=(30,), "
                        "daemon=True).start()"))
    number, channel = runtime.fork()
    assert runtime.call(channel, {})["outputParameters"] == {"y": 2}


def test_processes_of_one_request_are_bounded(runtime):
    runtime.load(define(
        "import os, time\nn = 0\n"
        "try:\n    while n < 1000:\n        if os.fork() == 0:\n"
        "            time.sleep(20); os._exit(0)\n        n += 1\n"
        "except OSError:\n    pass", outputs=[("n", "integer")]))
    assert 0 < runtime.run({})["outputParameters"]["n"] <= 128


def test_later_workers_have_what_first_calls_needed(runtime):
    """Modules that a call imported are there before the next."""
    import time
    runtime.load(define(
        "import sys\nthere = 'colorsys' in sys.modules\nimport colorsys",
        outputs=[("there", "logical")]))
    found = []
    for _ in range(8):
        found.append(runtime.run({})["outputParameters"]["there"])
        time.sleep(0.2)
    assert not found[0] and found[-1]


def test_lies_about_what_calls_need_do_no_harm(runtime):
    import time
    runtime.load(define(
        "import os, json, socket, stat\n"
        "for fd in range(3, 40):\n"
        "    try:\n"
        "        s = socket.socket(fileno=os.dup(fd))\n"
        "        if s.type != socket.SOCK_DGRAM: continue\n"
        "        for lie in (b'x', b'{}', b'[]', json.dumps({'modules': [\n"
        "                'mlserver_worker.__main__', '__main__', 7, 'a b'],\n"
        "                'reads': [], 'writes': []}).encode(),\n"
        "                json.dumps({'modules': [], 'reads': [[0, 4096],\n"
        "                [-5, 1 << 70]], 'writes': [[1, 2]]}).encode()):\n"
        "            s.send(lie)\n"
        "    except OSError: pass\ny = 1", outputs=[("y", "integer")]))
    for _ in range(4):
        assert runtime.run({})["outputParameters"] == {"y": 1}
        time.sleep(0.2)
