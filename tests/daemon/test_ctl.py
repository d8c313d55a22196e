# SPDX-License-Identifier: Apache-2.0
"""mlserverctl: backup, restore, verify and the small commands."""

import json
import os
import pathlib
import shutil
import subprocess
import threading

import pytest
from conftest import BUILD
from daemon import LIFETIMES, Gone, Refused, service, wait_until
from test_compile import TREE


class Ctl:
    def __init__(self, daemon):
        self.daemon = daemon

    def __call__(self, *words, state=None, code=0):
        done = subprocess.run(
            [BUILD / "bin" / "mlserverctl", "--state",
             str(state or self.daemon.state), "--run", str(self.daemon.run),
             *map(str, words)], capture_output=True, text=True)
        text = done.stdout + done.stderr
        assert done.returncode == code, text
        assert "Sanitizer" not in text, text
        return text


@pytest.fixture
def ctl(daemon):
    return Ctl(daemon)


def publish(daemon, name="a", version="1.0", model=TREE):
    answer = daemon.compile(model)
    return daemon.registry().write("service.create", service=service(
        name, version=version, blob=answer["blob"], image=answer["image"],
        modelSize=answer["blobSize"], runtimeType="Realtime",
        model=answer["model"])), answer


def versions(daemon):
    return {s["version"] for s in daemon.registry().services()}


def test_status(ctl):
    text = ctl("status")
    assert "generation" in text and "sandbox" in text
    status = json.loads(ctl("--json", "status"))
    assert status["registry"]["schema"] == 1
    assert status["supervisor"]["compiling"] == 0


def test_services(daemon, ctl):
    publish(daemon)
    daemon.registry().write("service.create", service=service("b"))
    lines = [line.split("\t") for line in ctl("services").splitlines()]
    assert [line[:4] for line in lines] == [
        ["a", "1.0", "Realtime", "file:admin"],
        ["b", "1.0", "Python", "file:admin"]]
    assert len(ctl("services", "b").splitlines()) == 1


def test_tokens_are_listed_and_ended(daemon, ctl):
    registry = daemon.registry()
    alice = registry.ask("token.issue", subject={"provider": "file",
                                                 "name": "alice"},
                         address="10.1.2.3", agent="curl", **LIFETIMES)
    bob = registry.ask("token.issue", subject={"provider": "ldap",
                                               "name": "bob"}, **LIFETIMES)
    rows = [line.split("\t") for line in ctl("tokens", "list").splitlines()]
    assert {row[1] for row in rows} == {"file:alice", "ldap:bob"}
    (row,) = [row for row in rows if row[1] == "file:alice"]
    assert row[4:] == ["10.1.2.3", "valid", "curl"]
    ctl("tokens", "revoke", row[0])
    with pytest.raises(Refused) as caught:
        registry.ask("token.refresh", refresh=alice["refresh"], **LIFETIMES)
    assert caught.value.code == "unauthorized"
    assert "revoked" in ctl("tokens", "list", "file:alice")
    ctl("tokens", "revoke", "ldap:bob")
    with pytest.raises(Refused):
        registry.ask("token.refresh", refresh=bob["refresh"], **LIFETIMES)
    again = registry.ask("token.issue", subject={"provider": "ldap",
                                                 "name": "bob"}, **LIFETIMES)
    assert registry.ask("token.refresh", refresh=again["refresh"],
                        **LIFETIMES)["ok"], "a new login works"
    ctl("tokens", "revoke", "nobody", code=1)


def test_keys_rotate(daemon, ctl):
    def kids():
        keys = json.loads((daemon.state / "keys.jwks").read_text())["keys"]
        assert all("d" not in key for key in keys), "a private part is out"
        return {key["kid"] for key in keys}

    (old,) = kids()
    registry = daemon.registry()
    subject = {"provider": "file", "name": "a"}
    registry.ask("token.issue", subject=subject, **LIFETIMES)
    text = ctl("keys", "rotate")
    (new,) = kids() - {old}
    assert new in text and old in kids()
    import base64

    def signer(token):
        head = token.split(".")[0]
        return json.loads(base64.urlsafe_b64decode(
            head + "=" * (-len(head) % 4)))["kid"]

    assert signer(registry.ask("token.issue", subject=subject,
                               **LIFETIMES)["access"]) == new
    daemon.stop()
    daemon.start()
    assert kids() == {old, new}
    assert signer(daemon.registry().ask("token.issue", subject=subject,
                                        **LIFETIMES)["access"]) == new


