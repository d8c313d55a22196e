#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trees: how fast we score them beside the libraries that made them, one
thread each, in one run. Every figure is a 'name: value unit (peers)' line.

usage: bench_trees.py [--build DIR] [--models DIR] [--seconds N] [--rounds N]

Models of 500 trees over 30 features from 20,000 training rows: gradient
boosting with 31 leaves (LightGBM, XGBoost), a random forest of depth 10. One
row, and a batch of 10,000. Peers are called through their C interfaces
(bench_peers.c: LightGBM's fast single-row call, the call of XGBoost's
inplace_predict, ONNX Runtime's Run, a library that treelite compiled).

The goals: a row in at most 0.33 of the fastest peer's time, a batch at 2.5
times its speed at least, an image of at most 1.2 times the ONNX file, compiled
in less than a second.
"""
import argparse
import os
import pathlib
import re
import resource
import tempfile

import numpy

import peer_models
import peers

MODELS = {
    "boosting-lightgbm": {"lightgbm": "txt", "onnx": "onnx", "pmml": "pmml"},
    "boosting-xgboost": {"xgboost": "json", "onnx": "onnx"},
    "forest": {"onnx": "onnx", "pmml": "pmml"},
}
PEERS = {
    "boosting-lightgbm": {"lightgbm": ".txt", "onnxruntime": ".onnx",
                          "treelite": ".so"},
    "boosting-xgboost": {"xgboost": ".json", "onnxruntime": ".onnx",
                         "treelite": ".so"},
    "forest": {"onnxruntime": ".onnx", "treelite": ".so"},
}
# How each format calls its columns.
ROWS = {"txt": "rows-Column.csv", "json": "rows-f.csv", "onnx": "rows-x.csv",
        "pmml": "rows-x.csv"}
LEVELS = ("avx2", "plain")


def compile_model(build, source, image):
    """Seconds of processor time that compiling takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    peers.run([build / "bin" / "mlscore", "compile", source, "-o", image])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime
            - before.ru_utime - before.ru_stime)


def measure_peers(figures, model, options):
    for name, suffix in PEERS[model].items():
        figures.add_output(name, peers.peer(
            options.build, name, options.models / (model + suffix),
            options.models / "rows.f32", peer_models.BATCH,
            peer_models.FEATURES, options.seconds))


def check_scores(build, model, image, rows, folder, batch):
    """The ONNX file's scores and ONNX Runtime's must agree."""
    session = peers.onnx_session(folder / (model + ".onnx"))
    theirs = session.run(None, {session.get_inputs()[0].name: batch})[-1]
    lines = peers.run([build / "bin" / "mlscore", "score", image, rows])
    ours = numpy.array([line.split(",")[-1] for line in
                        lines.splitlines()[1:]], dtype=float)
    worst = numpy.abs(ours - theirs.reshape(len(batch), -1)[:, -1]).max()
    scale = numpy.abs(theirs).max()
    if not worst < 1e-4 * scale:
        raise SystemExit("%s: scores differ by %g" % (model, worst))


def bench_model(model, formats, options, scratch):
    folder = options.models
    batch = numpy.fromfile(folder / "rows.f32", numpy.float32).reshape(
        -1, peer_models.FEATURES)
    onnx_size = os.path.getsize(folder / (model + ".onnx"))
    mine, theirs = peers.Figures(), peers.Figures()
    images, opening = {}, {}
    for name, suffix in formats.items():
        image = images[name] = scratch / ("%s-%s.image" % (model, name))
        seconds = compile_model(options.build, folder / (model + "." + suffix),
                                image)
        size = os.path.getsize(image)
        print("trees-%s-%s-compile-s: %.2f s" % (model, name, seconds))
        print("trees-%s-%s-image-bytes: %d bytes (%.2f of the ONNX file)"
              % (model, name, size, size / onnx_size))
    check_scores(options.build, model, images["onnx"],
                 folder / ROWS["onnx"], folder, batch)
    for _ in range(options.rounds):
        measure_peers(theirs, model, options)
        for name, suffix in formats.items():
            for level in (None,) + LEVELS * (name != "pmml"):
                text = peers.ours(options.build, images[name],
                                  folder / ROWS[suffix], peer_models.BATCH,
                                  options.seconds, level)
                mine.add_output(name + ("-" + level if level else ""), text)
                opening[name] = dict(re.findall(r"^(open-.*): (.*)$", text,
                                                re.M))
    for name in formats:
        print("trees-%s-%s-open-ms: %s ms (%s bytes beside the image)"
              % (model, name, opening[name]["open-ms"],
                 opening[name]["open-heap-bytes"]))
    for name in mine.row:
        peers.report("trees-%s-%s" % (model, name), mine.row[name],
                     mine.batch[name], theirs)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default="build")
    parser.add_argument("--models", type=pathlib.Path,
                        default="build/bench-models")
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=MODELS)
    options = parser.parse_args()
    peer_models.make(options.models,
                     ["rows"] + [options.only] if options.only
                     else ["rows"] + list(MODELS))
    with tempfile.TemporaryDirectory() as scratch:
        for model, formats in MODELS.items():
            if options.only in (None, model):
                bench_model(model, formats, options, pathlib.Path(scratch))


if __name__ == "__main__":
    main()
