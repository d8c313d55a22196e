#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every directive is created, merged, documented, shown in the example
configuration, used, and tested."""
import re
import sys

from tap import ROOT, Tap, files, text

sys.path.insert(0, str(ROOT / "tools" / "reference"))
import directives  # noqa: E402

tap = Tap()
table = directives.read()
names = [one.name for one in table]
raw = len(re.findall(r"^(?:SERVER|DIRECTORY)\((?!kind)",
                     directives.TABLE.read_text(), re.M))
tap.say("the table was read", [] if raw == len(table) and raw else
        ["%d of %d" % (len(table), raw)])
tap.say("names are unique and begin with MLServer", [
    name for name in names if names.count(name) > 1
    or not name.startswith("MLServer")])

config = text("mod_mlserver/config/config.c")
included = len(re.findall(r'#include "config/directives.def"', config))
merges = re.findall(r"config->field = MLH_IS_SET\(add, field\) \? add->field"
                    r" : base->field;", config)
tap.say("create and merge come from the table for both scopes", [] if
        included >= 4 and len(merges) == 2 else
        ["config.c includes the table %d times, merges %d" % (included,
                                                              len(merges))])

tap.say("the reference page is what the table says", [] if
        directives.PAGE.exists() and directives.PAGE.read_text() ==
        directives.page() else ["run tools/reference/directives.py"])

tap.say("conf/mlserver.conf is what the table says", [] if
        directives.EXAMPLE.exists() and directives.EXAMPLE.read_text() ==
        directives.example() else ["run tools/reference/directives.py"])

source = "".join(text(name) for name in files("mod_mlserver/*.c",
                                              "mod_mlserver/*.h"))
tap.say("each directive's value is used", [
    "%s (%s)" % (one.name, one.field) for one in table
    if not re.search(r"(->|\.)%s\b" % one.field, source)])

known = set(names)
mentioned = {}
for name in files("*.md", "conf/*", "tests/api/*.py", "debian/*", "rpm/*"):
    for word in re.findall(r"\bMLServer[A-Z]\w+", text(name)):
        mentioned.setdefault(word, name)
tap.say("no document, example or test names a directive that is not there", [
    "%s in %s" % item for item in sorted(mentioned.items())
    if item[0] not in known])

tests = "".join(text(name) for name in files("tests/api/*.py"))
# Values by kind are tested for all at once; what a directive does needs a
# test that writes it.
tap.say("the configuration test reads the table", [] if
        "directives.read()" in tests else ["tests/api/test_config.py does not"])
tap.finish()
