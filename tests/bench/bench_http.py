#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What scoring over HTTP costs, compared with an empty handler in the same
server and the same run. Every figure is a 'name: value' line.

usage: bench_http.py [--build DIR] [--seconds N] [--rounds N]

A lean prefork httpd, `wrk -t1 -c16`, one row of a 500-tree model in a body of
about 900 bytes. The two handlers take turns, several rounds; the ratio is that
of the best rounds, since other work on the machine only ever slows one down.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parents[1]


def wrk(url, seconds, headers=(), body=None, connections=16):
    """Run wrk; returns requests/s and latencies in milliseconds."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write('wrk.method = "POST"\n')
        if body is not None:
            script.write("wrk.body = %s\n" % lua_string(body))
        for name, value in headers:
            script.write("wrk.headers[%s] = %s\n" % (lua_string(name),
                                                     lua_string(value)))
        script.write(REPORT)
        script.flush()
        done = subprocess.run(
            ["wrk", "-t1", "-c%d" % connections, "-d%ds" % seconds, "-s",
             script.name, url],
            capture_output=True, text=True, check=True)
    figures = dict(re.findall(r"^@(\w+) ([\d.e+-]+)$", done.stdout, re.M))
    if int(float(figures["errors"])):
        sys.exit("wrk saw errors:\n" + done.stdout)
    return {name: float(value) for name, value in figures.items()}


REPORT = """
done = function(summary, latency, requests)
  local e = summary.errors
  print("@rate " .. summary.requests / (summary.duration / 1e6))
  print("@p50 " .. latency:percentile(50) / 1000)
  print("@p99 " .. latency:percentile(99) / 1000)
  print("@errors " .. e.connect + e.read + e.write + e.status + e.timeout)
end
"""


def lua_string(value):
    return '"%s"' % value.replace("\\", "\\\\").replace('"', '\\"')


def request(inputs, rows=1):
    """A request, all inputs given: a row takes about 900 bytes."""
    return json.dumps({"inputData": {
        "x%d" % i: [round(((i + 7 * r) * 0.37) % 4 - 2 + 1 / 3, 14)
                    for r in range(rows)]
        for i in range(inputs)}})


def server(children, **options):
    """A lean prefork httpd with our module and the empty handler."""
    from harness.httpd import Httpd, location, server_lines
    return Httpd(mpm="prefork", lean=True, modules=("empty",), mpm_config=(
        "StartServers %d\nMinSpareServers %d\nMaxSpareServers %d\n"
        "MaxRequestWorkers %d\n" % (children, children, children, children))
        + "LogLevel warn\n", config=lambda s: server_lines(s) + location(s) + """
<Location "/empty">
    MLServer off
    SetHandler empty
    Require all granted
