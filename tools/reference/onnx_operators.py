#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the table of operators into docs/reference/onnx.md.

usage: onnx_operators.py [--check]

Names and operator sets come from `mlscore onnx-operators` of the build folder
(MLS_TEST_BUILD, else build), the cases from the ONNX project's backend tests
that pass, models of the fuzz corpus (which unit tests score) and, where they
are there, the fixtures. Needs the interpreter of build/venv. With --check it
only says whether the page is what it would write.
"""
import collections
import os
import pathlib
import subprocess
import sys

import onnx

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/conformance"))
import onnx_backend  # noqa: E402 (found by the line above)

BUILD = pathlib.Path(os.environ.get("MLS_TEST_BUILD", ROOT / "build"))
MLSCORE = BUILD.resolve() / "bin" / "mlscore"
FIXTURES = pathlib.Path(os.environ.get("MLSERVER_FIXTURES",
                                       ROOT.parent / "shared/fixtures"))
PAGE = ROOT / "docs/reference/onnx.md"
BEGIN, END = "<!-- operators -->\n", "<!-- end -->\n"
# Not operators of a graph: read by the importer.
LOWERED = [("ai.onnx.ml", name, 1, 0)
           for name in ("ZipMap", "DictVectorizer", "CastMap")] + [
    ("ai.onnx", "Constant", 1, 0)] + [
    ("ai.onnx", name, since, 0) for name, since in (
        ("SequenceConstruct", 11), ("SequenceEmpty", 11), ("SequenceAt", 11),
        ("SequenceInsert", 11), ("SequenceErase", 11), ("SequenceLength", 11),
        ("SplitToSequence", 11), ("ConcatFromSequence", 11),
        ("Optional", 15), ("OptionalGetElement", 15),
        ("OptionalHasElement", 15))]
SHORT = {"FLOAT": "f32", "DOUBLE": "f64", "FLOAT16": "f16", "BFLOAT16": "bf16",
         "STRING": "text", "BOOL": "bool"}


def type_name(number):
    name = onnx.TensorProto.DataType.Name(number)
    return SHORT.get(name, name.lower().replace("uint", "u").replace("int",
                                                                     "i"))


def nodes_of(graph):
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from nodes_of(attribute.g)


def key_of(node):
    return node.domain or "ai.onnx", node.op_type


def operators():
    """(domain, name) -> [(since, until)]"""
    rows = collections.defaultdict(list)
    text = subprocess.run([MLSCORE, "onnx-operators"], capture_output=True,
                          text=True, check=True).stdout
    for line in text.splitlines():
        domain, name, since, until = line.split()
        if domain != "mlscore":  # made by the importer
            rows[domain, name].append((int(since), int(until)))
    for domain, name, since, until in LOWERED:
        rows[domain, name].append((since, until))
    return rows


def backend():
    """Passed cases by operator, and the types of the inputs of its nodes."""
    cache = BUILD / f"onnx-backend-{onnx.__version__}"
    cache.mkdir(parents=True, exist_ok=True)
    onnx_backend.generate(cache)
    cases = onnx_backend.folders(cache, [])
    results = onnx_backend.run(MLSCORE, cases)
    passed, types = collections.Counter(), collections.defaultdict(set)
    for folder in cases:
        if results[folder.name][0] != "PASS":
            continue
        graph = onnx.load(folder / "model.onnx").graph
        inputs = {value.name: value.type.tensor_type.elem_type
                  for value in graph.input}
        for key in {key_of(node) for node in nodes_of(graph)}:
            passed[key] += 1
        for node in graph.node:
            first = inputs.get(node.input[0]) if node.input else None
            if first:
                types[key_of(node)].add(first)
    return passed, types


def used_in(paths):
    """How many models of some files use each operator."""
    counts = collections.Counter()
    for path in paths:
        counts.update({key_of(node) for node in
                       nodes_of(onnx.load(path).graph)})
    return counts


def sets_text(spans):
    since = min(span[0] for span in spans)
    newest = all(span[1] for span in spans)
    return f"{since}-{max(s[1] for s in spans)}" if newest else f"{since}+"


def table():
    passed, types = backend()
    unit = used_in(path for path in sorted(
        (ROOT / "tests/fuzz/corpus/fuzz_onnx").glob("*.onnx"))
        if not path.name.startswith("refused"))
    fixtures = used_in(sorted((FIXTURES / "models/onnx").glob("*/model.onnx")))
    lines = []
    rows = operators()
    for domain in sorted({key[0] for key in rows}):
        lines += [f"### {domain}", "", "| Operator | Sets | Types tested | "
                  "Backend cases | Unit tests' models | Fixtures |",
                  "| --- | --- | --- | --- | --- | --- |"]
        for key in sorted(key for key in rows if key[0] == domain):
            kinds = ", ".join(type_name(t) for t in sorted(types[key]))
            lines.append("| %s | %s | %s | %s | %s | %s |" % (
                key[1], sets_text(rows[key]), kinds, passed[key] or "",
                unit[key] or "", fixtures[key] or ""))
        lines.append("")
    return "\n".join(lines)


def main():
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    new = before + BEGIN + "\n" + table() + END + rest.split(END)[1]
    if "--check" in sys.argv[1:]:
        return 0 if new == page else 1
    PAGE.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
