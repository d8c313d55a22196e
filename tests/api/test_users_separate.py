# SPDX-License-Identifier: Apache-2.0
"""Who runs as whom, and who may read what (trap 1)."""
import grp
import os
import pwd
import stat
import subprocess

import pytest

from harness import env, models
from harness.httpd import children_of, command_of, process_alive

pytestmark = pytest.mark.skipif(
    not env.SEPARATE, reason="needs root, to have several users")


def owner_group_mode(path):
    info = os.lstat(path)
    return (pwd.getpwuid(info.st_uid).pw_name,
            grp.getgrgid(info.st_gid).gr_name, stat.S_IMODE(info.st_mode))


def user_of(pid):
    """The user of a process and whether it could become root again."""
    status = open("/proc/%d/status" % pid, encoding="ascii").read()
    uids = next(line for line in status.splitlines()
                if line.startswith("Uid:")).split()[1:4]
    return [pwd.getpwuid(int(uid)).pw_name for uid in uids]


@pytest.fixture(scope="module")
def used(httpd, alice):
    assert alice.publish("perm", "1", models.linear(2)).status_code == 201
    return httpd


def test_each_process_has_its_user(used):
    for pid in used.children():
        assert set(user_of(pid)) == {env.httpd_user()}
    parts = used.daemon_children()
    assert set(user_of(parts["registry"])) == {"mlserver"}
    status = open("/proc/%d/status" % parts["registry"], encoding="ascii"
                  ).read()
    assert "CapEff:\t0000000000000000" in status
    assert "CapPrm:\t0000000000000000" in status


def test_the_supervisor_keeps_only_what_it_needs(used):
    status = open("/proc/%d/status" % used.daemon_children()["supervisor"],
                  encoding="ascii").read()
    effective = int(next(line for line in status.splitlines()
                         if line.startswith("CapEff:")).split()[1], 16)
    # CAP_SYS_ADMIN (21), CAP_SYS_MODULE (16), CAP_SYS_PTRACE (19),
    # CAP_NET_ADMIN (12), CAP_SYS_RAWIO (17)
    for bit in (21, 16, 19, 12, 17):
        assert not effective & (1 << bit), hex(effective)


@pytest.mark.parametrize("path,mode", [
    ("", 0o750), ("registry", 0o700), ("blobs", 0o700), ("keys", 0o700),
    ("images", 0o750), ("index", 0o640), ("keys.jwks", 0o640)])
def test_the_state_belongs_to_mlserver(used, path, mode):
    user, group, got = owner_group_mode(used.state / path)
    assert user == "mlserver", user
    assert oct(got) == oct(mode)
    if path in ("", "images", "index", "keys.jwks"):
        assert group == env.group_of(env.httpd_user())


def test_everything_below_is_as_closed_as_its_directory(used):
    for top in ("registry", "blobs", "keys"):
        for directory, _, files in os.walk(used.state / top):
            for name in files:
                user, _, mode = owner_group_mode(os.path.join(directory, name))
                assert user == "mlserver"
                assert mode & 0o007 == 0, (directory, name, oct(mode))
    images = 0
    for directory, folders, files in os.walk(used.state / "images"):
        if "tmp" in folders:
            folders.remove("tmp")  # unfinished images: nobody else's matter
        assert owner_group_mode(directory)[2] == 0o750, directory
        for name in files:
            user, group, mode = owner_group_mode(os.path.join(directory, name))
            assert (user, group) == ("mlserver",
                                     env.group_of(env.httpd_user()))
            assert mode == 0o640, oct(mode)
            images += 1
    assert images > 0


def test_sockets_are_for_the_group(used):
    assert owner_group_mode(used.run)[2] == 0o750
    for name in ("registry.sock", "supervisor.sock"):
        _, group, mode = owner_group_mode(used.run / name)
        assert group == env.group_of(env.httpd_user())
        assert mode == 0o660


def as_user(user, *command):
    return subprocess.run(env.setpriv(user) + list(command), cwd="/",
                          capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("path", ["registry", "blobs", "keys"])
def test_httpd_s_user_cannot_read_what_is_the_owner_s(used, path):
    assert as_user(env.httpd_user(), "ls", str(used.state / path)
                   ).returncode != 0


@pytest.mark.parametrize("user", ["nobody", "mlserver-worker"])
def test_others_cannot_look_into_the_state(used, user):
    assert as_user(user, "ls", str(used.state)).returncode != 0
    assert as_user(user, "cat", str(used.users)).returncode != 0
    code = ("import socket; s = socket.socket(socket.AF_UNIX); "
            "s.connect(%r)" % str(used.run / "registry.sock"))
    assert as_user(user, "python3", "-c", code).returncode != 0


def test_httpd_s_user_cannot_write_the_state(used):
    for path in ("x", "images/x", "index", "keys.jwks"):
        assert as_user(env.httpd_user(), "sh", "-c", "echo x >> " +
                       str(used.state / path)).returncode != 0, path


@pytest.mark.logs("peer|refused|supervisor|registry|uid")
def test_the_sockets_check_who_calls(used):
    """Even with the group, another uid than httpd's is turned away: the
    connection is closed, or answers a refusal."""
    code = """
import json, os, socket, struct, sys
os.setgroups([%d]); os.setgid(%d); os.setuid(pwd_uid := %d)
s = socket.socket(socket.AF_UNIX); s.settimeout(10)
s.connect(%r)
body = json.dumps({"op": "hello", "protocol": 1}).encode()
try:
    s.sendall(struct.pack("<I", len(body)) + body)
    answer = s.recv(4096)
except OSError:
    answer = b""
sys.exit(1 if b'"ok":true' in answer.replace(b" ", b"") else 0)
""" % (pwd.getpwnam(env.httpd_user()).pw_gid,
       pwd.getpwnam("nobody").pw_gid, pwd.getpwnam("nobody").pw_uid,
       str(used.run / "registry.sock"))
    done = subprocess.run(["python3", "-c", code], capture_output=True,
                          text=True, timeout=30)
    assert done.returncode == 0, done.stderr


def test_mlserver_and_compiler_are_gone_from_the_process_list(used):
    """Nothing that compiled is left behind."""
    for pid in children_of(used.daemon_children()["supervisor"]):
        # A word of its own: `mlscore compile`, not an option of mlserverd.
        assert "compile" not in command_of(pid).split() or \
            not process_alive(pid)
