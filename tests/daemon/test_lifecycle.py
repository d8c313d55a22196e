# SPDX-License-Identifier: Apache-2.0
"""Starts, stops, users, modes, locks, peers."""

import os
import pathlib
import pwd
import signal
import stat
import subprocess
import time

import pytest
from daemon import Gone, Refused, is_gone, user_of, wait_until

ROOT = os.geteuid() == 0
HTTPD = "www-data"


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_an_orderly_stop_ends_all_and_says_so(daemon):
    children = daemon.children()
    assert daemon.stop() == 0
    assert all(map(is_gone, children.values()))
    assert "stopped code=0" in daemon.text()
    assert not (daemon.run / "mlserverd.pid").exists()


def test_the_pid_file_names_the_parent(daemon):
    assert int((daemon.run / "mlserverd.pid").read_text()) \
        == daemon.process.pid


def test_it_ends_with_httpd(make_daemon):
    httpd = subprocess.Popen(["sleep", "1000"])
    daemon = make_daemon("--httpd-pid", str(httpd.pid)).start()
    httpd.kill()
    httpd.wait()
    assert daemon.process.wait(10) == 0
    assert "httpd_gone" in daemon.text()


def test_it_does_not_start_for_an_httpd_that_is_gone(make_daemon):
    gone = subprocess.Popen(["true"])
    gone.wait()
    daemon = make_daemon("--httpd-pid", str(gone.pid)).start(wait=False)
    assert daemon.process.wait(10) == 0


def test_modes_and_owners(daemon):
    daemon.registry().ask("status")
    state, run = daemon.state, daemon.run
    for path, expected in [(state, 0o750), (run, 0o750),
                           (state / "registry", 0o700),
                           (state / "keys", 0o700), (state / "blobs", 0o700),
                           (state / "images", 0o750),
                           (state / "index", 0o640),
                           (state / "keys.jwks", 0o640),
                           (state / "keys" / "refresh.key", 0o600),
                           (run / "registry.sock", 0o660),
                           (run / "supervisor.sock", 0o660)]:
        assert mode(path) == expected, path
    for key in (state / "keys").iterdir():
        assert mode(key) == 0o600
    for table in (state / "registry").iterdir():
        assert mode(table) == 0o600, table
    if ROOT:
        for path in (state, run, state / "index", state / "keys.jwks",
                     state / "images"):
            assert pathlib.Path(path).owner() == "mlserver", path
            assert pathlib.Path(path).group() == HTTPD, path


def test_who_runs_as_whom(daemon, needs_root):
    for role, pid in daemon.children().items():
        assert user_of(pid) == ["mlserver"] * 4, role
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines())
        assert fields["Groups"].split() == []
        assert fields["NoNewPrivs"].strip() == "1"
        # CAP_KILL, CAP_SETGID, CAP_SETUID for the supervisor; else nothing
        allowed = (1 << 5 | 1 << 6 | 1 << 7) if role == "supervisor" else 0
        assert int(fields["CapEff"], 16) == allowed
        assert int(fields["CapPrm"], 16) == allowed


def test_httpds_children_can_read_what_is_for_them_only(daemon, needs_root):
    def readable(path):
        return subprocess.run(
            ["setpriv", "--reuid=" + HTTPD, "--regid=" + HTTPD,
             "--clear-groups", "test", "-r", str(path)]).returncode == 0

    state = daemon.state
    assert readable(state / "index") and readable(state / "keys.jwks")
    for path in ("registry", "keys", "blobs", "keys/refresh.key"):
        assert not readable(state / path), path


@pytest.fixture
def run_as(folder):
    """Run Python as another user, with daemon.py to import."""
    source = pathlib.Path(__file__).parent / "daemon.py"
    (folder / "daemon.py").write_text(source.read_text())

    def run(code, *arguments, user, group=None):
        done = subprocess.run(
            ["setpriv", "--reuid=" + user, "--regid=" + (group or user),
             "--clear-groups", "/usr/bin/python3", "-c",
             "import sys\nfrom daemon import *\n" + code,
             *map(str, arguments)],
            capture_output=True, text=True, cwd=folder)
        return done.stdout.strip() or done.stderr

    return run


SPEAK = """
try:
    print(Registry(sys.argv[1]).ask("status")["ok"])
except Gone as error:
    print("gone", error)
"""


def test_only_the_right_peers_are_heard(daemon, needs_root, run_as):
    """The modes would do; here they are opened to see the second gate."""
    path = daemon.run / "registry.sock"
    assert run_as(SPEAK, path, user=HTTPD) == "True"
    assert run_as(SPEAK, path, user="mlserver") == "True"
    assert run_as(SPEAK, path, user="nobody",
                  group="nogroup").startswith("gone")
    daemon.run.chmod(0o755)
    path.chmod(0o666)
    assert run_as(SPEAK, path, user="nobody",
                  group="nogroup").startswith("gone")
    assert run_as(SPEAK, path, user="mlserver-worker").startswith("gone")
    assert run_as(SPEAK, path, user=HTTPD) == "True"
    nobody = pwd.getpwnam("nobody").pw_uid
    assert f"peer_refused socket=registry uid={nobody}" in daemon.text()


def test_the_supervisor_hears_the_right_peers_only(daemon, needs_root,
                                                   run_as):
    code = """
try:
    print(supervisor_call(sys.argv[1], {"op": "status"})["ok"])
except Gone as error:
    print("gone", error)
"""
    path = daemon.supervisor_path
    daemon.run.chmod(0o755)
    path.chmod(0o666)
    assert run_as(code, path, user=HTTPD) == "True"
    assert run_as(code, path, user="nobody",
                  group="nogroup").startswith("gone")
    assert run_as(code, path, user="mlserver-worker").startswith("gone")
    assert "peer_refused socket=supervisor" in daemon.text()


