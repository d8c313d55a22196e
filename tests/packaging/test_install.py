# SPDX-License-Identifier: Apache-2.0
"""make install DESTDIR= PREFIX=."""
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_it_puts_everything_below_destdir(tmp_path):
    subprocess.run(["make", "-s", "install", "DESTDIR=%s" % tmp_path,
                    "PREFIX=/opt/ml", "MODULEDIR=/opt/ml/modules"],
                   cwd=ROOT, check=True, capture_output=True, timeout=900)
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")
             if path.is_file()}
    assert {"opt/ml/bin/mlscore", "opt/ml/sbin/mlserverd",
            "opt/ml/sbin/mlserverctl", "opt/ml/modules/mod_mlserver.so",
            "opt/ml/lib/systemd/system/mlserverd.service",
            "opt/ml/lib/tmpfiles.d/mlserver.conf",
            "opt/ml/lib/sysusers.d/mlserver.conf",
            "opt/ml/share/mlserver/conf/mlserver.conf",
            "opt/ml/share/mlserver/examples/model.pmml",
            "opt/ml/share/doc/mod_mlserver/README.md"} <= found
    assert all(path.startswith("opt/ml/") for path in found)
    unit = (tmp_path / "opt/ml/lib/systemd/system/mlserverd.service"
            ).read_text()
    assert "ExecStart=/opt/ml/sbin/mlserverd " in unit
    for trap in ("RestrictNamespaces", "PrivateUsers=", "SystemCallFilter",
                 "ProtectKernelTunables="):
        assert not [line for line in unit.splitlines()
                    if line.startswith(trap)], trap
    tmpfiles = (tmp_path / "opt/ml/lib/tmpfiles.d/mlserver.conf").read_text()
    assert "@" not in "".join(line for line in tmpfiles.splitlines()
                              if not line.startswith("#"))
    done = subprocess.run([str(tmp_path / "opt/ml/bin/mlscore"), "inspect",
                           str(tmp_path / "opt/ml/share/mlserver/examples/"
                               "model.pmml")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Petal.Length" in done.stdout