def test_backup_then_restore_into_the_same_state(daemon, ctl, folder):
    first, answer = publish(daemon)
    tokens = daemon.registry().ask("token.issue", subject={
        "provider": "file", "name": "a"}, **LIFETIMES)
    backup = folder / "backup"
    assert "1 services, 1 blobs, 1 images" in ctl("backup", backup)
    assert "no problems" in ctl("verify", "--offline", state=backup)
    assert list((daemon.state / "backup").iterdir()) == []
    daemon.registry().write("service.delete", name="a", version="1.0")
    late, _ = publish(daemon, version="late")
    ctl("restore", backup, code=1)  # it runs
    daemon.stop()
    ctl("restore", backup)
    assert "no problems" in ctl("verify", "--offline")
    daemon.start()
    assert versions(daemon) == {"1.0"}
    again, _ = publish(daemon, version="again")
    assert again["generation"] > late["generation"] + 1, \
        "a generation given after the backup must not come again"
    assert daemon.registry().ask("token.refresh", refresh=tokens["refresh"],
                                 **LIFETIMES)["ok"]
    assert "no problems" in ctl("verify")
    kept = [p.name for p in daemon.state.iterdir() if "before" in p.name]
    assert len(kept) == 2


def test_restore_on_another_machine(daemon, ctl, folder, make_daemon):
    """Everything is in the backup: the old state is gone."""
    _, answer = publish(daemon)
    backup = folder / "backup"
    ctl("backup", backup)
    daemon.stop()
    shutil.rmtree(daemon.state)
    daemon.state.mkdir()
    os.chown(daemon.state, daemon.run.stat().st_uid,
             daemon.run.stat().st_gid)
    ctl("restore", backup)
    daemon.start()
    assert versions(daemon) == {"1.0"}
    assert "no problems" in ctl("verify")
    (image,) = (daemon.state / "images").glob("v*/*/" + answer["image"])
    assert image.stat().st_mode & 0o777 == 0o640
    owner = daemon.state.stat().st_uid
    for path in [*daemon.state.rglob("*")]:
        if path.name != "mlserverd.lock":
            assert path.stat().st_uid == owner, path


