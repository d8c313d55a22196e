# SPDX-License-Identifier: Apache-2.0
"""Say what was checked in the Test Anything Protocol, and list files."""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MLS_TEST_BUILD", ROOT / "build"))


def files(*patterns):
    """Files of the project (known to git, or new and not ignored) as paths
    relative to the root; patterns are git's, such as 'lib/*.h'."""
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-co",
         "--exclude-standard", "--"] + list(patterns),
        cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in sorted(set(done.stdout.splitlines()))
            if (ROOT / name).is_file()]


def text(name):
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


class Tap:
    """Each say() is one check; finish() ends the program."""

    def __init__(self):
        self.count = 0
        self.bad = 0

    def say(self, what, problems):
        """`problems` is a list of sentences; empty is good."""
        self.count += 1
        problems = list(problems)
        if problems:
            self.bad += 1
        print("%s %d - %s" % ("not ok" if problems else "ok", self.count,
                              what))
        for problem in problems:
            print("#   " + str(problem))

    def finish(self):
        print("1..%d" % self.count)
        sys.exit(1 if self.bad or not self.count else 0)
