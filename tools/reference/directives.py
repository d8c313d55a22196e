#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Read mod_mlserver/config/directives.def; write docs/reference/directives.md
and conf/mlserver.conf.

usage: directives.py [--check]

--check writes nothing and fails when a file is not what would be written.
"""
import collections
import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "mod_mlserver" / "config" / "directives.def"
PAGE = ROOT / "docs" / "reference" / "directives.md"
EXAMPLE = ROOT / "conf" / "mlserver.conf"

Directive = collections.namedtuple(
    "Directive", "scope kind name field default syntax help")
KINDS = {
    "FLAG": "`On` or `Off`",
    "DURATION": "a whole number with its unit: `30s`, `15m`, `1h`, `14d`",
    "SIZE": "bytes: `4096`, `64K`, `16M`, `2G`",
    "COUNT": "a whole number",
    "PATH": "a path; a relative one starts at ServerRoot",
    "TEXT": "one word",
    "LIST": "words; the directive may be repeated",
    "CHOICE": "one of the words",
    "ROLE": "a role and a condition; the directive may be repeated",
}


def _arguments(text):
    """Split a macro's arguments at commas outside strings and brackets."""
    parts, depth, part = [], 0, ""
    for token in re.findall(r'"(?:[^"\\]|\\.)*"|.', text, re.S):
        if token == "," and depth == 0:
            parts.append(part.strip())
            part = ""
            continue
        depth += {"(": 1, ")": -1}.get(token, 0)
        part += token
    return parts + [part.strip()]


def _text(argument):
    """A C string literal, or several side by side; None for NULL."""
    if argument == "NULL":
        return None
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', argument)).replace(
        '\\"', '"')


def _number(expression):
    """The value of a C expression of whole numbers."""
    plain = re.sub(r"APR_U?INT64_C\((\d+)\)", r"\1", expression)
    if not re.fullmatch(r"[\d\s*+()-]+", plain):
        raise ValueError("not a number: " + expression)
    return eval(plain, {"__builtins__": {}})  # only digits and operators


def _bytes(value):
    for unit, size in (("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)):
        if value and value % size == 0:
            return "%d%s" % (value // size, unit)
    return str(value) if value else "Off"


def _duration(value):
    for unit, seconds in (("d", 86400), ("h", 3600), ("m", 60)):
        if value % seconds == 0:
            return "%d%s" % (value // seconds, unit)
    return "%ds" % value


def _default(kind, argument, syntax):
    """A default as one would write it."""
    if kind in ("PATH", "TEXT", "LIST", "ROLE"):
        return _text(argument)
    value = _number(argument)
    if kind == "FLAG":
        return "On" if value else "Off"
    if kind == "CHOICE":
        return syntax.split("|")[value]
    if kind == "SIZE":
        return _bytes(value)
    if kind == "DURATION":
        return _duration(value)
    return str(value) if value else "Off"


def read():
    """The table's directives, in its order."""
    text = re.sub(r"/\*.*?\*/", "", TABLE.read_text(encoding="utf-8"),
                  flags=re.S)
    found = []
    for match in re.finditer(r"^(SERVER|DIRECTORY)\(", text, re.M):
        depth, end = 1, match.end()
        for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[()]',
                                 text[match.end():]):
            depth += {"(": 1, ")": -1}.get(token.group(), 0)
            if depth == 0:
                end = match.end() + token.start()
                break
        kind, name, field, default, syntax, help_ = _arguments(
            text[match.end():end])
        syntax = _text(syntax)
        found.append(Directive(match.group(1), kind, _text(name), field,
                               _default(kind, default, syntax), syntax,
                               _text(help_)))
    return found


def page():
    """The reference page's text."""
    out = ["<!-- SPDX-License-Identifier: Apache-2.0 -->",
           "<!-- Written by tools/reference/directives.py; change "
           "mod_mlserver/config/directives.def instead. -->",
           "# Directives", ""]
    for scope, title in (
            ("SERVER", "Of the server or a virtual host"),
            ("DIRECTORY", "Of a `<Location>` (or outside, for all of them)")):
        out += ["## " + title, ""]
        for one in read():
            if one.scope != scope:
                continue
            out += ["### %s" % one.name, "",
                    "- Syntax: `%s %s`" % (one.name, one.syntax),
                    "- Value: %s" % KINDS[one.kind],
                    "- Default: %s" % ("`%s`" % one.default if one.default
                                       else "none"), "", one.help, ""]
    return "\n".join(out).rstrip("\n") + "\n"


# What a packaged server sets; everything else is shown with its default.
SET = {
    "MLServerStateDir": "/var/lib/mlserver",
    "MLServerRunDir": "/run/mlserver",
    "MLServerDaemon": "external",
    "MLServer": "On",
    "MLServerAuthProvider": "file",
    "MLServerSessionRole": "Contributor",  # recommended; the default is older
}
HEAD = """\
# SPDX-License-Identifier: Apache-2.0
# Every directive of mod_mlserver, with its default where it is not set.
# Written by tools/reference/directives.py from directives.def; copy it and
# change the copy. `apachectl configtest` names every mistake.
"""
MOUNT = """
# Where the server is mounted: /login, /services and /api lie below it. "/"
# works, too. Passwords and tokens travel in requests: serve it over TLS.
<Location "/mlserver">
"""
FOOT = """
    # The accounts that MLServerAuthProvider file asks (htpasswd -B), read at
    # every login.
    AuthUserFile /etc/mlserver/users

    # httpd's own limit of 1 GB would refuse models that MLServerMaxModel takes.
    LimitRequestBody 0
</Location>

# Counters for Prometheus, from this machine only and for who may list
# services: docs/howto/monitoring.md has what a scraper elsewhere needs.
<Location "/mlserver/metrics">
    Require expr "-R '127.0.0.0/8' || -R '::1/128'"
</Location>
"""


def _example_lines(one, indent):
    """A directive's help as a comment, then itself."""
    lines = textwrap.wrap(one.help, 76 - len(indent),
                          break_on_hyphens=False)
    value = SET.get(one.name) or one.default or one.syntax
    setting = "%s %s" % (one.name, value)
    return "\n" + "".join("%s# %s\n" % (indent, line) for line in lines) + \
        "%s%s%s\n" % (indent, "" if one.name in SET else "#", setting)


def example():
    """The text of conf/mlserver.conf."""
    table = read()
    return HEAD + "".join(
        _example_lines(one, "") for one in table if one.scope == "SERVER") + \
        MOUNT + "".join(
            _example_lines(one, "    ") for one in table
            if one.scope == "DIRECTORY").lstrip("\n") + FOOT


def main():
    wanted = {PAGE: page(), EXAMPLE: example()}
    if sys.argv[1:] == ["--check"]:
        for path, text in wanted.items():
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                sys.exit("%s is not up to date; run "
                         "tools/reference/directives.py"
                         % path.relative_to(ROOT))
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        for path, text in wanted.items():
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
