#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small models of XGBoost and LightGBM (tests/data/boosters, made by
make_booster_cases.py) score as their trainers do: XGBoost's floats to the last
bit, except where exp differs by one, LightGBM's doubles within 1e-12. Ends with
'N passed, N failed'."""
import csv
import io
import os
import pathlib
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("MLS_TEST_BUILD", ROOT / "build"))
MLSCORE = BUILD.resolve() / "bin" / "mlscore"
LEAST = 50  # cases; fewer mean that the folder is not what it was


def bits(text):
    """A float's place among all floats, for counting steps between two."""
    place = struct.unpack("<i", struct.pack("<f", float(text)))[0]
    return place if place >= 0 else -(place & 0x7fffffff)


def same(want, have, is_float):
    if want == "" or have == "":
        return want == have
    if is_float:
        return abs(bits(want) - bits(have)) <= 1
    return abs(float(want) - float(have)) <= 1e-12 * max(1, abs(float(want)))


def check(model):
    """What is wrong with a model's scores, or None."""
    rows = model.with_suffix(".rows.csv")
    with open(model.with_suffix(".answers.csv"), newline="") as file:
        want = list(csv.reader(file))
    done = subprocess.run([MLSCORE, "score", model, rows],
                          capture_output=True, text=True)
    if done.returncode:
        return done.stderr.strip()
    have = list(csv.reader(io.StringIO(done.stdout)))
    if have[0] != want[0] or len(have) != len(want):
        return f"columns {have[0]}, not {want[0]}; {len(have)} lines"
    is_float = model.name.startswith("xgboost")
    for number, (a, b) in enumerate(zip(want[1:], have[1:]), 1):
        for name, x, y in zip(want[0], a, b):
            if not same(x, y, is_float):
                return f"row {number}, {name} is {y}, not {x}"
    return None


def main():
    models = sorted(path for path in (ROOT / "tests/data/boosters").iterdir()
                    if path.suffix in (".json", ".ubj", ".txt"))
    failed = 0
    for model in models:
        problem = check(model)
        if problem:
            failed += 1
            print(f"FAIL {model.name}: {problem}")
        else:
            print(f"PASS {model.name}")
    if len(models) < LEAST:
        failed += 1
        print(f"FAIL only {len(models)} models, where {LEAST} should be")
    print(f"{len(models) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