</Location>
""", **options)


def bench_many(name, url, options, headers, body):
    """One caller after the other: a row of a request of 1,000 rows beside a
    request of one row."""
    one = thousand = 0
    for _ in range(options.rounds):
        one = max(one, wrk(url, options.seconds, headers, body, 1)["rate"])
        thousand = max(thousand, wrk(url, options.seconds, headers,
                                     request(30, 1000), 1)["rate"])
    print("http-one-row-%s-us: %.1f us" % (name, 1e6 / one))
    print("http-1000-rows-%s-row-us: %.2f us" % (name, 1e3 / thousand))
    print("http-1000-rows-%s-ratio: %.1f" % (name, 1000 * thousand / one))


def bench_ratio(options, models):
    httpd = server(16)
    try:
        httpd.start()
        client = httpd.client("alice")
        body = request(30)
        # The same size of forest in two formats, and a linear regression.
        for name, model in (
                ("boosted", models.boosted(500, inputs=30, depth=5)),
                ("pmml", models.forest(trees=500, inputs=30, depth=5)),
                ("regression", models.regression(30))):
            answer = client.publish(name, "1", model)
            assert answer.status_code == 201, answer.text
            row = client.post("/api/%s/1" % name, data=body, headers={
                "Content-Type": "application/json"})
            assert row.status_code == 200, row.text
        print("http-body-bytes: %d" % len(body))
        headers = [("Content-Type", "application/json"),
                   ("Authorization", "Bearer " + client.token)]
        client.close()
        best = {}
        for turn in range(options.rounds + 1):
            for name, path in (("empty", "/empty"),
                               ("score", "/api/boosted/1"),
                               ("score-pmml", "/api/pmml/1"),
                               ("score-regression", "/api/regression/1")):
                seconds = options.seconds if turn else 2  # first: warm up
                figures = wrk(httpd.url() + path, seconds, headers, body)
                if turn and figures["rate"] > best.get(name, {"rate": 0})["rate"]:
                    best[name] = figures
        for name, figures in sorted(best.items()):
            print("http-%s-requests-per-second: %.0f" % (name,
                                                         figures["rate"]))
            print("http-%s-p50-ms: %.3f" % (name, figures["p50"]))
            print("http-%s-p99-ms: %.3f" % (name, figures["p99"]))
        for name in ("boosted", "pmml", "regression"):
            bench_many(name, "%s/api/%s/1" % (httpd.url(), name), options,
                       headers, body)
        for name, label in (("score", "http-ratio"),
                            ("score-pmml", "http-ratio-pmml"),
                            ("score-regression", "http-ratio-regression")):
            print("%s: %.2f" % (label, best[name]["rate"]
                                / best["empty"]["rate"]))
    finally:
        httpd.remove()


def pss(pids, only=None):
    """Proportional memory of processes in MB; `only` a part of map names."""
    total = 0
    for pid in pids:
        if only is None:
            with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as file:
                total += sum(int(line.split()[1]) for line in file
                             if line.startswith("Pss:"))
            continue
        inside = False
        with open("/proc/%d/smaps" % pid, encoding="utf-8",
                  errors="replace") as file:
            for line in file:
                if re.match(r"^[0-9a-f]+-[0-9a-f]+ ", line):
                    inside = only in line
                elif inside and line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def image_size(model):
    """How large the compiled image of a model is."""
    from harness import env
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model")
        with open(path, "wb") as file:
            file.write(model)
        subprocess.run([env.BUILD / "bin" / "mlscore", "compile", path, "-o",
                        path + ".image"], check=True)
        return os.path.getsize(path + ".image")


def bench_memory(models):
    """Children that all score with the same model of about 100 MB."""
    per_tree = image_size(models.boosted(20)) / 20
    model = models.boosted(int(100e6 / per_tree))
    figures = {}
    for children in (1, 8):
        httpd = server(children)
        try:
            httpd.start()
            client = httpd.client("alice")
            answer = client.publish("big", "1", model, timeout=600)
            assert answer.status_code == 201, answer.text
            client.close()
            token = client.token
            before = pss(httpd.children())
            # Kept connections pin one child each.
            clients = []
            for _ in range(children):
                caller = httpd.client()
                caller.token = token
                for i in range(200):
                    answer = caller.post("/api/big/1", data=json.dumps({
                        "inputData": {"x%d" % k: [((i + 1) * (k + 3) * 0.377)
                                                  % 4 - 2]
                                      for k in range(30)}}), headers={
                        "Content-Type": "application/json"})
                    assert answer.status_code == 200, answer.text
                clients.append(caller)
            after = pss(httpd.children())
            image = pss(httpd.children(), "/images/")
            sizes = [os.path.getsize(os.path.join(d, f)) for d, _, files in
                     os.walk(httpd.state / "images") for f in files]
            name = "memory-%d-child%s" % (children, "ren"[:3 * (children > 1)])
            figures[children] = image
            print("%s-pss-mb: %.0f" % (name, after))
            print("%s-growth-mb: %.0f" % (name, after - before))
            print("%s-image-pss-mb: %.1f" % (name, image))
            if children == 1:
                print("memory-image-size-mb: %.0f" % (max(sizes) / 1e6))
        finally:
            httpd.remove()
    print("memory-copies-in-8-children: %.2f" % (figures[8] / figures[1]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--only", choices=("ratio", "memory"))
    options = parser.parse_args()
    os.environ["MLS_TEST_BUILD"] = str(pathlib.Path(options.build).resolve())
    sys.path.insert(0, str(TESTS / "api"))
    from harness import models
    if options.only != "memory":
        bench_ratio(options, models)
    if options.only != "ratio":
        bench_memory(models)


if __name__ == "__main__":
    main()
