#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a call of a standard service costs, beside the same function called
directly and behind FastAPI, in one run. Every figure is a 'name: value' line.

usage: bench_services.py [--build DIR] [--python VENV/bin/python]
                         [--seconds N] [--rounds N] [--rate N]

A scikit-learn model loaded by init code, a data frame of ten rows in and out,
8 connections. Mode fresh is measured twice: with calls that come at a rate
(--rate a second, over the 8 connections), which is the latency that a caller
sees while the server keeps up; and with 8 connections that never pause, which
is what it can do at most. Mode reuse and FastAPI (uvicorn, 2 workers) get the
latter.
"""
import argparse
import http.client
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(TESTS / "api"))
sys.path.insert(0, str(HERE / "services"))
sys.path.insert(0, str(HERE))

import service  # noqa: E402
from bench_http import wrk  # noqa: E402

CONNECTIONS = 8


def say(name, value, more=""):
    print("%s: %s%s" % (name, value, " " + more if more else ""), flush=True)


def paced(port, path, headers, body, seconds, rate):
    """Calls at a rate, evenly over the connections; their times in ms."""
    times, errors, lock = [], [], threading.Lock()
    began = time.monotonic() + 0.2
    step = CONNECTIONS / rate

    def caller(number):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        own, at = [], began + number * step / CONNECTIONS
        while at < began + seconds:
            time.sleep(max(0, at - time.monotonic()))
            sent = time.perf_counter()
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            own.append((time.perf_counter() - sent) * 1000)
            if answer.status != 200:
                errors.append(text)
            at += step
        with lock:
            times.extend(own)

    threads = [threading.Thread(target=caller, args=(n,))
               for n in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        sys.exit("calls failed: %d, such as %r" % (len(errors), errors[0]))
    return times


def percentile(times, share):
    return sorted(times)[int(len(times) * share)]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Peer:
    """uvicorn with 2 workers."""

    def __init__(self, python, model):
        self.port = free_port()
        self.process = subprocess.Popen(
            [python, "-m", "uvicorn", "peer:app", "--workers", "2", "--port",
             str(self.port), "--log-level", "error", "--no-access-log"],
            cwd=HERE / "services", start_new_session=True,
            env={**os.environ, "MODEL": str(model), "OMP_NUM_THREADS": "1",
                 "OPENBLAS_NUM_THREADS": "1"})
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                break
            except OSError:
                time.sleep(0.1)
        time.sleep(2)

    def answer(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("POST", "/score", body, {
            "Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())["answer"]

    def stop(self):
        os.killpg(self.process.pid, 15)
        self.process.wait(20)


def make_httpd(python):
    from harness.httpd import Httpd, location, server_lines
    return Httpd(lean=True, config=lambda h: server_lines(h)
                 + "MLServerRuntime Python 3 %s\n" % python + location(h))


def publish(client, name, model, **more):
    answer = client.post("/services/%s/1" % name, json={
        "code": "answer = score(model, frame)",
        "initCode": service.init_code(model), "runtimeType": "Python",
        "inputParameterDefinitions": [{"name": "frame",
                                       "type": "data.frame"}],
        "outputParameterDefinitions": [{"name": "answer",
                                        "type": "data.frame"}], **more})
    if answer.status_code != 201:
        sys.exit("publish: " + answer.text)


def check(client, name, body):
    """The answer, for comparing."""
    answer = client.post("/api/%s/1" % name, data=body, headers={
        "Content-Type": "application/json"})
    if answer.status_code != 200:
        sys.exit("%s: %s" % (name, answer.text))
    return answer.json()["outputParameters"]["answer"]


class Ours:
    """httpd with the service in both modes."""

    def __init__(self, options, model, body):
        self.options, self.body = options, body
        self.httpd = make_httpd(options.python)
        self.httpd.start()
        self.client = self.httpd.client("alice")
        for mode in ("fresh", "reuse"):
            publish(self.client, mode, model, mode=mode)
            self.client.post("/services/%s/1/pool" % mode, json={
                "InitialPoolSize": options.spare if mode == "fresh" else 2,
                "MaxPoolSize": options.most if mode == "fresh" else 2})
            for _ in range(12):  # the first calls are learned from
                self.answer = check(self.client, mode, body)
                time.sleep(0.2)
        self.headers = [("Content-Type", "application/json"),
                        ("Authorization", "Bearer " + self.client.token)]

    def paced(self):
        return paced(self.httpd.port, "/api/fresh/1", dict(self.headers),
                     self.body, self.options.seconds, self.options.rate)

    def closed(self, mode):
        return wrk(self.httpd.url() + "/api/%s/1" % mode,
                   self.options.seconds, self.headers, self.body,
                   connections=CONNECTIONS)

    def stop(self):
        self.httpd.remove()


def measure(options, model, model_file, body, direct):
    """The servers take turns, since other work on the machine only ever slows
    one down: the best round counts."""
    ours, peer = Ours(options, model, body), Peer(options.python, model_file)
    try:
        if peer.answer(body) != ours.answer:
            sys.exit("the answers differ: %r" % ((ours.answer,
                                                  peer.answer(body)),))
        fresh, reuse, theirs = [], [], []
        for _ in range(options.rounds):
            fresh.append(ours.paced())
            time.sleep(1)
            reuse.append(ours.closed("reuse"))
            theirs.append(wrk("http://127.0.0.1:%d/score" % peer.port,
                              options.seconds,
                              [("Content-Type", "application/json")], body,
                              connections=CONNECTIONS))
        most = ours.closed("fresh")
    finally:
        peer.stop()
        ours.stop()
    best = min(fresh, key=lambda times: percentile(times, 0.5))
    say("service_fresh_p50_ms", "%.2f" % percentile(best, 0.5),
        "at %d calls/s over %d connections" % (options.rate, CONNECTIONS))
    say("service_fresh_p95_ms", "%.2f" % percentile(best, 0.95))
    say("service_fresh_added_ms", "%.2f" % (percentile(best, 0.5) - direct),
        "p50 less the function called directly")
    say("service_fresh_closed_rate", "%.0f" % most["rate"],
        "requests/s, connections that never pause")
    say("service_fresh_closed_p50_ms", "%.2f" % most["p50"])
    best = max(reuse, key=lambda figures: figures["rate"])
    say("service_reuse_rate", "%.0f" % best["rate"], "requests/s")
    say("service_reuse_p50_ms", "%.2f" % best["p50"])
    peers = max(theirs, key=lambda figures: figures["rate"])
    say("service_fastapi_rate", "%.0f" % peers["rate"], "requests/s")
    say("service_fastapi_p50_ms", "%.2f" % peers["p50"])
    say("service_reuse_to_fastapi", "%.2f" % (best["rate"] / peers["rate"]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--python",
                        default="build/venv-services/bin/python")
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=int, default=20)
    parser.add_argument("--spare", type=int, default=8)
    parser.add_argument("--most", type=int, default=12)
    options = parser.parse_args()
    options.python = os.path.abspath(options.python)
    os.environ["MLS_TEST_BUILD"] = options.build
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mls-bench-"))
    try:
        model_file = folder / "model"
        direct_program = [options.python, HERE / "services/direct.py",
                          model_file]
        subprocess.run(direct_program + ["make"], check=True)
        model = model_file.read_bytes()
        body = json.dumps({"frame": json.loads(subprocess.run(
            [options.python, "-c", "import json, service;"
             "print(json.dumps(service.request()))"], cwd=HERE / "services",
            check=True, capture_output=True, text=True).stdout)})
        direct = statistics.median(
            float(subprocess.run(direct_program, check=True, text=True,
                                 capture_output=True).stdout)
            for _ in range(3))
        say("service_direct_p50_ms", "%.2f" % direct)
        measure(options, model, model_file, body, direct)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
