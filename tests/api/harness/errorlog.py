# SPDX-License-Identifier: Apache-2.0
"""Watch an error log: a test must not leave warnings that it did not expect."""
import re

# [time] [module:level] ... as httpd writes it by default.
LINE = re.compile(r"^\[[^\]]+\] \[(?P<module>[^:\]]*):(?P<level>\w+)\]")
BAD_LEVELS = {"emerg", "alert", "crit", "error", "warn"}
# Lines without httpd's prefix come from programs that share the log.
BAD_WORDS = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|"
                       r"runtime error|Assertion|Segmentation|stack smashing|"
                       r"free\(\)|malloc\(\)|\b(emerg|alert|crit|error|warn(ing)?)[:\]]",
                       re.IGNORECASE)


def is_bad(line):
    match = LINE.match(line)
    if match and match["level"] in BAD_LEVELS:
        return True
    if match and match["level"] in ("notice", "info"):
        # httpd reports a child's death at level notice.
        return "exit signal" in line or "AddressSanitizer" in line
    return match is None and BAD_WORDS.search(line) is not None


class ErrorLog:
    """One log file, read from where the last look ended."""

    def __init__(self, path):
        self.path = path

    def mark(self):
        """Here we are; pass it to lines() later."""
        return self.path.stat().st_size if self.path.exists() else 0

    def lines(self, since=0, until=None):
        if not self.path.exists():
            return []
        with open(self.path, "rb") as file:
            file.seek(since)
            data = file.read() if until is None else file.read(until - since)
            return data.decode("utf-8", "replace").splitlines()

    def unexpected(self, since, allowed=(), until=None):
        """Bad lines that match none of the regular expressions."""
        patterns = [re.compile(text) for text in allowed]
        return [line for line in self.lines(since, until)
                if is_bad(line) and not any(p.search(line) for p in patterns)]

    def has(self, text, since=0):
        """Does a line since then hold this text?"""
        return any(text in line for line in self.lines(since))
