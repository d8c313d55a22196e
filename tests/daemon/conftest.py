# SPDX-License-Identifier: Apache-2.0
"""Fixtures: mlserverd in a fresh state, as separate users when root runs the
tests, and as one ordinary user where a test asks for that."""

import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from daemon import TESTS, Daemon  # noqa: E402

BUILD = pathlib.Path(os.environ.get("MLS_TEST_BUILD",
                                    TESTS.parent / "build")).resolve()
SANITIZED = os.environ.get("MLS_TEST_SAN", "")
FAST = os.environ.get("MLS_TEST_FAST", "")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: left out of FAST=1")


def pytest_report_header():
    return "mlserverd of %s, started as %s" % (
        BUILD, pwd.getpwuid(os.geteuid()).pw_name)


def make_users():
    for name in ("mlserver", "mlserver-worker"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            subprocess.run(["useradd", "--system", "--user-group",
                            "--no-create-home", "--home-dir", "/nonexistent",
                            "--shell", "/usr/sbin/nologin", name], check=True)


@pytest.fixture(scope="session", autouse=True)
def users():
    if os.geteuid() == 0:
        make_users()


@pytest.fixture
def folder():
    """A folder with a short name that other users can enter."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="mlsd-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def make_daemon(folder):
    made = []

    def make(*options, where=None):
        # A sanitizer's shadow memory is more than any sensible limit.
        extra = ["--compile-memory", "0"] if SANITIZED else []
        daemon = Daemon(BUILD, where or folder, "--reserve-bytes", "1048576",
                        *extra, *options)
        made.append(daemon)
        return daemon

    yield make
    for daemon in made:
        daemon.stop()
        for line in daemon.text().splitlines():
            assert "Sanitizer" not in line, daemon.text()
            assert "runtime error" not in line, daemon.text()


@pytest.fixture
def daemon(make_daemon):
    return make_daemon().start()


@pytest.fixture
def registry(daemon):
    connection = daemon.registry()
    yield connection
    connection.close()


@pytest.fixture
def needs_root():
    if os.geteuid() != 0:
        pytest.skip("needs root")
