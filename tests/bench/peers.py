# SPDX-License-Identifier: Apache-2.0
"""What bench_trees.py and bench_graphs.py share: running `mlscore bench` and
the peers, one thread each, and printing figures beside each other."""
import importlib.util
import os
import pathlib
import re
import subprocess

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


LIBRARIES = {"lightgbm": "lib_lightgbm.so", "xgboost": "libxgboost.so",
             "onnxruntime": "libonnxruntime.so.*"}


def library(package):
    """The shared library of an installed package."""
    where = importlib.util.find_spec(package).origin
    return next(pathlib.Path(where).parent.rglob(LIBRARIES[package]))


def peer(build, name, model, data, rows, columns, seconds):
    """Output of bench_peers; treelite's models are libraries."""
    where = (model, "-") if name == "treelite" else (library(name), model)
    return run([build / "bench" / "bench_peers", name, *where, data, rows,
                columns, seconds])


def onnx_session(path):
    """For scores to compare ours with, not for times."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"])


def beside(values, best, unit):
    """What the peers reach, the fastest one first."""
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
