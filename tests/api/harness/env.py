# SPDX-License-Identifier: Apache-2.0
"""What the tests run: which build, which httpd, which MPM, as whom.

tests/run.py sets the variables; each has a default, so that pytest alone works.

MLS_TEST_BUILD  the build directory (build)
MLS_TEST_MPM    prefork, worker or event (prefork)
MLS_TEST_AS     separate: as root, with www-data, mlserver and mlserver-worker;
                one: everything as one ordinary user. Default: by who runs pytest.
MLS_TEST_SAN    the build's sanitizers, such as address,undefined
"""
import grp
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("MLS_TEST_BUILD", ROOT / "build")).resolve()
MPM = os.environ.get("MLS_TEST_MPM", "prefork")
SAN = os.environ.get("MLS_TEST_SAN", "")
IS_ROOT = os.geteuid() == 0
SEPARATE = IS_ROOT and os.environ.get("MLS_TEST_AS", "separate") == "separate"


def _first(*paths):
    for path in paths:
        if os.path.exists(path):
            return path
    raise RuntimeError("none of these exists: " + ", ".join(paths))


HTTPD = _first("/usr/sbin/apache2", "/usr/sbin/httpd")
MODULES = _first("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules")


def user_exists(name):
    try:
        pwd.getpwnam(name)
        return True
    except KeyError:
        return False


def httpd_user():
    """The distribution's user for httpd's children."""
    return "www-data" if user_exists("www-data") else "apache"


def one_user():
    """Who everything runs as when it is one ordinary user: None for us."""
    return "nobody" if IS_ROOT and not SEPARATE else None


def group_of(user):
    return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name


def make_users():
    """Root tests need the two system users that packages create."""
    for name in ("mlserver", "mlserver-worker"):
        if not user_exists(name):
            subprocess.run(["useradd", "--system", "--user-group",
                            "--no-create-home", "--home-dir", "/nonexistent",
                            "--shell", "/usr/sbin/nologin", name], check=True)


def setpriv(user):
    """Words before a command that make it run as `user`."""
    return ["setpriv", "--reuid=" + user, "--regid=" + group_of(user),
            "--init-groups"]


def temporary_directory(prefix="mls-"):
    """A new directory with a short path that other users can enter."""
    path = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    path.chmod(0o755)
    return path


_programs = None


def programs():
    """Where the programs and the module lie: the build directory, or a copy
    when the users that the server runs as cannot enter it."""
    global _programs
    if _programs is None:
        user = "mlserver-worker" if SEPARATE else one_user()
        if user is None or subprocess.run(
                setpriv(user) + ["test", "-x", str(BUILD / "bin" / "mlscore"),
                                 "-a", "-r", str(BUILD / "modules")],
                cwd="/").returncode == 0:
            _programs = BUILD
        else:
            _programs = temporary_directory("mls-programs-")
            for name in ("bin", "modules"):
                shutil.copytree(BUILD / name, _programs / name)
            shutil.copytree(ROOT / "tools" / "workers",
                            _programs / "share" / "mlserver" / "workers")
    return _programs


def remove_copies():
    if _programs is not None and _programs != BUILD:
        shutil.rmtree(_programs, ignore_errors=True)
