#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The PMML reference lists exactly the elements that the importer knows, and
the tests that it names for an element have that element."""
import re

from tap import Tap, files, text

SOURCE = "lib/mlscore/import/pmml/pmml_words.h"
PAGE = "docs/reference/pmml.md"
TESTS = "tests/unit/mlscore/pmml/%s.c"
SEEDS = "tests/fuzz/corpus/fuzz_pmml/%s"

tap = Tap()
words = re.sub(r"\\\s*\n", "\n", text(SOURCE))
known = re.findall(r'\bE\(\s*[A-Z]\w*,\s*"([^"]+)"', words)
page = text(PAGE)
listed, _, refused = page.partition("## Refused by name")
rows = re.findall(r"^\| ([\w-]+) \| .* \| ([^|]*) \|$", listed, re.M)
rows = [row for row in rows if row[0] not in ("Element", "---")]
names = [name for name, _ in rows]

tap.say("both were read", [] if len(known) > 100 and len(rows) > 100 else
        ["%d elements, %d rows" % (len(known), len(rows))])
tap.say("each element is listed once, and nothing else is", [
    name for name in set(known) | set(names)
    if known.count(name) != 1 or names.count(name) != 1])
tap.say("what is refused by name is not known", [
    name for line in re.findall(r"^\| (.*?) \|", refused, re.M)
    for name in line.split(", ") if name in known])

SHARED = text("tests/unit/mlscore/pmml/pmml_case.h")


def lacking(element, test):
    """Why a test does not show that the element works, or ''."""
    if test == "all of them":
        content = SHARED
    else:
        path = (SEEDS if test.endswith(".pmml") else TESTS) % test
        if path not in files(path):
            return "%s: there is no %s" % (element, path)
        content = text(path)
    return "" if re.search(r"<%s(?=[\s/>\"']|$)" % re.escape(element),
                           content, re.M) else "%s is not in %s" % (element,
                                                                    test)


tap.say("each test has the element that it is named for", [
    problem for element, tests in rows if tests != "-"
    for test in tests.split(", ") for problem in [lacking(element, test)]
    if problem])
functions = re.findall(r'F\(\w+, "([^"]+)"',
                       text("lib/mlscore/ir/pmml_function.h"))
tap.say("each function is listed and tested", [
    name for name in functions if "`%s`" % name not in page or
    not re.search(r"""(function='|APPLY\("|")(x-)?%s['"]"""
                  % re.escape(name), text(TESTS % "test_transform"))])
tap.finish()
