# SPDX-License-Identifier: Apache-2.0
"""Sizes, quotas, times and how many at once (trap 15)."""
import os
import subprocess
import threading

import pytest

from harness import env, models
from harness.client import is_error
from harness.httpd import location, server_lines


def limited(*lines):
    """A configuration with these directives: a virtual host's where they
    belong, the others in the Location."""
    outside = "".join(line + "\n" for line in lines
                      if line.startswith(("MLServerMaxModel", "MLServerQuota",
                                          "MLServerReserve",
                                          "MLServerMaxCompiles",
                                          "MLServerCompileMemory",
                                          "MLServerCompileTimeout")))
    inside = "".join("    %s\n" % line for line in lines
                     if line + "\n" not in outside)
    return lambda s: server_lines(s) + outside + location(s, extra=inside)


def test_a_model_over_the_limit_is_413_and_stores_nothing(make_httpd):
    server = make_httpd(config=limited("MLServerMaxModel 100k"))
    server.start()
    client = server.client("alice")
    answer = client.publish("m", "1", models.linear(1) + b" " * 200_000)
    is_error(answer, 413)
    assert client.get("/services/m").json() == []
    assert client.publish("m", "1", models.linear(1)).status_code == 201


def test_a_body_over_the_limit_is_413(make_httpd):
    server = make_httpd(config=limited("MLServerMaxBody 10k"))
    server.start()
    client = server.client("alice")
    assert client.publish("m", "1", models.linear(1)).status_code == 201
    is_error(client.score("m", "1", {"x": [1.25] * 10_000}), 413)

    def chunks():
        for _ in range(100):
            yield b" " * 1000
    is_error(client.post("/api/m/1", data=chunks(), headers={
        "Content-Type": "application/json"}), 413)
    assert client.scored("m", "1", {"x": [1]}) == {"y": [1]}


def test_an_unpacked_body_over_the_limit_is_413(make_httpd):
    import gzip
    server = make_httpd(config=limited("MLServerMaxBody 100k"))
    server.start()
    client = server.client("alice")
    assert client.publish("m", "1", models.linear(1)).status_code == 201
    body = gzip.compress(b'{"inputData":{"x":[1]},"z":"' + b"a" * 10_000_000
                         + b'"}')
    assert len(body) < 50_000
    answer = client.post("/api/m/1", data=body, headers={
        "Content-Type": "application/json", "Content-Encoding": "gzip"})
    is_error(answer, 413)


@pytest.mark.logs("your models would take")
def test_a_quota_is_507_and_deleting_makes_room(make_httpd):
    server = make_httpd(config=limited("MLServerQuota 60k"))
    server.start()
    client, other = server.client("alice"), server.client("bob")
    model = models.linear(1).replace(b"</PMML>",
                                     b"<!--" + b"x" * 25_000 + b"--></PMML>")
    assert client.publish("m", "1", model).status_code == 201
    assert client.publish("m", "2", model + b" ").status_code == 201
    is_error(client.publish("m", "3", model + b"  "), 507)
    assert other.publish("m", "4", model + b"   ").status_code == 201
    assert client.delete("/services/m/1").status_code == 200
    assert client.publish("m", "3", model + b"  ").status_code == 201


def test_a_compile_that_takes_too_much_memory_is_400_with_the_reason(
        make_httpd):
    server = make_httpd(config=limited("MLServerCompileMemory 64M"))
    server.start()
    client = server.client("alice")
    big = models.forest(trees=200, inputs=10, depth=9)
    message = is_error(client.publish("m", "1", big, timeout=300), 400)
    assert "memory" in message.lower(), message
    assert client.publish("m", "1", models.linear(1)).status_code == 201


@pytest.mark.logs("time")
def test_a_compile_that_takes_too_long_is_told(make_httpd):
    server = make_httpd(config=limited("MLServerCompileTimeout 1s"))
    server.start()
    client = server.client("alice")
    big = models.forest(trees=800, inputs=10, depth=10)
    answer = client.publish("m", "1", big, timeout=300)
    if answer.status_code != 201:  # a fast machine may be done in time
        assert answer.status_code in (400, 504), answer.text
        assert "1 s" in answer.text or "time" in answer.text.lower()
    assert client.publish("m", "2", models.linear(1)).status_code == 201


