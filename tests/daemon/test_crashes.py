# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments: what was acknowledged is there, nothing is half
there, and it goes on by itself."""

import datetime
import itertools
import os
import random
import signal
import threading
import time
import uuid

import pytest
from conftest import FAST
from daemon import Gone, Refused, is_gone, service, wait_until


class Publisher(threading.Thread):
    """Creates, updates and deletes until told to stop, at least `least`
    times; remembers what was acknowledged."""

    def __init__(self, daemon, name, least, stop):
        super().__init__()
        self.daemon_, self.name_ = daemon, name
        self.least, self.stop = least, stop
        self.acknowledged = {}
        self.generations = []
        self.errors = []

    def run(self):
        registry = self.daemon_.registry()
        for i in itertools.count():
            if i >= self.least and self.stop.is_set():
                break
            version = f"{i}"
            try:
                answer = registry.write("service.create", patience=20,
                                        service=service(self.name_,
                                                        version=version,
                                                        code=version * 500))
                self.generations.append(answer["generation"])
                self.acknowledged[version] = version * 500
                if i % 3 == 1:
                    answer = registry.write(
                        "service.update", patience=20, service=service(
                            self.name_, version=version, code="updated"))
                    self.generations.append(answer["generation"])
                    self.acknowledged[version] = "updated"
                if i % 5 == 4:
                    registry.write("service.delete", patience=20,
                                   name=self.name_, version=version)
                    del self.acknowledged[version]
            except (Gone, Refused) as error:
                self.errors.append(f"{version}: {error}")


def kill_at_random(daemon, roles, kills, seed):
    """That many kills, however fast the publishers are."""
    rng = random.Random(seed)
    killed = 0
    while killed < kills:
        time.sleep(rng.uniform(0.01, 0.4))
        role = rng.choice(roles)
        if role == "parent":
            old = daemon.children()
            daemon.kill()
            killed += 1
            assert wait_until(lambda: all(map(is_gone, old.values())), 10), \
                "children outlived mlserverd"
            daemon.start(wait=False)
            continue
        pid = daemon.children().get(role)
        if pid:
            os.kill(pid, signal.SIGKILL)
            killed += 1


@pytest.mark.parametrize("roles", [["owner"], ["owner", "supervisor",
                                                "parent"]],
                         ids=["owner", "everything"])
def test_kill_9_loses_nothing_acknowledged(daemon, roles):
    stop = threading.Event()
    publishers = [Publisher(daemon, f"p{n}", 50, stop) for n in range(4)]
    for publisher in publishers:
        publisher.start()
    try:
        kill_at_random(daemon, roles, 8 if FAST else 30, seed=7)
    finally:
        stop.set()
    for publisher in publishers:
        publisher.join()
    daemon.wait()
    registry = daemon.registry()
    for publisher in publishers:
        assert publisher.errors == []
        there = {s["version"]: s["code"]
                 for s in registry.services(publisher.name_)}
        assert there == publisher.acknowledged
        assert publisher.generations == sorted(set(publisher.generations))
    everything = [g for p in publishers for g in p.generations]
    assert len(everything) == len(set(everything)), "a generation came twice"
    assert registry.ask("verify")["problems"] == []
    daemon.stop()
    daemon.start()
    assert len(daemon.registry().services()) \
        == sum(len(p.acknowledged) for p in publishers)


def test_a_killed_child_is_back_within_a_second(daemon):
    for role in ("owner", "supervisor"):
        old = daemon.children()[role]
        time.sleep(0.5)
        began = time.monotonic()
        os.kill(old, signal.SIGKILL)
        daemon.registry().write("service.create",
                                service=service(role))
        daemon.wait()
        assert time.monotonic() - began < (1.5 if not FAST else 3)
        assert daemon.children()[role] != old
    assert "died child=owner" in daemon.text()


def test_a_child_that_dies_again_and_again_is_started_ever_later(daemon):
    for _ in range(6):
        assert wait_until(lambda: "supervisor" in daemon.children())
        pid = daemon.children().get("supervisor")
        os.kill(pid or daemon.children()["supervisor"], signal.SIGKILL)
        assert wait_until(lambda: pid not in daemon.children().values())
    daemon.wait()
    waits, died = [], None
    for line in daemon.text().splitlines():
        at = datetime.datetime.fromisoformat(line.split()[0][:-1])
        if "died child=supervisor" in line:
            died = at
        elif "started child=supervisor" in line and died:
            waits.append((at - died).total_seconds())
    assert len(waits) == 6
    assert waits[-1] > 4 * waits[1] and waits[-1] < 3, waits


def test_a_killed_parent_takes_its_children_along(daemon):
    children = daemon.children()
    assert set(children) == {"owner", "supervisor"}
    daemon.kill()
    assert wait_until(lambda: all(map(is_gone, children.values())), 10)
    daemon.start()


def test_a_stopped_owner_is_waited_for(daemon):
    """An owner that hangs (here: SIGSTOP) delays answers, nothing else."""
    registry = daemon.registry()
    registry.ask("status")
    owner = daemon.children()["owner"]
    os.kill(owner, signal.SIGSTOP)
    threading.Timer(1.0, os.kill, (owner, signal.SIGCONT)).start()
    registry.write("service.create", service=service("late"))
    assert len(registry.services()) == 1


def test_leftovers_of_a_crash_are_swept_at_the_start(daemon):
    daemon.stop()
    for store in ("blobs", "images"):
        (daemon.state / store / "tmp" / "XyZ123").write_bytes(b"half")
    daemon.start()
    for store in ("blobs", "images"):
        assert set(os.listdir(daemon.state / store / "tmp")) <= {"LOCK"}


def test_an_unnamed_blob_goes_after_an_hour_a_named_one_stays(daemon):
    registry = daemon.registry()
    digests = {}
    for kind in ("named", "old", "young"):
        digest = uuid.uuid4().hex * 2
        digests[kind] = digest
        path = daemon.state / "blobs" / digest[:2] / digest
        path.parent.mkdir(exist_ok=True, mode=0o700)
        path.write_bytes(b"x")
        owner = daemon.state.stat()
        for made in (path.parent, path):
            os.chown(made, owner.st_uid, owner.st_gid)
        if kind != "young":
            os.utime(path, (time.time() - 7200, time.time() - 7200))
    registry.write("service.create", service=service(
        "a", blob=digests["named"], modelSize=1))
    daemon.stop()
    daemon.start()

    def there(kind):
        digest = digests[kind]
        return (daemon.state / "blobs" / digest[:2] / digest).exists()

    assert wait_until(lambda: not there("old"), 20)
    assert there("named") and there("young")
