# SPDX-License-Identifier: Apache-2.0
"""The Debian package: built, looked into, installed, asked, purged.

Installing happens in a throw-away copy of this system: an overlay over / in a
mount namespace of its own, so that nothing of it stays.
"""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not shutil.which("apt-get"),
                                reason="not a Debian system")


@pytest.fixture(scope="module")
def package():
    done = subprocess.run(["make", "-s", "deb"], cwd=ROOT,
                          capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found = [path for path in (ROOT / "build" / "deb").glob("*.deb")
             if "dbgsym" not in path.name]
    assert len(found) == 1, found
    return found[0]


@pytest.fixture(scope="module")
def contents(package):
    done = subprocess.run(["dpkg-deb", "-c", str(package)],
                          capture_output=True, text=True, check=True)
    return {line.split()[5][1:]: line.split()[0]
            for line in done.stdout.splitlines()}


@pytest.mark.parametrize("path,mode", [
    ("/usr/bin/mlscore", "-rwxr-xr-x"),
    ("/usr/sbin/mlserverd", "-rwxr-xr-x"),
    ("/usr/sbin/mlserverctl", "-rwxr-xr-x"),
    ("/usr/lib/apache2/modules/mod_mlserver.so", "-rw-r--r--"),
    ("/etc/apache2/mods-available/mlserver.load", "-rw-r--r--"),
    ("/etc/apache2/mods-available/mlserver.conf", "-rw-r--r--"),
    ("/lib/systemd/system/mlserverd.service", "-rw-r--r--"),
    ("/usr/share/mlserver/examples/model.pmml", "-rw-r--r--"),
])
def test_it_holds(contents, path, mode):
    assert contents.get(path) == mode, sorted(contents)


def test_it_holds_nothing_of_the_build(contents, package, tmp_path):
    assert not [path for path in contents
                if re.search(r"\.(o|a|c|h|pyc)$|/local/", path)]
    subprocess.run(["dpkg-deb", "-x", str(package), str(tmp_path)],
                   check=True)
    for program in ("usr/sbin/mlserverd",
                    "usr/lib/apache2/modules/mod_mlserver.so"):
        assert str(ROOT).encode() not in (tmp_path / program).read_bytes()


def test_it_depends_on_httpd_s_interface(package):
    fields = subprocess.run(["dpkg-deb", "-f", str(package), "Depends"],
                            capture_output=True, text=True,
                            check=True).stdout
    assert "apache2-api-" in fields
    for name in ("bubblewrap", "libcjose0", "libdb5.3", "libxml2"):
        assert name in fields, fields


INSTALLED = r"""
set -eu
exec 2>&1
say() { echo "== $*"; }
export DEBIAN_FRONTEND=noninteractive
# No service of the outer system is to be touched from in here.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod +x /usr/sbin/policy-rc.d
rm -rf /run/apache2 /var/lib/mlserver /etc/mlserver
mkdir -p /run/lock /run/apache2
for user in mlserver mlserver-worker; do
    ! getent passwd "$user" >/dev/null || userdel "$user"
done

say install
# The outer system may be in the middle of installing something.
dpkg --configure -a
dpkg -s apache2 2>/dev/null | grep -q '^Status: install ok' || {
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends apache2
}
apt-get install -y -qq --no-install-recommends "$PACKAGE" ||
    { apt-get update -qq; apt-get install -y -qq --no-install-recommends "$PACKAGE"; }

say users
id mlserver
id mlserver-worker
stat -c '%U:%G %a %n' /var/lib/mlserver /etc/mlserver/users /etc/mlserver/admin-password

say enabled
test -e /etc/apache2/mods-enabled/mlserver.load
test -e /etc/apache2/mods-enabled/mlserver.conf
find /etc/apache2/sites-enabled -mindepth 1 -delete
echo "Listen 127.0.0.1:$PORT" >/etc/apache2/ports.conf
echo "ServerName localhost" >/etc/apache2/conf-enabled/name.conf
# Where the outer system refuses namespaces the package says how to go on.
echo "MLServerSandbox $SANDBOX" >>/etc/apache2/conf-enabled/name.conf
apache2ctl configtest

say start
command=$(sed -n 's/ \$MLSERVERD_OPTIONS$//;s/^ExecStart=//p' \
    /lib/systemd/system/mlserverd.service)
mkdir -p /run/mlserver
$command --sandbox "$SANDBOX" >/tmp/mlserverd.log 2>&1 &
daemon=$!
apache2ctl start
for i in $(seq 100); do
    mount=$(sed -n 's/^ *<Location "\{0,1\}\([^">]*\)"\{0,1\}>.*/\1/p' /etc/apache2/mods-available/mlserver.conf | head -n 1)
    base=http://127.0.0.1:$PORT${mount%/}
    curl -sf -o /dev/null "$base/readyz" && break
    sleep 0.2
done
curl -sf "$base/readyz" || { cat /tmp/mlserverd.log /var/log/apache2/error.log; exit 1; }

say ask
ADMIN_PASSWORD=$(cat /etc/mlserver/admin-password) \
    bash /usr/share/mlserver/examples/curl.sh "$base" 1.0 ||
    { cat /tmp/mlserverd.log /var/log/apache2/error.log; exit 1; }
stat -c '%U:%G %a %n' /var/lib/mlserver /var/lib/mlserver/index /var/lib/mlserver/keys

say stop
apache2ctl stop
kill "$daemon"
wait "$daemon" || true

say reinstall
apt-get install -y -qq --no-install-recommends --reinstall "$PACKAGE"
test -e /var/lib/mlserver/index

say purge
apt-get purge -y -qq libapache2-mod-mlserver
test ! -e /var/lib/mlserver
test ! -e /etc/mlserver
test ! -e /usr/lib/apache2/modules/mod_mlserver.so
say done
"""


@pytest.fixture(scope="module")
def session(package):
    """What installing, asking and purging printed."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to install")
    import sys
    sys.path.insert(0, str(ROOT / "tests" / "api"))
    from harness.httpd import free_ports, sandbox
    base = pathlib.Path("/tmp/mls-packaging-%d" % os.getpid())
    base.mkdir()
    script = """
set -eu
mount --make-rprivate /
mount -t tmpfs mls {base}
mkdir {base}/upper {base}/work {base}/root
mount -t overlay mls -o lowerdir=/,upperdir={base}/upper,workdir={base}/work {base}/root
for name in sys dev; do mount --rbind /$name {base}/root/$name; done
mount -t tmpfs mls {base}/root/run
mount -t tmpfs mls {base}/root/tmp
chmod 1777 {base}/root/tmp
cp {package} {base}/root/tmp/
# Not chroot: the kernel refuses the sandbox's namespaces in one.
cd {base}/root
mkdir -p tmp/outside
pivot_root . tmp/outside
mount -t proc proc /proc
umount -l /tmp/outside
cd /
exec bash -s
""".format(base=base, package=package)
    try:
        done = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child",
             "bash", "-c", script], input=INSTALLED, capture_output=True,
            text=True, timeout=600, env={
                **os.environ, "PACKAGE": "/tmp/" + package.name,
                "PORT": str(free_ports(1)[0]), "SANDBOX": sandbox()})
    finally:
        base.rmdir()
    if "cannot mount" in done.stderr or "Operation not permitted" in \
            done.stderr:
        pytest.skip("no overlay here: " + done.stderr)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


def part(session, name):
    return session.partition("== %s\n" % name)[2].partition("\n== ")[0]


def test_it_installs_with_its_users(session):
    text = part(session, "users")
    assert "mlserver:www-data 750 /var/lib/mlserver" in text
    assert "root:www-data 640 /etc/mlserver/users" in text
    assert "root:root 600 /etc/mlserver/admin-password" in text


def test_it_serves(session):
    text = session.partition("== ask\n")[2].partition("== stop\n")[0]
    assert "setosa" in text and "virginica" in text, text
    assert "mlserver:mlserver 700 /var/lib/mlserver/keys" in text or \
        re.search(r"mlserver:\S+ 700 /var/lib/mlserver/keys", text), text


def test_a_reinstall_keeps_the_state_and_a_purge_takes_it(session):
    assert session.rstrip().endswith("== done")
