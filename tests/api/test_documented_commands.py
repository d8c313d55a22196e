# SPDX-License-Identifier: Apache-2.0
"""The commands that docs/howto shows do what it says."""
import re
import subprocess

import pytest

from harness import env
from harness.httpd import USERS


def blocks(page, language="sh"):
    """The shell blocks of a page, as one script."""
    text = (env.ROOT / "docs" / "howto" / page).read_text()
    return "\n".join(re.findall(r"^```%s\n(.*?)^```" % language, text,
                                re.M | re.S))


def run(script, folder, **variables):
    done = subprocess.run(["bash", "-eu", "-c", script], cwd=folder,
                          capture_output=True, text=True, timeout=120,
                          env={"PATH": "/usr/bin:/bin", **variables})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "exceptionType" not in done.stdout, done.stdout
    return done.stdout


@pytest.fixture
def served(httpd):
    """A page's commands, for the server of this test."""
    def prepare(page):
        script = blocks(page)
        assert "localhost:12800" in script
        return script.replace("http://localhost:12800", httpd.url()) \
                     .replace("localhost:12800", httpd.url())
    return prepare


def test_publishing_code_with_curl(served, httpd, tmp_path):
    said = run(served("publish-code.md"), tmp_path,
               PASSWORD=USERS["admin"])
    answers = re.findall(r'"answer":([0-9.]+)', said)
    assert [float(answer) for answer in answers] == [
        pytest.approx(39.4 - 0.03 * 120 - 3.9 * 2.8),
        pytest.approx(39.4 - 0.03 * 120)]
    client = httpd.client("admin")
    assert client.get("/sessions").json() == []
    assert client.get("/snapshots").json() == []
    for version in ("1.0", "2.0"):
        client.delete("/services/fuel/" + version)
