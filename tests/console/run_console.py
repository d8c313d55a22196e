#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drive the console in Chromium against a real server.

Starts the server of world.py, runs main.mjs with its addresses, passes its
TAP on. Words on the command line choose tests by name. MLS_CONSOLE_KEEP=1
leaves the server until Enter, for looking at it.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import world
from harness import env
from harness.httpd import USERS

HERE = pathlib.Path(__file__).resolve().parent


def chromium():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return shutil.which(name)
    sys.exit("not ok 1 - no Chromium: run `make test-deps`")


def packages():
    """playwright-core and axe-core, as the lock file has them."""
    lock = (HERE / "package-lock.json").read_text()
    stamp = HERE / "node_modules" / ".from"
    if not stamp.exists() or stamp.read_text() != lock:
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit",
                        "--no-fund", "--loglevel=error"], cwd=HERE,
                       check=True, stdout=subprocess.DEVNULL)
        stamp.write_text(lock)


def show(tap):
    """A line for each test and what it measured; what failed comes last."""
    failures = []
    for part in re.split(r"^# Subtest: .*\n", tap, flags=re.M):
        if part.startswith("not ok"):
            failures.append(part)
        else:
            print("\n".join(re.findall(r"^(?:ok \d+ .*|# (?!tests|suites|pass|"
                                       r"fail|cancel|skip|todo).*)$", part,
                                       re.M)))
    print("\n".join(failures), flush=True)


def main():
    # Ended from outside, the server must end, too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    packages()
    subprocess.run([env.ROOT / "tools/console/parts.sh",
                    env.BUILD / "console" / "vendor"], check=True)
    shots = env.ROOT / "build" / "screenshots"
    shots.mkdir(parents=True, exist_ok=True)
    server = world.make()
    try:
        environment = dict(os.environ, MLS_CONSOLE=json.dumps({
            "base": server.url(), "outer": server.url(
                server.ports[1], "/outer"),
            "users": USERS, "chromium": chromium(), "shots": str(shots),
            "readers": world.knows_roles(), "hostile": world.HOSTILE,
            "model": str(env.ROOT / "examples" / "model.pmml")}))
        if os.environ.get("MLS_CONSOLE_KEEP"):
            print(environment["MLS_CONSOLE"], flush=True)
            input()
            return 0
        command = ["node", "--test-reporter=tap"]
        command += ["--test-name-pattern=" + word for word in sys.argv[1:]]
        done = subprocess.run(command + [HERE / "main.mjs"], cwd=HERE,
                              env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        show(done.stdout)
        return done.returncode
    finally:
        server.remove()


if __name__ == "__main__":
    sys.exit(main())