def test_too_many_rows_are_refused(make_httpd):
    server = make_httpd(config=limited("MLServerMaxRows 10"))
    server.start()
    client = server.client("alice")
    assert client.publish("m", "1", models.linear(1)).status_code == 201
    assert client.score("m", "1", {"x": [1] * 10}).status_code == 200
    answer = client.score("m", "1", {"x": [1] * 11})
    assert answer.status_code in (400, 413), answer.text
    assert "10" in answer.json()["message"]


@pytest.mark.logs("as many models as it may")
def test_several_publish_at_once(httpd, alice, name):
    """More than may be compiled at once: each is done or told to come back."""
    answers = []

    def one(i):
        client = httpd.client()
        client.token = alice.token
        answers.append(client.publish(name, str(i), models.forest(
            trees=60, seed=i)))
        client.close()
    threads = [threading.Thread(target=one, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    good = [a for a in answers if a.status_code == 201]
    busy = [a for a in answers if a.status_code == 503]
    assert len(good) + len(busy) == 16, [a.text for a in answers]
    assert good
    for answer in busy:
        assert int(answer.headers["Retry-After"]) > 0
    assert len(alice.get("/services/" + name).json()) == len(good)


@pytest.mark.skipif(not env.IS_ROOT, reason="mounts a small file system")
@pytest.mark.logs("No space|nospace|full|space|ENOSPC|507")
def test_a_full_disk_is_507_and_nothing_is_half_written(make_httpd):
    server = make_httpd()
    server.state.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80m,mode=0755",
                           "mls-test", str(server.state)],
                          capture_output=True, text=True)
    if done.returncode:
        pytest.skip("cannot mount here: " + done.stderr)
    try:
        if env.one_user():
            import shutil
            shutil.chown(server.state, env.one_user(),
                         env.group_of(env.one_user()))
        server.start()
        client = server.client("alice")
        assert client.publish("m", "0", models.linear(2)).status_code == 201
        filler = server.state / "filler"
        space = os.statvfs(server.state)
        with open(filler, "wb") as file:
            os.posix_fallocate(file.fileno(), 0,
                               max(1, (space.f_bavail - 8) * space.f_bsize))
        answers = [client.publish("m", str(i), models.forest(
            trees=30, seed=i)) for i in range(1, 4)]
        for answer in answers:
            is_error(answer, 507)
        assert [row["version"] for row in client.get("/services/m").json()] \
            == ["0"]
        assert client.scored("m", "0", {"x": [1]}) == {"y": [2]}
        filler.unlink()
        assert client.publish("m", "1", models.linear(3)).status_code == 201
        server.restart()
        client = server.client("alice")
        assert client.scored("m", "1", {"x": [1]}) == {"y": [3]}
        assert len(client.get("/services/m").json()) == 2
    finally:
        server.stop()
        subprocess.run(["umount", str(server.state)], check=True)


def test_nothing_is_left_of_refused_uploads(httpd, alice, name):
    def temporary():
        return [os.path.join(d, f) for top in ("blobs", "images")
                for d, _, files in os.walk(httpd.state / top)
                for f in files if len(f) != 64 and f != "LOCK"]
    for i in range(5):
        is_error(alice.publish(name, "1", b"<PMML>" + b"x" * 100_000 * i), 400)
    assert temporary() == []


@pytest.mark.logs("MaxRequestWorkers")
def test_memory_does_not_grow_with_requests(make_httpd):
    """A hundred thousand rows, many times: the child's memory stays flat."""
    server = make_httpd(mpm="prefork", mpm_config=(
        "StartServers 1\nMinSpareServers 1\nMaxSpareServers 1\n"
        "MaxRequestWorkers 1\n"))
    server.start()
    client = server.client("alice")
    assert client.publish("m", "1", models.linear(2)).status_code == 201

    def resident():
        total = 0
        for pid in server.children():
            with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as file:
                total += sum(int(line.split()[1]) for line in file
                             if line.startswith("Private_Dirty"))
        return total
    body = {"x": [i / 3 for i in range(50_000)]}
    for _ in range(10):
        assert client.score("m", "1", body).status_code == 200
    for _ in range(50):
        client.score("m", "1", {"z": 1})
    before = resident()
    for _ in range(60):
        assert client.score("m", "1", body).status_code == 200
    for _ in range(2000):
        client.score("m", "1", {"x": [1]})
        client.score("m", "1", {"x": ["wrong"]})
    assert resident() < before + 4096, (before, resident())