def test_a_backup_while_everybody_writes(daemon, ctl, folder):
    """Consistent: what the backup has is whole, and all of one moment."""
    stop = threading.Event()
    counts = [0, 0]

    def write(number):
        registry = daemon.registry()
        while not stop.is_set():
            i = counts[number]
            registry.write("service.create", service=service(
                f"w{number}", version=f"{i}", code="x" * 3000))
            if i % 4 == 3:
                registry.write("service.delete", name=f"w{number}",
                               version=f"{i - 1}")
            counts[number] += 1

    threads = [threading.Thread(target=write, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    assert wait_until(lambda: min(counts) > 30)
    before = list(counts)
    for i in range(3):
        ctl("backup", folder / f"backup{i}")
    after = list(counts)
    stop.set()
    for thread in threads:
        thread.join()
    assert min(after[n] - before[n] for n in range(2)) > 0
    for i in range(3):
        assert "no problems" in ctl("verify", "--offline",
                                    state=folder / f"backup{i}")
    daemon.stop()
    ctl("restore", folder / "backup2")
    daemon.start()
    for number in range(2):
        there = {int(s["version"]) for s in
                 daemon.registry().services(f"w{number}")}
        # Whoever is there, all that came before are, but for the deleted.
        last = max(there)
        gone = {i for i in range(last) if i % 4 == 2}
        assert there | gone >= set(range(last)), sorted(there)
        assert before[number] - 1 <= last <= after[number] + 1


def test_backup_goes_into_a_new_directory_only(ctl, folder):
    full = folder / "full"
    full.mkdir()
    (full / "something").write_text("x")
    assert "not empty" in ctl("backup", full, code=1)
    ctl("backup", "relative", code=2)


def test_half_a_backup_is_no_backup(daemon, ctl, folder):
    publish(daemon)
    backup = folder / "backup"
    ctl("backup", backup)
    (backup / "manifest.json").unlink()
    daemon.stop()
    assert "no complete backup" in ctl("restore", backup, code=2)
    daemon.start()
    assert versions(daemon) == {"1.0"}


def test_a_damaged_backup_changes_nothing(daemon, ctl, folder):
    _, answer = publish(daemon)
    backup = folder / "backup"
    ctl("backup", backup)
    blob = backup / "blobs" / answer["blob"][:2] / answer["blob"]
    blob.unlink()
    blob.write_bytes(b"damaged")
    daemon.registry().write("service.create", service=service("b"))
    daemon.stop()
    (daemon.state / "blobs" / answer["blob"][:2] / answer["blob"]).unlink()
    assert "does not hold" in ctl("restore", backup, code=1)
    daemon.start()
    assert len(daemon.registry().services()) == 2


def test_verify_finds_damaged_and_missing_files(daemon, ctl):
    _, answer = publish(daemon)
    blob = daemon.state / "blobs" / answer["blob"][:2] / answer["blob"]
    assert "no problems" in ctl("verify")
    data = blob.read_bytes()
    blob.write_bytes(data[:-1] + b"!")
    assert "PROBLEM" in ctl("verify", code=1)
    blob.unlink()
    text = ctl("verify", code=1)
    assert "PROBLEM" in text and "restore" in text
    daemon.stop()
    ctl("verify", "--offline", code=1)


def test_verify_offline_needs_a_stopped_server(ctl):
    assert "stopped" in ctl("verify", "--offline", code=1)


def test_a_damaged_registry_is_named_and_a_backup_is_the_way_out(
        daemon, ctl, folder):
    for i in range(50):
        daemon.registry().write("service.create", service=service(
            "a", version=f"{i}", code="x" * 1000))
    ctl("backup", folder / "backup")
    daemon.stop()
    table = daemon.state / "registry" / "services.db"
    data = bytearray(table.read_bytes())
    for page in range(8192, len(data), 8192):
        data[page:page + 4096] = os.urandom(4096)
    table.write_bytes(data)
    ctl("verify", "--offline", code=1)
    ctl("restore", folder / "backup")
    assert "no problems" in ctl("verify", "--offline")
    daemon.start()
    assert len(daemon.registry().services()) == 50


def test_a_damaged_first_page_does_not_start_again_and_again(daemon, ctl,
                                                             folder):
    daemon.registry().write("service.create", service=service("a"))
    ctl("backup", folder / "backup")
    daemon.stop()
    table = daemon.state / "registry" / "services.db"
    data = bytearray(table.read_bytes())
    data[:4096] = b"\0" * 4096
    table.write_bytes(data)
    daemon.start(wait=False)
    assert daemon.process.wait(30) == 3
    assert "mlserverctl" in daemon.text()
    daemon.process = None
    ctl("restore", folder / "backup")
    daemon.start()
    assert len(daemon.registry().services()) == 1


@pytest.mark.parametrize("damage", ["gone", "cut", "noise", "old"])
def test_a_damaged_index_is_built_again(daemon, damage):
    registry = daemon.registry()
    for i in range(20):
        registry.write("service.create",
                       service=service("a", version=f"{i}"))
    index = daemon.state / "index"
    daemon.stop()
    data = index.read_bytes()
    if damage == "gone":
        index.unlink()
    elif damage == "cut":
        index.write_bytes(data[:5000])
    elif damage == "noise":
        index.write_bytes(os.urandom(len(data)))
    else:
        daemon.start()
        daemon.registry().write("service.create", service=service("b"))
        daemon.stop()
        index.write_bytes(data)
    owner = daemon.state.stat()
    if index.exists():
        os.chown(index, owner.st_uid, owner.st_gid)
    mark = len(daemon.text())
    daemon.start()
    assert f"index_rebuilt services={21 if damage == 'old' else 20}" \
        in daemon.text()[mark:]


def test_wrong_usage(ctl, folder):
    assert "--help" in ctl("nonsense", code=2)
    assert "usage" in ctl("tokens", code=2)
    assert "usage" in ctl("keys", "turn", code=2)
    assert "provider:name" in ctl("tokens", "list", "admin", code=2)
    assert "--state" in ctl("status", state="/no/such", code=2)
    done = subprocess.run([BUILD / "bin" / "mlserverctl", "--help"],
                          capture_output=True, text=True)
    assert done.returncode == 0
    for word in ("status", "services", "tokens", "keys", "backup", "restore",
                 "verify"):
        assert word in done.stdout


def test_another_user_is_told(daemon, needs_root):
    copy = pathlib.Path("/tmp") / f"ctl-{os.getpid()}"
    shutil.copy(BUILD / "bin" / "mlserverctl", copy)
    copy.chmod(0o755)
    try:
        done = subprocess.run(
            ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
             copy, "--state", str(daemon.state), "status"],
            capture_output=True, text=True)
        assert done.returncode == 2 and "as root" in done.stderr
    finally:
        copy.unlink()


def test_status_of_a_stopped_server(daemon, ctl):
    daemon.stop()
    assert "away" in ctl("status", code=1)
    with pytest.raises(Gone):
        daemon.registry().ask("status")
