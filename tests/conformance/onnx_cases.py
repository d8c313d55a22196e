#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scores every ONNX case of a fixture folder and compares.

usage: onnx_cases.py MLSCORE FIXTURES [NAME...]

FIXTURES holds compare.py and models/onnx/CASE/{model.onnx,input.csv,
expected.csv,case.json}. With names, only cases whose name contains one of
them are run. Prints PASS or FAIL for each and the totals; exits 1 when one
failed or there were none.
"""
import pathlib
import subprocess
import sys
import tempfile


def run_case(mlscore, compare, case, work):
    """None when the case passes, else a line that says why not."""
    actual = work / "actual.csv"
    scored = subprocess.run(
        [mlscore, "score", case / "model.onnx", case / "input.csv",
         "-o", actual], capture_output=True, text=True, timeout=300)
    if scored.returncode != 0:
        return (scored.stderr or scored.stdout).strip()[:300]
    compared = subprocess.run(
        [sys.executable, compare, case / "expected.csv", actual,
         "--case", case / "case.json"],
        capture_output=True, text=True, timeout=300)
    return compared.stdout.strip()[:300] if compared.returncode else None


def main():
    if len(sys.argv) < 3:
        print(__doc__)
        return 2
    mlscore = str(pathlib.Path(sys.argv[1]).resolve())
    fixtures = pathlib.Path(sys.argv[2])
    wanted = sys.argv[3:]
    passed = failed = 0
    for description in sorted((fixtures / "models/onnx").glob("*/case.json")):
        case = description.parent
        if wanted and not any(word in case.name for word in wanted):
            continue
        with tempfile.TemporaryDirectory() as work:
            reason = run_case(mlscore, fixtures / "compare.py", case,
                              pathlib.Path(work))
        if reason is None:
            passed += 1
            print(f"PASS {case.name}")
        else:
            failed += 1
            print(f"FAIL {case.name}: {reason}")
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
