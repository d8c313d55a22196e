# SPDX-License-Identifier: Apache-2.0
"""Logins through several of httpd's providers in the configured order: a
database, a cache before it, the local file. Whose user somebody is stays the
same wherever the password was found."""
import pathlib
import sqlite3
import subprocess

import pytest


from harness.client import is_error
from harness.httpd import USERS, location, server_lines

MODULES = ["dbd", "authn_dbd", "authz_dbd", "authn_socache", "socache_shmcb"]


def driver_is_missing():
    return not list(pathlib.Path("/usr/lib").glob(
        "*/apr-util-1/apr_dbd_sqlite3.so")) and not list(
        pathlib.Path("/usr/lib64").glob("apr-util-1/apr_dbd_sqlite3.so"))


pytestmark = pytest.mark.skipif(
    driver_is_missing(), reason="apr-util's driver for SQLite is not "
    "installed (tools/serve/deps.sh test)")

QUERY = '''
    AuthDBDUserPWQuery "SELECT password FROM users WHERE name = %s"
    AuthzDBDQuery "SELECT team FROM teams WHERE name = %s"
    MLServerRole Owner dbd-group leaders
    MLServerRole Reader provider=dbd valid-user
    MLServerRole Contributor provider=file user carol
'''


def hashed(password):
    return subprocess.run(
        ["htpasswd", "-nbB", "-C", "4", "x", password], check=True,
        capture_output=True, text=True).stdout.strip().split(":", 1)[1]


def database(httpd):
    path = httpd.root / "people.db"
    if not path.exists():
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE users (name TEXT, password TEXT)")
            db.execute("CREATE TABLE teams (name TEXT, team TEXT)")
            db.executemany("INSERT INTO users VALUES (?, ?)", [
                ("erna", hashed("erna-pw")), ("fritz", hashed("fritz-pw")),
                ("admin", hashed("other-pw"))])
            db.executemany("INSERT INTO teams VALUES (?, ?)",
                           [("erna", "leaders"), ("fritz", "others")])
        path.chmod(0o644)
    return path


def config_with(providers, extra=""):
    def config(httpd):
        return """
DBDriver sqlite3
DBDParams "%s"
AuthnCacheSOCache shmcb
""" % database(httpd) + server_lines(httpd) + location(
            httpd, extra=QUERY + extra).replace(
                "MLServerAuthProvider file",
                "MLServerAuthProvider " + providers)
    return config


def login(server, name, password):
    client = server.client()
    client.login(name, password)
    return client


def me(client):
    answer = client.get("/admin/api/me")
    assert answer.status_code == 200, answer.text
    said = answer.json()
    return said["provider"], said["user"], said["role"]


def test_a_database_and_a_file(make_httpd):
    server = make_httpd(config=config_with("dbd file"),
                        modules=MODULES).start()
    assert me(login(server, "erna", "erna-pw")) == ("dbd", "erna", "Owner")
    assert me(login(server, "fritz", "fritz-pw")) == ("dbd", "fritz",
                                                      "Reader")
    assert me(login(server, "carol", USERS["carol"])) == (
        "file", "carol", "Contributor")
    assert me(login(server, "dave", USERS["dave"])) == ("file", "dave",
                                                        "none")
    # The first provider that knows the name decides; the database's admin is
    # not the file's.
    assert me(login(server, "admin", "other-pw")) == ("dbd", "admin",
                                                      "Reader")
    is_error(server.client().post("/login", json={
        "username": "admin", "password": USERS["admin"]}), 401)
    said = login(server, "erna", "erna-pw").get(
        "/admin/api/explain-user?name=fritz").json()
    assert said["provider"] == "dbd" and said["role"] == "Reader"


def test_the_order_is_the_configured_one(make_httpd):
    server = make_httpd(config=config_with("file dbd"),
                        modules=MODULES).start()
    assert me(login(server, "admin", USERS["admin"])) == ("file", "admin",
                                                          "Owner")
    assert me(login(server, "erna", "erna-pw")) == ("dbd", "erna", "Owner")


# A child that starts while the database is written fails, and says so.
@pytest.mark.logs("database is locked", "AH0063", "AH00052",
                  "reslist_cleanup")
@pytest.mark.parametrize("first", ["socache", "socache=dbd"])
def test_a_cache_makes_nobody_another(make_httpd, first):
    server = make_httpd(config=config_with(
        first + " dbd file", "    AuthnCacheProvideFor dbd\n"
        "    AuthnCacheContext here\n"), modules=MODULES).start()
    for _ in range(4):
        assert me(login(server, "erna", "erna-pw")) == ("dbd", "erna",
                                                        "Owner")
    # What the cache holds still needs the password.
    is_error(server.client().post("/login", json={
        "username": "erna", "password": "wrong"}), 401)
    # From the cache, without the database.
    with sqlite3.connect(server.root / "people.db") as db:
        db.execute("DELETE FROM users")
    assert me(login(server, "erna", "erna-pw"))[0] == "dbd"
    is_error(server.client().post("/login", json={
        "username": "fritz", "password": "fritz-pw"}), 401)


def test_whose_users_a_cache_has_must_be_clear(make_httpd):
    for extra in ("", "    AuthnCacheProvideFor dbd file\n"):
        server = make_httpd(modules=MODULES)
        good, said = server.configtest(config_with("socache dbd file",
                                                   extra)(server))
        assert not good and "socache=dbd" in said, said


def test_aliases_with_one_source(make_httpd):
    """Two places to look, one set of people."""
    def config(httpd):
        text = config_with("one=staff two=staff file", """
    MLServerRole Contributor provider=staff user gerda hilde
""")(httpd).replace("provider=dbd", "provider=staff")
        for name, user in (("one", "gerda"), ("two", "hilde")):
            path = httpd.root / ("users-" + name)
            path.write_text("%s:%s\n" % (user, hashed(user + "-pw")))
            path.chmod(0o644)
            text = """
<AuthnProviderAlias file %s>
    AuthUserFile %s
</AuthnProviderAlias>
""" % (name, path) + text
        return text
    server = make_httpd(config=config, modules=MODULES).start()
    for name in ("gerda", "hilde"):
        assert me(login(server, name, name + "-pw")) == ("staff", name,
                                                         "Contributor")


@pytest.mark.logs("dbd", "AH00", "passwords cannot", "does not answer",
                  "reslist_cleanup")  # mod_dbd's own, at a child's end
def test_a_broken_database_keeps_nobody_else_out(make_httpd):
    server = make_httpd(config=config_with("dbd file"),
                        modules=MODULES).start()
    with sqlite3.connect(server.root / "people.db") as db:
        db.execute("DROP TABLE users")
        db.execute("DROP TABLE teams")
    # Whether carol is more than that cannot be known just now.
    assert me(login(server, "carol", USERS["carol"])) == (
        "file", "carol", "Contributor")
    assert me(login(server, "admin", USERS["admin"]))[2] == "Owner"
    is_error(server.client().post("/login", json={
        "username": "erna", "password": "erna-pw"}), 503)
