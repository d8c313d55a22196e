#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scores every XGBoost and LightGBM case of a fixture folder and compares.

usage: booster_cases.py MLSCORE FIXTURES [NAME...]

FIXTURES holds compare.py and models/{xgboost,lightgbm}/CASE/{model.*,
input.csv,expected.csv,case.json}. With names, only cases whose name contains
one of them are run. Prints PASS or FAIL for each and the totals; exits 1 when
one failed or there were none.
"""
import pathlib
import subprocess
import sys
import tempfile

FORMATS = ("xgboost", "lightgbm")


def run_case(mlscore, compare, case, work):
    """None when the case passes, else a line that says why not."""
    model = next(case.glob("model.*"))
    actual = work / "actual.csv"
    scored = subprocess.run(
        [mlscore, "score", model, case / "input.csv", "-o", actual],
        capture_output=True, text=True, timeout=300)
    if scored.returncode != 0:
        return (scored.stderr or scored.stdout).strip()[:300]
    compared = subprocess.run(
        [sys.executable, compare, case / "expected.csv", actual,
         "--case", case / "case.json"],
        capture_output=True, text=True, timeout=300)
    if compared.returncode != 0:
        return compared.stdout.strip()[:300]
    return None


def main():
    if len(sys.argv) < 3:
        print(__doc__)
        return 2
    mlscore = str(pathlib.Path(sys.argv[1]).resolve())
    fixtures = pathlib.Path(sys.argv[2])
    wanted = sys.argv[3:]
    passed = failed = 0
    for form in FORMATS:
        for description in sorted(
                (fixtures / "models" / form).glob("*/case.json")):
            case = description.parent
            if wanted and not any(word in case.name for word in wanted):
                continue
            with tempfile.TemporaryDirectory() as work:
                reason = run_case(mlscore, fixtures / "compare.py", case,
                                  pathlib.Path(work))
            if reason is None:
                passed += 1
                print(f"PASS {form}/{case.name}")
            else:
                failed += 1
                print(f"FAIL {form}/{case.name}: {reason}")
    print(f"boosters: {passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
