#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ONNX project's backend node tests through `mlscore onnx-test`.

The cases ship in the onnx Python package, partly as code that makes them.
They are written once to a cache folder in the standard layout (model.onnx,
test_data_set_0/{input,output}_N.pb), run, and counted by operator:

    onnx_backend.py [--mlscore PROGRAM] [--cache DIR] [--check FILE] [NAME...]

--check FILE holds one test name a line that must pass; a missing one fails
the run. NAME limits the run to cases whose name contains one of the words.
"""
import argparse
import collections
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper


def proto_of(value, type_proto, name):
    """A value of a test data set as the protobuf its file holds."""
    if type_proto.HasField("sequence_type"):
        return numpy_helper.from_list(value, name)
    if type_proto.HasField("optional_type"):
        return numpy_helper.from_optional(value, name)
    if type_proto.HasField("map_type"):
        return numpy_helper.from_dict(value, name)
    if isinstance(value, TensorProto):
        return value
    return numpy_helper.from_array(np.asarray(value), name)


def write_case(case, folder):
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    (folder / "tolerance").write_text(f"{case.rtol} {case.atol}\n")
    for k, (inputs, outputs) in enumerate(case.data_sets):
        data = folder / f"test_data_set_{k}"
        data.mkdir()
        for kind, values, infos in (
                ("input", inputs, case.model.graph.input),
                ("output", outputs, case.model.graph.output)):
            for j, value in enumerate(values):
                proto = proto_of(value, infos[j].type, infos[j].name)
                (data / f"{kind}_{j}.pb").write_bytes(
                    proto.SerializeToString())


def generate(cache):
    """Write every node test below cache/node, once for this onnx version."""
    from onnx.backend.test.case.node import collect_testcases

    done = cache / f"done-{onnx.__version__}"
    if done.exists():
        return
    failed = 0
    for case in collect_testcases():
        folder = cache / "node" / case.name
        if folder.exists():
            continue
        try:
            write_case(case, folder)
        except Exception as error:  # a case that this numpy cannot express
            failed += 1
            print(f"cannot write {case.name}: {error}", file=sys.stderr)
    done.write_text(f"{failed} cases could not be written\n")


def folders(cache, words):
    """Every case: generated ones and those the package ships as files."""
    shipped = pathlib.Path(onnx.__file__).parent / "backend/test/data"
    found = []
    for root in (cache / "node", shipped / "simple",
                 shipped / "pytorch-operator", shipped / "pytorch-converted"):
        if root.is_dir():
            found += sorted(p for p in root.iterdir()
                            if (p / "model.onnx").exists())
    if words:
        found = [p for p in found if any(w in p.name for w in words)]
    return found


def operators(folder):
    """The operators a case is about: those of its graph's nodes."""
    model = onnx.load(folder / "model.onnx")
    names = {(f"{n.domain}." if n.domain else "") + n.op_type
             for n in model.graph.node if n.op_type != "Constant"}
    return names or {"Constant"}


def run(program, cases):
    """Result by folder name. A crash counts against the case it hit."""
    results = {}
    rest = list(cases)
    while rest:
        done = subprocess.run([program, "onnx-test", *map(str, rest)],
                              capture_output=True, text=True, errors="replace")
        seen = 0
        for line in done.stdout.splitlines():
            word, _, text = line.partition(" ")
            if word in ("PASS", "FAIL", "UNSUPPORTED"):
                name, _, why = text.partition(": ")
                results[name] = (word, why)
                seen += 1
        if seen >= len(rest):
            break
        results[rest[seen].name] = ("CRASH", f"exit {done.returncode}")
        rest = rest[seen + 1:]
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mlscore", default="build/bin/mlscore")
    parser.add_argument("--cache", default=os.path.join(
        tempfile.gettempdir(), f"onnx-backend-{onnx.__version__}"))
    parser.add_argument("--check")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    cache = pathlib.Path(options.cache)
    cache.mkdir(parents=True, exist_ok=True)
    generate(cache)
    cases = folders(cache, options.names)
    results = run(options.mlscore, cases)
    by_operator = collections.defaultdict(collections.Counter)
    totals = collections.Counter()
    for folder in cases:
        word, why = results.get(folder.name, ("CRASH", ""))
        totals[word] += 1
        for name in operators(folder):
            by_operator[name][word] += 1
        if options.verbose and word != "PASS":
            print(word, folder.name, why)
    for name in sorted(by_operator):
        count = by_operator[name]
        print(f"{name:40} {count['PASS']:4} of {sum(count.values()):4}"
              + "".join(f", {count[w]} {w.lower()}"
                        for w in ("FAIL", "UNSUPPORTED", "CRASH") if count[w]))
    print(f"total {totals['PASS']} of {sum(totals.values())} passed, "
          f"{totals['FAIL']} failed, {totals['UNSUPPORTED']} unsupported, "
          f"{totals['CRASH']} crashed")
    missing = []
    if options.check:
        wanted = pathlib.Path(options.check).read_text().split()
        missing = [n for n in wanted if results.get(n, ("", ""))[0] != "PASS"]
        for name in missing:
            print("must pass, but did not:", name, *results.get(name, ()))
    sys.exit(1 if missing or totals["CRASH"] else 0)


if __name__ == "__main__":
    main()
