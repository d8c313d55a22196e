# SPDX-License-Identifier: Apache-2.0
"""What bench_trees.py and bench_graphs.py share: running `mlscore bench` and
the peers, one thread each, and printing figures beside each other."""
import os
import pathlib
import re
import subprocess
import time

import numpy

import peer_models

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"


class Figures:
    """Best figures of several rounds: microseconds a row, rows a second."""

    def __init__(self):
        self.row, self.batch = {}, {}

    def add(self, name, row, batch):
        self.row[name] = min(row, self.row.get(name, row))
        self.batch[name] = max(batch, self.batch.get(name, batch))

    def add_output(self, name, text):
        found = dict(re.findall(r"^([a-z-]+): ([\d.]+)$", text, re.M))
        self.add(name, float(found["single-row-us-best"]),
                 float(found["rows-per-s-best"]))


def run(command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True,
                          text=True, **options)
    if done.returncode:
        raise SystemExit("%s failed:\n%s" % (command, done.stderr[-2000:]))
    return done.stdout


def ours(build, image, rows, count, seconds, instructions=None):
    """Output of `mlscore bench`, with at most these instructions."""
    environment = dict(os.environ)
    if instructions:
        environment["MLSCORE_INSTRUCTIONS"] = instructions
    return run([build / "bin" / "mlscore", "bench", image, rows, "--rows",
                count, "--seconds", seconds], env=environment)


def peer(build, name, library, model, folder, seconds):
    return run([build / "bench" / "bench_peers", name, library, model,
                folder / "rows.f32", peer_models.BATCH, peer_models.FEATURES,
                seconds])


def onnx_session(path):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"])


def onnx_times(session, batch, seconds):
    """Microseconds a row, in groups of 16 calls, and rows a second of a whole
    batch by what the process used."""
    name = session.get_inputs()[0].name
    rows = [{name: batch[i:i + 1]} for i in range(len(batch))]
    best, at, end = 1e30, 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(16):
            session.run(None, rows[at])
            at = (at + 1) % len(rows)
        best = min(best, (time.perf_counter() - start) / 16)
    least, end = 1e30, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.process_time()
        session.run(None, {name: batch})
        least = min(least, time.process_time() - start)
    return best * 1e6, len(batch) / least


def onnx_call_us(folder, seconds):
    """What calling ONNX Runtime from Python costs: a graph of one Identity."""
    import onnx
    from onnx import helper
    path = folder / "identity.onnx"
    kind = [onnx.TensorProto.FLOAT, ["n", peer_models.FEATURES]]
    path.write_bytes(helper.make_model(helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "identity",
        [helper.make_tensor_value_info("x", *kind)],
        [helper.make_tensor_value_info("y", *kind)]), ir_version=8,
        opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())
    return onnx_times(onnx_session(path), numpy.zeros(
        (64, peer_models.FEATURES), numpy.float32), seconds)[0]


def library(package, pattern):
    """A shared library of an installed package."""
    import importlib.util
    where = pathlib.Path(importlib.util.find_spec(package).origin).parent
    return next(where.rglob(pattern))


def beside(values, best, unit):
    """'fastest peer NAME value; others'."""
    names = sorted(values, key=values.get, reverse=best is max)
    return "; ".join("%s %s%s" % (n, unit % values[n],
                                  " is the fastest peer" * (i == 0))
                     for i, n in enumerate(names))


def report(name, row, batch, peers):
    """Lines of one model of ours beside the peers, with the ratios."""
    print("%s-row-us: %.2f us (%s)" % (name, row,
                                       beside(peers.row, min, "%.2f")))
    print("%s-row-ratio: %.2f" % (name, row / min(peers.row.values())))
    print("%s-rows-per-s: %.0f rows/s (%s)"
          % (name, batch, beside(peers.batch, max, "%.0f")))
    print("%s-rows-ratio: %.1f" % (name, batch / max(peers.batch.values())),
          flush=True)
