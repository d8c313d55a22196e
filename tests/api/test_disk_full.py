# SPDX-License-Identifier: Apache-2.0
"""A full disk answers 507, loses nothing, and serves on."""
import os
import subprocess

import pytest

from harness import models
from harness.client import is_error
from harness.httpd import location, server_lines, wait_until

MEGABYTE = 1 << 20


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 60 MB for the state, unmounted afterwards."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=60m,mode=755", "tmpfs",
             str(place)]).returncode:
        pytest.skip("mounting a file system needs root and is not allowed")
    for folder in [tmp_path, *tmp_path.parents]:
        if folder.parent == folder.parent.parent:  # /tmp and the like
            break
        folder.chmod(0o755)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def server(small_disk, make_httpd):
    made = make_httpd(config=lambda s: server_lines(
        s, state=small_disk / "state") + "MLServerCompileTimeout 5s\n"
                      + location(s))
    made.start()
    return made


def large(slope):
    """A model of a megabyte: the file is kept as it came."""
    # What cannot be packed, or the disk would take it many times.
    filler = os.urandom(MEGABYTE // 2).hex().encode()
    return models.linear(slope) + b"<!-- " + filler + b" -->"


def publish_until_refused(client):
    for count in range(1, 200):
        answer = client.publish("m", str(count), large(count))
        if answer.status_code != 201:
            return count - 1, answer
    raise AssertionError("a disk of 60 MB took 200 models of 1 MB")


@pytest.mark.logs("disk", "space", "full")
def test_publishing_until_the_disk_is_full_is_507(server):
    client = server.client("alice")
    count, answer = publish_until_refused(client)
    assert count > 5
    is_error(answer, 507)
    assert "space" in answer.text or "disk" in answer.text
    # Refused again and again, nothing half published.
    is_error(client.publish("m", "again", large(1)), 507)
    listed = {s["version"] for s in client.get("/services/m").json()}
    assert listed == {str(n) for n in range(1, count + 1)}
    # Everything that is there still answers.
    for version in ("1", str(count)):
        assert client.scored("m", version, {"x": [2]}) == {
            "y": [2 * int(version)]}
    # Deleting makes room, and publishing goes on.
    for version in range(1, 4):
        assert client.delete("/services/m/%d" % version).status_code == 200
    wait_until(lambda: client.publish("m", "later", models.linear(7))
               .status_code in (201, 409), 60, "room after deleting")
    assert client.scored("m", "later", {"x": [3]}) == {"y": [21]}


@pytest.mark.logs("disk", "space", "full")
def test_what_was_there_survives_a_restart_on_a_full_disk(server):
    client = server.client("alice")
    count, _ = publish_until_refused(client)
    server.stop()
    server.start()
    client = server.client("alice")
    listed = {s["version"] for s in client.get("/services/m").json()}
    assert listed == {str(n) for n in range(1, count + 1)}
    assert client.scored("m", "1", {"x": [2]}) == {"y": [2]}
