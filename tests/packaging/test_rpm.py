# SPDX-License-Identifier: Apache-2.0
"""The rpm package: built, looked into, its programs run, its scripts read."""
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not shutil.which("rpmbuild"),
                                reason="rpmbuild is not installed")


@pytest.fixture(scope="module")
def package():
    done = subprocess.run(["tools/serve/rpm.sh", "build/rpm"], cwd=ROOT,
                          capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found = list((ROOT / "build" / "rpm").glob("*.rpm"))
    assert len(found) == 1, found
    return found[0]


def ask(package, *words):
    return subprocess.run(["rpm", "-qp", *words, str(package)], check=True,
                          capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def unpacked(package, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rpm")
    subprocess.run("rpm2cpio '%s' | cpio -idm --quiet" % package, shell=True,
                   cwd=folder, check=True)
    return folder


def test_it_holds(package):
    files = ask(package, "-l").split()
    for path in ("/usr/bin/mlscore", "/usr/sbin/mlserverd",
                 "/usr/sbin/mlserverctl", "/etc/httpd/conf.d/mlserver.conf",
                 "/usr/lib/systemd/system/mlserverd.service",
                 "/usr/share/mlserver/examples/model.pmml",
                 "/usr/share/mlserver/htdocs/index.html"):
        assert path in files
    assert not [path for path in files
                if re.search(r"\.(o|a|c|h|pyc)$|/local/", path)]
    assert "conf.d/mlserver.conf" in ask(package, "-c")
    assert ask(package, "--qf", "%{LICENSE}") == "Apache-2.0"


def test_its_parts_know_where_the_others_are(unpacked):
    module = next(unpacked.rglob("mod_mlserver.so"))
    load = (unpacked / "etc/httpd/conf.modules.d/20-mlserver.conf").read_text()
    assert "LoadModule mlserver_module /%s" % module.relative_to(unpacked) \
        in load
    unit = (unpacked / "usr/lib/systemd/system/mlserverd.service").read_text()
    assert "ExecStart=/usr/sbin/mlserverd " in unit
    assert str(ROOT).encode() not in module.read_bytes()


def test_its_programs_run(unpacked):
    done = subprocess.run([
        str(unpacked / "usr/bin/mlscore"), "inspect",
        str(unpacked / "usr/share/mlserver/examples/model.pmml")],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Petal.Length" in done.stdout


def test_its_scripts_are_shell(package):
    scripts = re.split(r"^\w+ (?:script\w*|program).*$",
                       ask(package, "--scripts"), flags=re.M)[1:]
    assert len(scripts) >= 4
    for script in scripts:
        subprocess.run(["sh", "-n"], input=script, text=True, check=True)
