#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Linear models and networks: how fast we score them beside ONNX Runtime, one
thread each, in one run. Every figure is a 'name: value unit (peer)' line.

usage: bench_graphs.py [--build DIR] [--models DIR] [--seconds N] [--rounds N]

Linear and logistic regression and a small perceptron over 30 features, a row
and a batch of 10,000 (ONNX Runtime takes a matrix, we take a data frame); a
network of ResNet-18's size, one picture at a time. ONNX Runtime is called
through its C interface (bench_peers.c).

The goals: linear models not slower, the network within twice the time.
"""
import argparse
import pathlib
import tempfile

import numpy

import peer_models
import peers

PICTURE = (1, 3, 224, 224)


def onnxruntime(options, model, data, rows, columns):
    return peers.peer(options.build, "onnxruntime",
                      options.models / (model + ".onnx"), data, rows, columns,
                      options.seconds)


def bench_rows(model, options, scratch):
    folder = options.models
    image = scratch / (model + ".image")
    mine, theirs = peers.Figures(), peers.Figures()

    peers.run([options.build / "bin" / "mlscore", "compile",
               folder / (model + ".onnx"), "-o", image])
    for _ in range(options.rounds):
        theirs.add_output("onnxruntime", onnxruntime(
            options, model, folder / "rows.f32", peer_models.BATCH,
            peer_models.FEATURES))
        mine.add_output("ours", peers.ours(options.build, image,
                                           folder / "rows-x.csv",
                                           peer_models.BATCH, options.seconds))
    peers.report(model, mine.row["ours"], mine.batch["ours"], theirs)


def write_picture(path):
    values = numpy.random.default_rng(3).standard_normal(
        PICTURE, dtype=numpy.float32).ravel()
    with open(path, "w", encoding="ascii") as file:
        file.write(",".join("x%d" % i for i in range(len(values))) + "\n")
        file.write(",".join("%.9g" % v for v in values) + "\n")
    return values.reshape(PICTURE)


def bench_network(options, scratch):
    """Milliseconds of processor time for a picture."""
    model, image = options.models / "resnet18.onnx", scratch / "resnet.image"
    rows = scratch / "picture.csv"
    picture = write_picture(rows)
    session = peers.onnx_session(model)

    peers.run([options.build / "bin" / "mlscore", "compile", model, "-o",
               image])
    theirs = session.run(None, {"x": picture})[0].ravel()
    lines = peers.run([options.build / "bin" / "mlscore", "score", image,
                       rows]).splitlines()
    ours = numpy.array(lines[1].split(","), dtype=float)
    if not numpy.abs(ours - theirs).max() < 1e-3 * numpy.abs(theirs).max():
        raise SystemExit("resnet18: scores differ")
    found = peers.Figures()
    picture.tofile(scratch / "picture.f32")
    for _ in range(options.rounds):
        found.add_output("onnxruntime", onnxruntime(
            options, "resnet18", scratch / "picture.f32", 1, PICTURE[1]))
        found.add_output("ours", peers.ours(options.build, image, rows, 1,
                                            options.seconds))
    print("resnet18-ms: %.1f ms (onnxruntime %.1f)"
          % (found.row["ours"] / 1e3, found.row["onnxruntime"] / 1e3))
    print("resnet18-ratio: %.2f"
          % (found.row["ours"] / found.row["onnxruntime"]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default="build")
    parser.add_argument("--models", type=pathlib.Path,
                        default="build/bench-models")
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    peer_models.make(options.models, ["rows", "linear", "resnet18"])
    with tempfile.TemporaryDirectory() as scratch:
        for model in ("linear", "logistic", "mlp"):
            bench_rows(model, options, pathlib.Path(scratch))
        bench_network(options, pathlib.Path(scratch))


if __name__ == "__main__":
    main()