def test_administration_is_not_for_httpds_children(daemon, needs_root,
                                                   run_as):
    code = """
for op in ("keys.rotate", "backup", "verify"):
    try:
        print(Registry(sys.argv[1]).ask(op))
    except Refused as error:
        print(error.code)
"""
    path = daemon.run / "registry.sock"
    assert run_as(code, path, user=HTTPD).split() == ["forbidden"] * 3


def test_a_second_mlserverd_on_one_state_is_refused(daemon, make_daemon):
    registry = daemon.registry()
    registry.ask("status")
    second = make_daemon()
    second.log = second.log.with_name("second.log")
    second.start(wait=False)
    assert second.process.wait(20) == 3
    assert f"pid {daemon.process.pid}" in second.text()
    assert "another process" in second.text()
    second.process = None
    assert registry.ask("status")["ok"]
    assert daemon.registry().ask("status")["ok"]
    daemon.wait()
    assert (daemon.run / "mlserverd.pid").exists()


def test_another_holder_of_the_registry_is_named(daemon, make_daemon):
    """mlserverctl restore, say, holds registry/LOCK alone."""
    import fcntl
    daemon.stop()
    with open(daemon.state / "registry" / "LOCK", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        daemon.start(wait=False)
        assert daemon.process.wait(30) == 3
    assert f"pid {os.getpid()}" in daemon.text()
    daemon.process = None
    daemon.start()


def test_the_next_mlserverd_waits_for_the_last(daemon, make_daemon):
    """As in a restart: the old one is on its way out."""
    second = make_daemon()
    second.log = second.log.with_name("second.log")
    second.start(wait=False)
    time.sleep(1)
    assert second.process.poll() is None
    daemon.stop()
    second.wait()


@pytest.mark.parametrize("options, words", [
    (["--user", "no-such-user"], ["no-such-user", "useradd", "--user"]),
    (["--worker-user", "no-such-user"], ["useradd", "--worker-user"]),
    (["--group", "no-such-group"], ["--group"]),
    (["--user", "root"], ["root", "without privileges"]),
    (["--worker-user", "mlserver"], ["a user of its own"]),
])
def test_wrong_users_are_named_with_the_fix(make_daemon, needs_root, options,
                                            words):
    daemon = make_daemon(*options).start(wait=False)
    assert daemon.process.wait(10) == 3
    for word in words:
        assert word in daemon.text()


def test_a_missing_compiler_is_named(make_daemon):
    daemon = make_daemon("--mlscore", "/no/such/mlscore").start(wait=False)
    assert daemon.process.wait(10) == 3
    assert "/no/such/mlscore" in daemon.text()


def test_a_socket_path_that_is_too_long_is_named(make_daemon, folder):
    long = folder / ("x" * 100)
    long.mkdir()
    daemon = make_daemon(where=long).start(wait=False)
    assert daemon.process.wait(10) == 3
    assert "shorter run directory" in (long / "log").read_text()


@pytest.mark.parametrize("state", ["/tmp", "/var", "/"])
def test_a_directory_that_belongs_to_all_is_refused(make_daemon, needs_root,
                                                    folder, state):
    daemon = make_daemon()
    before = os.stat(state)
    daemon.state = pathlib.Path(state)
    daemon.start(wait=False)
    assert daemon.process.wait(10) == 3
    after = os.stat(state)
    assert (before.st_uid, before.st_mode) == (after.st_uid, after.st_mode)


def test_a_state_below_a_closed_directory_is_named(make_daemon, needs_root,
                                                   folder):
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    daemon = make_daemon(where=closed).start(wait=False)
    assert daemon.process.wait(20) == 3
    assert "searchable" in (closed / "log").read_text()


def test_wrong_options_are_refused(folder):
    from conftest import BUILD
    for options in (["--state", "relative", "--run", "/tmp/x"],
                    ["--state", "/tmp/x"], ["--max-compiles", "x"],
                    ["--sandbox", "maybe"], ["--nonsense"], ["extra"]):
        done = subprocess.run([BUILD / "bin" / "mlserverd", *options],
                              capture_output=True, text=True)
        assert done.returncode == 2, options
        assert "mlserverd" in done.stderr


def test_a_signal_while_starting_ends_it(make_daemon):
    daemon = make_daemon().start(wait=False)
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(15) in (0, -signal.SIGTERM)


def test_as_one_ordinary_user(make_daemon, needs_root, folder):
    """Started unprivileged, all is one user, and it says so."""
    from conftest import BUILD
    copy = folder / "bin"
    copy.mkdir()
    copy.chmod(0o755)
    for name in ("mlserverd", "mlscore"):
        (copy / name).write_bytes((BUILD / "bin" / name).read_bytes())
        (copy / name).chmod(0o755)
    home = folder / "home"
    home.mkdir()
    os.chown(home, pwd.getpwnam("nobody").pw_uid, 65534)
    daemon = make_daemon(where=home)
    command = daemon.command()
    command[0] = str(copy / "mlserverd")
    daemon.command = lambda: ["setpriv", "--reuid=nobody", "--regid=nogroup",
                              "--clear-groups", *command]
    daemon.start()
    assert "one_user user=nobody" in daemon.text()
    for pid in daemon.children().values():
        assert user_of(pid) == ["nobody"] * 4
    from test_compile import TREE
    assert daemon.compile(TREE)["ok"]
    with pytest.raises((Gone, Refused)):
        daemon.compile(b"nonsense")


def test_children_are_found_by_name(daemon):
    assert wait_until(lambda: set(daemon.children())
                      == {"owner", "supervisor"})
