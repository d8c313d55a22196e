#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ONNX project's backend node tests, counted by operator, with a floor.

usage: test_onnx_backend.py [--write-floor]

onnx_backend_floor.txt says how many cases of each operator pass; fewer fail
the test, and so does a case with a wrong value. A case that is refused as not
supported only counts against its operators' floors. --write-floor raises the
floors to what passes now. Ends with 'N passed, N failed'.
"""
import collections
import os
import pathlib
import sys

import onnx
import onnx_backend

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("MLS_TEST_BUILD", ROOT / "build"))
FLOOR = HERE / "onnx_backend_floor.txt"
# The operators that models of the supported exporters consist of.
MUST = set("""
Add Sub Mul Div MatMul Gemm Sigmoid Tanh Relu Softmax Exp Log Neg Sign Greater
Less Equal Where Not And Or ArgMax Cast Concat Reshape Flatten Squeeze
Unsqueeze Identity Shape Slice Gather Transpose ReduceSum ReduceMean ReduceMax
Clip Constant ConstantOfShape IsNaN StringNormalizer TfIdfVectorizer
StringSplit RegexFullMatch StringConcat Conv MaxPool AveragePool
BatchNormalization GlobalAveragePool Sum Dropout LRN""".split())
MUST_SHARE = 0.9
PLAIN = {getattr(onnx.TensorProto, name) for name in
         "FLOAT DOUBLE INT8 INT16 INT32 INT64 UINT8 UINT16 UINT32 UINT64 BOOL "
         "STRING".split()}


def is_plain(folder):
    """All inputs and outputs are tensors of floats, integers or strings."""
    graph = onnx.load(folder / "model.onnx").graph
    return all(value.type.HasField("tensor_type") and
               value.type.tensor_type.elem_type in PLAIN
               for value in [*graph.input, *graph.output])


def must_line(cases, results):
    """The share of passed plain cases that consist of MUST operators only."""
    chosen = [folder for folder in cases
              if onnx_backend.operators(folder) <= MUST and is_plain(folder)]
    passed = sum(results[folder.name][0] == "PASS" for folder in chosen)
    print(f"of the operators that must be there {passed} of {len(chosen)} "
          "float, integer and string cases passed")
    return [] if passed >= MUST_SHARE * len(chosen) > 0 else [
        f"fewer than {MUST_SHARE:.0%} of these cases passed"]


def below_floor(by_operator):
    floors = dict(line.split() for line in FLOOR.read_text().splitlines()
                  if line and not line.startswith("#"))
    return [f"{name}: {by_operator[name]['PASS']} cases passed, the floor is "
            f"{least}" for name, least in floors.items()
            if by_operator[name]["PASS"] < int(least)]


def write_floor(by_operator):
    lines = [f"{name} {count['PASS']}"
             for name, count in sorted(by_operator.items()) if count["PASS"]]
    FLOOR.write_text("# SPDX-License-Identifier: Apache-2.0\n"
                     "# Backend node tests that pass, by operator; made by "
                     "test_onnx_backend.py --write-floor\n"
                     + "\n".join(lines) + "\n")


def main():
    cache = BUILD / f"onnx-backend-{onnx.__version__}"
    cache.mkdir(parents=True, exist_ok=True)
    onnx_backend.generate(cache)
    cases = onnx_backend.folders(cache, [])
    results = onnx_backend.run(BUILD.resolve() / "bin" / "mlscore", cases)
    by_operator = collections.defaultdict(collections.Counter)
    for folder in cases:
        for name in onnx_backend.operators(folder):
            by_operator[name][results[folder.name][0]] += 1
    for name, count in sorted(by_operator.items()):
        print(f"{name:42} {count['PASS']:4} of {sum(count.values()):4}")
    wrong = [f"{name}: {word} {why}" for name, (word, why)
             in results.items() if word in ("FAIL", "CRASH")]
    wrong += must_line(cases, results)
    if "--write-floor" in sys.argv[1:]:
        write_floor(by_operator)
    wrong += below_floor(by_operator)
    for line in wrong:
        print("FAIL", line)
    words = collections.Counter(word for word, _ in results.values())
    print(f"{words['UNSUPPORTED']} cases are refused as not supported")
    print(f"{words['PASS']} passed, {len(wrong)} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
