# SPDX-License-Identifier: Apache-2.0
"""Every mistake is named at `httpd -t`, with what to write instead."""
import sys

import pytest

from harness import env
from harness.httpd import location, server_lines

sys.path.insert(0, str(env.ROOT / "tools" / "reference"))
import directives  # noqa: E402

# (scope, kind, name, syntax) of every directive.
DIRECTIVES = [(one.scope, one.kind, one.name, one.syntax)
              for one in directives.read()]

WRONG = {
    "FLAG": (["maybe", "1"], "On or Off"),
    "DURATION": (["5", "1x", "-1s", "0s", "1.5h", "99999d", "s", "1hh",
                  "99999999999999999999s"], "unit"),
    "SIZE": (["-1", "1x", "K", "16MB", "99999999999T", "1.5M"], "bytes"),
    "COUNT": (["-1", "x", "1.5", "99999999999"], "whole number"),
    "CHOICE": (["other", "On"], "one of"),
}


@pytest.fixture(scope="module")
def quiet():
    """A server that is never started: only its configuration is tested."""
    from harness.httpd import Httpd
    server = Httpd()
    yield server
    server.remove()


def text_with(server, scope, line):
    """The default configuration with one more line where it belongs."""
    if scope == "SERVER":
        name = line.split()[0]
        lines = "".join(part + "\n" for part in
                        server_lines(server).splitlines()
                        if part.split()[:1] != [name])
        return lines + line + "\n" + location(server)
    name = line.split()[0]
    text = location(server, extra="    " + line)
    return server_lines(server) + "".join(
        part + "\n" for part in text.splitlines()
        if part.split()[:1] != [name] or part.strip() == line)


def test_the_default_is_good(quiet):
    good, said = quiet.configtest()
    assert good, said


@pytest.mark.parametrize("scope,kind,name,syntax", DIRECTIVES,
                         ids=[row[2] for row in DIRECTIVES])
def test_a_wrong_value_is_named(quiet, scope, kind, name, syntax):
    if kind not in WRONG:
        values, hint = ['""'], name
    else:
        values, hint = WRONG[kind]
    for value in values:
        if kind == "FLAG" and name == "MLServer":
            text = server_lines(quiet) + \
                "<Location />\nMLServer %s\n</Location>\n" % value
        else:
            text = text_with(quiet, scope, "%s %s" % (name, value))
        good, said = quiet.configtest(text)
        assert not good, "%s %s was taken" % (name, value)
        assert name in said and hint in said, said


@pytest.mark.parametrize("scope,kind,name,syntax", [
    row for row in DIRECTIVES if row[1] in ("DURATION", "SIZE", "COUNT")],
    ids=lambda value: value)
def test_good_values_are_taken(quiet, scope, kind, name, syntax):
    values = {"DURATION": ["90s", "15m", "1h", "2d"],
              "SIZE": ["4096", "64K", "16m", "1G"],
              "COUNT": ["1", "100"]}[kind]
    if "Off" in syntax:
        values = values + ["Off"]
    for value in values:
        if name in ("MLServerRefreshMaximumLifetime",) and value != "2d":
            continue  # shorter than the others is a mistake of its own
        extra = ""
        if name == "MLServerRefreshMaximumLifetime":
            extra = "MLServerRefreshIdleLifetime 1d\n"
        text = text_with(quiet, scope, "%s %s" % (name, value))
        if extra:
            text = text.replace("MLServer On\n", "MLServer On\n" + extra)
        good, said = quiet.configtest(text)
        assert good, "%s %s: %s" % (name, value, said)


@pytest.mark.parametrize("lines,names", [
    ("MLServerRunDir /" + "x" * 120, ["MLServerRunDir", "108"]),
    ("MLServerRunDir %(state)s", ["MLServerRunDir", "MLServerStateDir"]),
    ("MLServerDaemon /nonexistent/mlserverd", ["MLServerDaemon", "No such"]),
    ("MLServerDaemon /etc/passwd", ["MLServerDaemon", "program"]),
    ("MLServerMlscore /nonexistent", ["MLServerMlscore"]),
    ("MLServerPython /nonexistent", ["MLServerPython"]),
    ("MLServerMaxModel 2G", ["MLServerMaxModel", "LimitRequestBody"]),
])
def test_a_wrong_whole_is_named(quiet, lines, names):
    text = text_with(quiet, "SERVER", lines % {"state": quiet.state})
    good, said = quiet.configtest(text)
    assert not good, said
    for name in names:
        assert name in said, said


