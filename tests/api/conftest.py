# SPDX-License-Identifier: Apache-2.0
"""Fixtures: one httpd for a whole run, others for tests that break it."""
import itertools
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import directory, env, models  # noqa: E402
from harness.httpd import Httpd  # noqa: E402

_names = itertools.count()


def pytest_report_header():
    return "httpd %s, build %s, MPM %s, %s" % (
        env.HTTPD, env.BUILD, env.MPM,
        "separate users" if env.SEPARATE else
        "one user: " + (env.one_user() or "ours"))


def pytest_configure(config):
    config.addinivalue_line("markers", "logs(regex, ...): error-log lines "
                            "that the test expects")
    config.addinivalue_line("markers", "smoke: runs under every MPM and user")
    config.addinivalue_line("markers", "long: left out of FAST=1")


def pytest_sessionfinish():
    env.remove_copies()


@pytest.fixture(scope="session")
def httpd():
    """The shared server: root Location, prefork unless MLS_TEST_MPM."""
    server = Httpd()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def make_httpd(request):
    """Make further servers; they are stopped, and their logs judged, at the
    end of the test."""
    made = []

    def make(**options):
        server = Httpd(**options)
        made.append(server)
        return server

    yield make
    failures = []
    for server in made:
        try:
            server.remove_log_checked(allowed(request))
        except AssertionError as error:
            failures.append(str(error))
    assert not failures, "\n".join(failures)


def allowed(request):
    """What the marks of a test let its error log say."""
    return [text for mark in request.node.iter_markers("logs")
            for text in mark.args]


@pytest.fixture(autouse=True)
def clean_error_log(request):
    """Fail the very test that leaves an unexpected warning or error."""
    if "httpd" not in request.fixturenames:
        yield
        return
    log = request.getfixturevalue("httpd").error_log
    mark = log.mark()
    yield
    assert log.unexpected(mark, allowed(request)) == []


@pytest.fixture(scope="session")
def alice(httpd):
    return httpd.client("alice")


@pytest.fixture(scope="session")
def bob(httpd):
    return httpd.client("bob")


@pytest.fixture(scope="session")
def admin(httpd):
    return httpd.client("admin")


@pytest.fixture
def nobody(httpd):
    """A caller without a token."""
    client = httpd.client()
    yield client
    client.close()


@pytest.fixture(scope="session")
def domain():
    """An Active Directory, shared because making one takes long. ada is in
    ml-admins; cleo, off (disabled) and old (expired) in inner, which is in
    middle, which is in outer; ben in deep-readers, which is in all-readers;
    dora in none. domain.http_keytab has the key of HTTP/localhost."""
    missing = None if env.IS_ROOT else \
        "a domain controller needs root for LDAP's port"
    missing = missing or directory.lacks("samba", "samba-tool")
    if missing:
        pytest.skip(missing)
    made = None
    try:
        made = directory.ActiveDirectory()
        made.populate(["ada", "ben", "cleo", "dora", "off", "old"], {
            "ml-admins": ["ada"], "inner": ["cleo", "off", "old"],
            "middle": ["inner"], "outer": ["middle"],
            "deep-readers": ["ben"], "all-readers": ["deep-readers"]},
            disabled=["off"], expired=["old"])
        made.http_keytab = made.folder / "http.keytab"
        made.keytab("HTTP/localhost", made.http_keytab)
        made.start()
    except AssertionError as error:
        if made:
            made.remove()
        pytest.skip("samba cannot serve a domain here: "
                    + (str(error).strip().splitlines() or ["?"])[-1])
    yield made
    made.remove()


@pytest.fixture
def name():
    """A service name that no other test uses."""
    return "svc%d" % next(_names)


@pytest.fixture(scope="session")
def iris_model():
    return models.iris()


@pytest.fixture(scope="session")
def iris(httpd, alice):
    """The iris example, published once by alice: (name, version)."""
    answer = alice.publish("shared-iris", "1.0", models.iris(),
                           description="Iris species")
    assert answer.status_code == 201, answer.text
    return "shared-iris", "1.0"
