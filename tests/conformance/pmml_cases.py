#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Score every PMML fixture with `mlscore score` and compare the answers.

usage: pmml_cases.py [--mlscore PROGRAM] [--list] [NAME ...]

The fixtures are found through MLSERVER_FIXTURES (default ../shared/fixtures beside the project); each case is compared
with the fixtures' own compare.py. Rows that the reference refuses must be reported as row errors. Prints a line for
each case that differs, a table of model elements, and `N passed, N failed`. Exit status: 0 when all passed.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def score(mlscore, case, out):
    """Run mlscore on one case: its exit status and what it said."""
    command = [mlscore, "score", case / "model.pmml", case / "input.csv", "-o", out]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return -1, "timed out"
    return done.returncode, done.stderr.strip()


def refused_rows(said):
    """0-based rows that mlscore reported as refused."""
    return {int(m.group(1)) for m in re.finditer(r"\brow (\d+)\b", said)}


def check(mlscore, compare, case):
    """None when the case passes, else why not."""
    about = json.loads((case / "case.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out.csv"
        status, said = score(mlscore, case, out)
        if not out.exists():
            return f"status {status}: {said.splitlines()[-1] if said else 'no output'}"
        command = [sys.executable, compare, case / "expected.csv", out, "--case", case / "case.json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        return "; ".join(done.stdout.strip().splitlines()[:2]) + (f" [{said.splitlines()[0][:120]}]" if said else "")
    wanted = set(about.get("error_rows", []))
    if wanted and not wanted <= refused_rows(said):
        return f"rows not refused: {sorted(wanted - refused_rows(said))[:5]}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mlscore", default=os.environ.get("MLSCORE", ROOT / "build/bin/mlscore"))
    parser.add_argument("--list", action="store_true", help="name the cases that pass, too")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    fixtures = pathlib.Path(os.environ.get("MLSERVER_FIXTURES", ROOT.parent / "shared/fixtures"))
    folder = fixtures / "models/pmml"
    if not folder.is_dir():
        print(f"no fixtures at {folder}: set MLSERVER_FIXTURES")
        return 2
    cases = sorted(p.parent for p in folder.glob("*/case.json"))
    if options.names:
        cases = [c for c in cases if any(n in c.name for n in options.names)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        reasons = list(pool.map(lambda c: check(options.mlscore, fixtures / "compare.py", c), cases))
    table = collections.defaultdict(lambda: [0, 0])
    for case, reason in zip(cases, reasons):
        if reason or options.list:
            print(f"{'FAIL' if reason else 'PASS'} {case.name}{': ' + reason if reason else ''}")
        for element in json.loads((case / "case.json").read_text(encoding="utf-8"))["elements"]:
            table[element][reason is not None] += 1
    for element in sorted(table):
        print(f"{element}: {table[element][0]} of {sum(table[element])}")
    failed = sum(r is not None for r in reasons)
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