@pytest.mark.skipif(not env.SEPARATE, reason="users matter when root starts")
@pytest.mark.parametrize("line,names", [
    ("MLServerUser no-such-user", ["MLServerUser", "useradd"]),
    ("MLServerWorkerUser no-such-user", ["MLServerWorkerUser", "useradd"]),
    ("MLServerGroup no-such-group", ["MLServerGroup"]),
    ("MLServerWorkerUser mlserver", ["MLServerWorkerUser", "MLServerUser"]),
])
def test_a_wrong_user_is_named(quiet, line, names):
    good, said = quiet.configtest(text_with(quiet, "SERVER", line))
    assert not good, said
    for name in names:
        assert name in said, said


@pytest.mark.parametrize("line,names", [
    ("MLServerAuthProvider nonsense", ["MLServerAuthProvider", "nonsense"]),
    ("MLServerCORSOrigin console.example.com", ["MLServerCORSOrigin",
                                                "https://"]),
    ("MLServerCORSOrigin https://a.example/path", ["MLServerCORSOrigin"]),
    ("MLServerUploadDir /nonexistent", ["MLServerUploadDir"]),
    ("MLServerTokenLifetime 3000d", ["MLServerTokenLifetime",
                                     "MLServerRefreshMaximumLifetime"]),
    ("MLServerRefreshIdleLifetime 3000d", ["MLServerRefreshIdleLifetime"]),
])
def test_a_wrong_location_is_named(quiet, line, names):
    good, said = quiet.configtest(text_with(quiet, "DIRECTORY", line))
    assert not good, said
    for name in names:
        assert name in said, said


def test_all_mistakes_are_named_not_only_the_first(quiet):
    text = text_with(quiet, "DIRECTORY", "MLServerUploadDir /nonexistent")
    text = text.replace("MLServerDaemon ", "MLServerDaemon /nonexistent")
    good, said = quiet.configtest(text)
    assert not good
    assert "MLServerUploadDir" in said and "MLServerDaemon" in said


def test_missing_accounts_file_is_named(quiet):
    text = server_lines(quiet) + ("<Location />\nMLServer On\n"
                                  "MLServerAuthProvider file\n</Location>\n")
    good, said = quiet.configtest(text)
    assert not good
    assert "AuthUserFile" in said


@pytest.mark.parametrize("section", [
    '<Directory "/tmp">', '<LocationMatch "^/a">', '<Location "/a*">',
    '<Files "x">'])
def test_mlserver_stands_in_a_plain_location(quiet, section):
    close = "</%s>" % section[1:].split()[0]
    good, said = quiet.configtest("%s%s\nMLServer On\n%s\n" % (
        server_lines(quiet), section, close))
    assert not good
    assert "Location" in said, said


def test_a_virtual_host_s_directive_in_a_location_is_refused(quiet):
    for scope, _, name, _ in DIRECTIVES:
        if scope == "SERVER":
            good, said = quiet.configtest(server_lines(quiet) + location(
                quiet, extra="    %s x" % name))
            assert not good and name in said, said


def test_two_states_need_two_run_directories(quiet):
    vhost = "<VirtualHost *:%d>\nMLServerStateDir %s\nMLServerRunDir %s\n%s" \
        "</VirtualHost>\n"
    for states, runs in ((("a", "b"), ("r", "r")), (("a", "a"), ("r", "q"))):
        text = "".join(vhost % (i + 1, quiet.root / state, quiet.root / run,
                                location(quiet))
                       for i, (state, run) in enumerate(zip(states, runs)))
        good, said = quiet.configtest("MLServerDaemon external\n" + text)
        assert not good, said
        assert "run director" in said, said


def test_settings_are_inherited_and_overridden(make_httpd):
    """Outside, in a Location, in a Location within: the innermost counts."""
    server = make_httpd(config=lambda s: "MLServerTokenLifetime 2h\n"
                        + server_lines(s) + location(s) + location(
                            s, "/inner",
                            extra="    MLServerTokenLifetime 3h"))
    server.start()
    from harness.httpd import USERS
    for mount, hours in (("", 2), ("/inner", 3)):
        answer = server.client(mount=mount).login("alice", USERS["alice"])
        assert abs(int(answer["expires_in"]) - hours * 3600) < 5


def test_mlserver_off_takes_a_path_out_again(make_httpd):
    server = make_httpd(config=lambda s: server_lines(s) + location(s) + """
<Location "/static">
    MLServer Off
    Require all granted
</Location>
""")
    (server.root / "docs" / "static").mkdir()
    (server.root / "docs" / "static" / "x.txt").write_text("plain")
    server.start()
    assert server.client().get("/static/x.txt").text == "plain"


def test_without_any_location_httpd_just_serves(make_httpd):
    server = make_httpd(config=lambda s: "<Directory %s/docs>\n"
                        "Require all granted\n</Directory>\n" % s.root)
    (server.root / "docs" / "x.txt").write_text("plain")
    server.start(wait=False)
    from harness.httpd import wait_until

    def served():
        try:
            return server.client().get("/x.txt").text == "plain"
        except OSError:
            return False
    wait_until(served, 30, "a file")
    assert server.mlserverd() is None
