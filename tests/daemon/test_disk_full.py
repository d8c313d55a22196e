# SPDX-License-Identifier: Apache-2.0
"""A full disk: refused with nospace, nothing half written, nothing lost."""

import os
import subprocess

import pytest
from daemon import Gone, Refused, service, wait_until
from test_compile import TREE, no_leftovers

MEGABYTE = 1 << 20


@pytest.fixture
def small_disk(folder, needs_root):
    place = folder / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80m,mode=755",
                       "tmpfs", str(place)]).returncode:
        pytest.skip("no tmpfs can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def small(small_disk, make_daemon):
    return make_daemon(where=small_disk).start()


def fill(place, leave=0):
    """Take all room but `leave` bytes."""
    status = os.statvfs(place)
    room = status.f_bavail * status.f_frsize - leave
    with open(place / "filler", "ab") as file:
        while room > 0:
            step = min(room, MEGABYTE)
            try:
                file.write(b"x" * step)
                file.flush()
            except OSError:
                return
            room -= step


def publish_until_refused(registry, acknowledged, code="x" * 200000):
    for i in range(2000):
        version = f"{len(acknowledged)}-{i}"
        try:
            registry.write("service.create", patience=30, service=service(
                "a", version=version, code=code))
            acknowledged.append(version)
        except Refused as error:
            return error
    raise AssertionError("the disk never filled")


def versions(registry):
    return {s["version"] for s in registry.services()}


def test_publishing_until_it_is_full(small):
    registry = small.registry()
    acknowledged = []
    error = publish_until_refused(registry, acknowledged)
    assert error.code == "nospace"
    assert len(acknowledged) > 10
    assert versions(registry) == set(acknowledged)
    small.stop()
    small.start()
    assert versions(small.registry()) == set(acknowledged)
    assert small.registry().ask("verify")["problems"] == []


def test_a_disk_that_others_fill(small, small_disk):
    registry = small.registry()
    for version in ("1", "2", "3"):
        registry.write("service.create",
                       service=service("a", version=version))
    fill(small_disk)
    assert wait_until(lambda: registry.ask("status")["diskNearlyFull"], 10)
    with pytest.raises(Refused) as caught:
        registry.write("service.create", service=service("b"))
    assert caught.value.code == "nospace"
    # What makes room, and logging in, goes on.
    registry.write("service.delete", name="a", version="3")
    from daemon import LIFETIMES
    assert registry.ask("token.issue", **LIFETIMES,
                        subject={"provider": "file", "name": "admin"})["ok"]
    assert versions(registry) == {"1", "2"}
    assert "disk_full" in small.text()
    (small_disk / "filler").unlink()
    assert wait_until(lambda: not registry.ask("status")["diskNearlyFull"],
                      10)
    registry.write("service.create", service=service("b"))
    assert registry.ask("verify")["problems"] == []


def test_starting_on_a_full_disk(small, small_disk):
    registry = small.registry()
    registry.write("service.create", service=service("a"))
    small.kill()
    fill(small_disk)
    small.start()
    assert versions(small.registry()) == {"1.0"}
    (small_disk / "filler").unlink()
    small.stop()
    small.start()
    assert versions(small.registry()) == {"1.0"}


def test_filling_again_and_again_with_kills(small, small_disk):
    acknowledged = []
    for _ in range(3):
        fill(small_disk, leave=20 * MEGABYTE)
        try:
            publish_until_refused(small.registry(), acknowledged)
        except Gone:
            pass
        (small_disk / "filler").unlink()
        small.kill()
        small.start()
        assert set(acknowledged) <= versions(small.registry())
    assert small.registry().ask("verify")["problems"] == []


def test_an_upload_to_a_full_disk(small, small_disk):
    assert small.compile(TREE)["ok"]
    fill(small_disk, leave=100000)
    with pytest.raises(Refused) as caught:
        small.compile(TREE + b"<!-- " + b"x" * 3 * MEGABYTE + b" -->")
    assert caught.value.code == "nospace"
    assert no_leftovers(small, "blobs") and no_leftovers(small, "images")
    (small_disk / "filler").unlink()
    assert small.compile(TREE)["ok"]


def test_a_disk_that_fills_while_an_upload_is_copied(small_disk, make_daemon):
    """Past the reserve's check: the copy itself meets the end."""
    daemon = make_daemon(where=small_disk)
    daemon.options += ["--reserve-bytes", "0", "--max-model-size",
                       str(1 << 30)]
    daemon.start()
    fill(small_disk, leave=2 * MEGABYTE)
    fd = os.memfd_create("sparse")
    os.write(fd, TREE)
    os.ftruncate(fd, 64 * MEGABYTE)
    from daemon import supervisor_call
    with pytest.raises(Refused) as caught:
        supervisor_call(daemon.supervisor_path,
                        {"op": "store", "subject": "file:a"}, [fd])
    os.close(fd)
    assert caught.value.code == "nospace"
    assert no_leftovers(daemon, "blobs")
