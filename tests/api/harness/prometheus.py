# SPDX-License-Identifier: Apache-2.0
"""A strict reader of Prometheus's text format, version 0.0.4.

Refuses what a lenient scraper would take: lines out of their family, samples
that come twice, histograms whose buckets do not add up.
"""
import math
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
SAMPLE = re.compile(r"(%s)(?:\{(%s(?:,%s)*)\})? (\S+)\Z" % (NAME, LABEL,
                                                           LABEL))
META = re.compile(r"# (HELP|TYPE) (%s) (.+)\Z" % NAME)
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",),
            "gauge": ("",)}


def _number(text):
    if text in ("+Inf", "-Inf", "NaN"):
        return float(text.replace("Inf", "inf"))
    assert re.match(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z", text), text
    return float(text)


def _unescaped(text):
    return re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), text)


def _labels(text):
    found = {}
    for one in re.findall(LABEL, text or ""):
        key, _, value = one.partition("=")
        assert key not in found, text
        found[key] = _unescaped(value[1:-1])
    return found


class Family:
    def __init__(self, name, help_text):
        self.name, self.help, self.type = name, help_text, None
        self.samples = {}  # (suffix, sorted labels) -> value

    def add(self, name, labels, value):
        suffix = name[len(self.name):]
        assert name.startswith(self.name) and \
            suffix in SUFFIXES[self.type], (name, self.name)
        key = (suffix, tuple(sorted(labels.items())))
        assert key not in self.samples, "twice: %s" % (key,)
        assert self.type == "gauge" or value >= 0, (name, value)
        self.samples[key] = value

    def value(self, suffix="", **labels):
        return self.samples.get((suffix, tuple(sorted(labels.items()))))

    def check(self):
        assert self.type in SUFFIXES, self.name
        assert self.type != "counter" or re.search(
            "_total$|_generation$", self.name), self.name
        if self.type == "histogram":
            series = {}
            for (suffix, labels), value in self.samples.items():
                rest = tuple(l for l in labels if l[0] != "le")
                one = series.setdefault(rest, {"le": [], "sum": None,
                                               "count": None})
                if suffix == "_bucket":
                    one["le"].append((_number(dict(labels)["le"]), value))
                else:
                    assert "le" not in dict(labels)
                    one[suffix[1:]] = value
            for one in series.values():
                assert one["le"] == sorted(one["le"]), one
                counts = [count for _, count in one["le"]]
                assert counts == sorted(counts), one
                assert math.isinf(one["le"][-1][0]), one
                assert counts[-1] == one["count"] is not None, one
                assert one["sum"] is not None, one


def parse(text):
    """The families of an exposition by name; fails on any mistake."""
    assert text.endswith("\n") and "\r" not in text
    families, current = {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("#"):
            kind, name, rest = META.match(line).groups()
            if kind == "HELP":
                assert name not in families, "family twice: " + name
                current = families[name] = Family(name, rest)
            else:
                assert current and current.name == name, line
                assert current.type is None and not current.samples, line
                assert rest in SUFFIXES, line
                current.type = rest
            continue
        match = SAMPLE.match(line)
        assert match, "not a sample: %r" % line
        assert current and current.type, line
        current.add(match[1], _labels(match[2]), _number(match[3]))
    for family in families.values():
        family.check()
    return families
