#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run the suites, show what failed, end with the line "N passed, N failed".

usage: run.py [--build DIR] [--fast] [--sanitized DIR] [--threads DIR]
              [--valgrind] [SUITE ...]

`make check` calls it; tests/README.md tells what each suite answers. Exit
status 1 when anything failed, or a named suite does not exist.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

TESTS = pathlib.Path(__file__).resolve().parent
ROOT = TESTS.parent
SAN_ENV = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0",
           "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
           "TSAN_OPTIONS": "suppressions=%s" % (TESTS / "tsan.supp")}


class Outcome:
    """What a suite came to."""

    def __init__(self, suite):
        self.suite = suite
        self.passed = 0
        self.failed = 0
        self.skipped = 0
        self.reports = []  # (what failed, its output)
        self.seconds = 0.0

    def fail(self, name, output, count=1):
        self.failed += count
        self.reports.append((name, output))

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.reports += other.reports


def run(command, seconds, environment=None):
    """Run to its end; returns (exit status, all it said). Whatever it started
    is ended with it when it takes too long."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(
            [str(word) for word in command], stdout=out, stderr=out,
            stdin=subprocess.DEVNULL, cwd=ROOT, start_new_session=True,
            env={**os.environ, **(environment or {})})
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            status = "not finished after %d s" % seconds
        out.seek(0)
        return status, out.read().decode("utf-8", "replace")


def parallel(outcome, work, items, workers=2):
    """Add what work(item) came to, two at a time."""
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for part in pool.map(work, items):
            outcome.add(part)


# --- the suites -----------------------------------------------------------------

def tap(outcome, name, status, output):
    """Count 'ok' and 'not ok' lines (Test Anything Protocol)."""
    good = len(re.findall(r"^ok \d+", output, re.M))
    skipped = len(re.findall(r"^ok \d+.*# SKIP", output, re.M))
    bad = re.findall(r"^not ok \d+(?! # SKIP).*", output, re.M)
    outcome.passed += good - skipped
    # cmocka's word for a skipped test is "not ok".
    outcome.skipped += skipped + len(re.findall(r"^not ok \d+ # SKIP",
                                                output, re.M))
    if bad:
        outcome.fail(name, output, len(bad))
    elif status != 0 or not good:
        outcome.fail(name, "exit status: %s\n%s" % (status, output))


def unit(options, outcome):
    """cmocka programs, one for each file below tests/unit."""
    def one(source):
        part = Outcome("unit")
        name = source.relative_to(TESTS / "unit").with_suffix("")
        program = options.build / "unit" / name
        if not program.exists():
            part.fail(str(name), "not built: %s" % program)
            return part
        if str(name) in options.left_out:
            part.skipped += 1
            return part
        status, output = run(options.wrapper + [program], 3600, {
            "CMOCKA_MESSAGE_OUTPUT": "TAP", "MLS_TEST_FAST":
            "1" if options.fast else "", **options.environment})
        tap(part, "unit/%s" % name, status, output)
        return part
    sources = sorted((TESTS / "unit").rglob("test_*.c"))
    parallel(outcome, one, sources)


def fuzz(options, outcome):
    """Every input of the corpora through its target, without libFuzzer."""
    def one(source):
        part = Outcome("fuzz")
        target = source.stem
        program = options.build / "fuzz" / target
        corpus = sorted(path for name in (target, target[5:]) for path in
                        (TESTS / "fuzz" / "corpus" / name).glob("**/*")
                        if path.is_file())
        if not program.exists():
            part.fail(target, "not built: %s" % program)
        elif not corpus:
            part.fail(target, "tests/fuzz/corpus/%s is empty" % target)
        else:
            status, output = run([program] + corpus, 300, options.environment)
            if status == 0:
                part.passed += len(corpus)
            else:
                part.fail("fuzz/" + target, "exit status: %s\n%s"
                          % (status, output[-5000:]))
        return part
    parallel(outcome, one, sorted((TESTS / "fuzz").glob("fuzz_*.c")))


def script(options, outcome, path):
    """A program whose output ends with 'N passed, N failed', or TAP."""
    status, output = run([sys.executable, path] if path.suffix == ".py"
                         else [path], 900, {
        "MLS_TEST_BUILD": str(options.build),
        "MLS_TEST_FAST": "1" if options.fast else "", **options.environment})
    name = str(path.relative_to(TESTS))
    last = re.findall(r"^(\d+) passed, (\d+) failed", output, re.M)
    if last:
        outcome.passed += int(last[-1][0])
        bad = int(last[-1][1])
        if bad or status != 0:
            outcome.fail(name, "exit status: %s\n%s" % (status, output),
                         max(bad, 1))
    else:
        tap(outcome, name, status, output)


def scripts(folder, pattern):
    def suite(options, outcome):
        def one(path):
            part = Outcome(folder)
            script(options, part, path)
            return part
        parallel(outcome, one, sorted(
            path for path in (TESTS / folder).glob(pattern)
            if os.access(path, os.X_OK) and path.is_file()))
    suite.__doc__ = "Programs tests/%s/%s." % (folder, pattern)
    return suite


def pytest(folder, workers=2, marks="", seconds=1500, fast=(),
           **environment):
    """A suite of a folder; `fast` are the words that make it short."""
    def suite(options, outcome):
        if not list((TESTS / folder).glob("test_*.py")):
            return
        chosen = [part for part in
                  (marks, "not long" if options.fast else "") if part]
        with tempfile.NamedTemporaryFile(suffix=".xml") as report:
            command = [sys.executable, "-m", "pytest", "-q", "--tb=short",
                       "-p", "no:cacheprovider", "--timeout=300",
                       "--junitxml=" + report.name, "-rs", TESTS / folder]
            if workers > 1:
                command += ["-n", workers, "--dist=loadfile"]
            if chosen:
                command += ["-m", " and ".join(chosen)]
            command += options.pytest
            if options.fast:
                command += fast
            variables = {
                "MLS_TEST_BUILD": str(options.build),
                "MLS_TEST_SAN": options.san,
                "MLS_TEST_FAST": "1" if options.fast else "",
                **environment}
            status, output = run(command, seconds, variables)
            first = Outcome(outcome.suite)
            count_junit(first, report.name, status, output)
            repeat(first, variables)
            outcome.add(first)
    suite.__doc__ = "pytest over tests/%s %s" % (folder, " ".join(
        "%s=%s" % item for item in environment.items()))
    return suite


REPEATED = 5  # more failures than this are no accident


def repeat(outcome, variables):
    """Failed tests run once more, alone: what passes then depends on what ran
    beside it. It counts as passed, and is named, so that it gets mended."""
    names = [name for name, _ in outcome.reports]
    if not 0 < len(names) <= REPEATED or not all("::" in n for n in names):
        return
    for name, report in list(outcome.reports):
        place, test = name.split("::", 1)
        path = ROOT / (place.replace(".", "/") + ".py")
        status, _ = run([sys.executable, "-m", "pytest", "-q", "--timeout=300",
                         "-p", "no:cacheprovider", "%s::%s" % (path, test)],
                        600, variables)
        if status == 0:
            print("FLAKY %s: failed, then passed alone\n%s"
                  % (name, report[-1500:]), flush=True)
            outcome.reports.remove((name, report))
            outcome.failed -= 1
            outcome.passed += 1


def count_junit(outcome, path, status, output):
    try:
        cases = list(xml.etree.ElementTree.parse(path).iter("testcase"))
    except xml.etree.ElementTree.ParseError:
        outcome.fail("pytest", "exit status: %s\n%s" % (status, output))
        return
    failed = 0
    for case in cases:
        problems = case.findall("failure") + case.findall("error")
        if problems:
            failed += 1
            outcome.fail("%s::%s" % (case.get("classname"), case.get("name")),
                         "\n".join("%s\n%s" % (p.get("message") or "",
                                               p.text or "")
                                   for p in problems))
        elif case.find("skipped") is not None:
            outcome.skipped += 1
        else:
            outcome.passed += 1
    if not failed and status not in (0, 5):
        outcome.fail("pytest", "exit status: %s\n%s" % (status,
                                                        output[-5000:]))


SUITES = {
    "meta": scripts("meta", "check_*"),
    "unit": unit,
    "fuzz": fuzz,
    "conformance": scripts("conformance", "test_*.py"),
    "daemon": pytest("daemon", fast=[
        "--ignore=%s" % (TESTS / "daemon" / "test_crashes.py"),
        "--ignore=%s" % (TESTS / "daemon" / "test_disk_full.py")]),
    "workers": pytest("workers"),
    "api": pytest("api", fast=["-m", "smoke and not long"]),
    "api-one-user": pytest("api", marks="smoke", MLS_TEST_AS="one"),
    "api-event": pytest("api", marks="smoke", MLS_TEST_MPM="event"),
    "api-worker": pytest("api", marks="smoke", MLS_TEST_MPM="worker"),
    "console": scripts("console", "run_console.py"),
    "packaging": pytest("packaging", workers=1),
}
# What FAST=1 leaves out altogether.
SLOW = {"console", "api-one-user", "api-event", "api-worker", "packaging"}
# What the sanitizers run.
SANITIZED = ("unit", "fuzz", "conformance", "daemon", "api", "api-event")


# Leaks are the address sanitizer's part.
VALGRIND = ["valgrind", "-q", "--error-exitcode=99", "--leak-check=no",
            "--suppressions=%s" % (TESTS / "valgrind.supp")]
# The workers' limit of memory is less than valgrind takes for itself.
NOT_UNDER_VALGRIND = {"mls/pool/test_pool"}


def use_build(options, folder):
    """The suites run on what was built there from now on."""
    options.build = (ROOT / folder).resolve()
    options.san = options.build.name.partition("build-")[2].replace("-", ",")
    options.environment = dict(SAN_ENV) if options.san else {}


def run_checked_builds(options, chosen):
    """The suites again where memory and threads are watched."""
    outcomes = []
    plain = options.build
    if options.sanitized:
        use_build(options, options.sanitized)
        options.environment["MLS_TEST_LONG"] = "1"
        outcomes += [run_suite(name, options, name + " (sanitized)")
                     for name in SANITIZED if name in chosen]
    if options.threads and "unit" in chosen:
        use_build(options, options.threads)
        outcomes.append(run_suite("unit", options, "unit (threads)"))
    if options.valgrind and "unit" in chosen:
        use_build(options, plain)
        options.wrapper = VALGRIND
        options.left_out = NOT_UNDER_VALGRIND
        options.environment = {"MLS_TEST_VALGRIND": "1"}
        outcomes.append(run_suite("unit", options, "unit (valgrind)"))
    return outcomes


def run_suite(name, options, label=None):
    outcome = Outcome(label or name)
    began = time.monotonic()
    SUITES[name](options, outcome)
    outcome.seconds = time.monotonic() - began
    print("%-22s %5d passed, %3d failed, %3d skipped  (%.0f s)" % (
        outcome.suite, outcome.passed, outcome.failed, outcome.skipped,
        outcome.seconds), flush=True)
    return outcome


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--fast", action="store_true",
                        help="leave the long tests out")
    parser.add_argument("--sanitized", metavar="DIR", help="then the suites "
                        "on this build with sanitizers, too")
    parser.add_argument("--threads", metavar="DIR", help="and the unit tests "
                        "on this build with the thread sanitizer")
    parser.add_argument("--valgrind", action="store_true",
                        help="and the unit tests under valgrind")
    parser.add_argument("--pytest", action="append", default=[],
                        help="a word for pytest, such as --pytest=-kkill")
    parser.add_argument("suites", nargs="*", metavar="SUITE",
                        help=", ".join(SUITES))
    options = parser.parse_args()
    for name in options.suites:
        if name not in SUITES:
            parser.error("no suite %s; there are: %s"
                         % (name, ", ".join(SUITES)))
    use_build(options, options.build)
    options.wrapper = []
    options.left_out = ()
    chosen = options.suites or [name for name in SUITES
                                if not (options.fast and name in SLOW)]
    outcomes = [run_suite(name, options) for name in chosen]
    outcomes += run_checked_builds(options, chosen)
    for outcome in outcomes:
        for name, output in outcome.reports:
            print("\n--- FAILED %s: %s" % (outcome.suite, name))
            print(output.strip()[-6000:])
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(outcome.failed for outcome in outcomes)
    print("\n%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
