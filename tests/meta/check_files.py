#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Habits of files: licence line, no marks of unfinished work, no addresses of
outside machines, documents whose links exist, unit tests that are run."""
import os
import re

from tap import BUILD, ROOT, Tap, files, text

tap = Tap()
# Files without a place for a comment, or whose bytes are the point.
BARE = re.compile(r"(\.(json|csv|png|ico|svg|zip|gz|ubj|onnx|bin|image)$)|"
                  r"^(LICENSE|debian/(changelog|source/format|.*\.apache2|.*\.install)|"
                  r"tests/fuzz/corpus/|tests/data/|tests/fuzz/dict/)|"
                  r"(^|/)(\.gitignore|\.gitattributes|\.clang-format)$")
# Hosts that documents may name: standards, licences, names for examples.
HOSTS = re.compile(r"^(localhost|127\.|0\.0\.0\.0|\[::1\]|"
                   r"([\w.-]+\.)?example(\.(test|com|org|net))?$|"
                   r"([\w.-]+\.)?(test|invalid|local)$|"
                   r"(www\.)?(dmg|w3|ietf|rfc-editor|apache|gnu|opensource|"
                   r"freedesktop|json-schema|swagger|openapis)\.(org|io)$|"
                   r"[\w.-]+\.(apache|w3|ietf|debian|openapis)\.(org|io)$|"
                   r"schemas\.microsoft\.com$)")


def first_lines(name, count=6):
    with open(ROOT / name, "rb") as file:
        return b"".join(file.readline(2000) for _ in range(count))


def is_text(name):
    return b"\0" not in (ROOT / name).read_bytes()[:4096]


everything = [name for name in files() if is_text(name)]
tap.say("each file names its licence", [
    name for name in everything if not BARE.search(name)
    and b"SPDX-License-Identifier: Apache-2.0" not in first_lines(name)])

# Written in two halves so that this file does not find itself.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
tap.say("no marks of unfinished work", [
    "%s:%d: %s" % (name, number, line.strip()[:80])
    for name in everything if not BARE.search(name)
    for number, line in enumerate(text(name).splitlines(), 1)
    if UNFINISHED.search(line)])

PLACES = re.compile(r"(?<![\w.}])/(work|home|root)/\w")
tap.say("no paths of somebody's machine", [
    "%s:%d: %s" % (name, number, line.strip()[:80])
    for name in everything if not name.startswith("tests/fuzz/corpus/")
    for number, line in enumerate(text(name).splitlines(), 1)
    if PLACES.search(line)])

problems = []
for name in everything:
    if re.search(r"^(LICENSE|tests/(fuzz/corpus|data)/)|package-lock", name):
        continue
    for host in re.findall(r"https?://(?:[^/\s\"'<>@]*@)?([\w.\[\]:-]+)",
                           text(name)):
        bare = re.sub(r":\d+$", "", host).rstrip(".:")
        if bare and "." in bare and not HOSTS.match(bare):
            problems.append("%s names %s" % (name, bare))
tap.say("no hosts but those of standards and examples",
        sorted(set(problems)))

problems = []
for name in files("*.md"):
    for target in re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", text(name)):
        if "://" not in target and not target.startswith("mailto:") and \
                not (ROOT / os.path.dirname(name) / target).exists():
            problems.append("%s links to %s" % (name, target))
tap.say("links in documents lead somewhere", problems)

problems = []
targets = set(re.findall(r"^([a-z][\w-]*)\s*:(?!=)", text("Makefile"), re.M))
for name in files("*.md"):
    for target in re.findall(r"(?:^|`)\s*make ([a-z][\w-]+)", text(name),
                             re.M):
        if target not in targets:
            problems.append("%s names 'make %s'" % (name, target))
tap.say("documents name targets that the Makefile has", problems)

unregistered, unbuilt = [], []
for name in files("tests/unit/*.c"):
    source = text(name)
    for function in re.findall(r"^static void (test_\w+)\(void \*\*",
                               source, re.M):
        if len(re.findall(r"\b%s\b" % function, source)) < 2:
            unregistered.append("%s: %s" % (name, function))
    if not (BUILD / name.replace("tests/", "", 1)[:-2]).exists():
        unbuilt.append(name)
tap.say("each unit test function is run", unregistered)
tap.say("each unit test program is built", unbuilt)

names = {}
for name in files("lib/*.c", "mod_mlserver/*.c"):
    names.setdefault(os.path.basename(name), []).append(name)
tap.say("names of source files are unique, so that a log line finds its file",
        [" ".join(same) for same in names.values() if len(same) > 1])

long_lines = ["%s:%d" % (name, number)
              for name in files("lib/*.[ch]", "mod_mlserver/*.[ch]",
                                "tools/*.[ch]")
              for number, line in enumerate(text(name).splitlines(), 1)
              if len(line) > 80]
tap.say("lines of C end at column 80", long_lines)
tap.finish()
