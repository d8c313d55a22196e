# SPDX-License-Identifier: Apache-2.0
"""Logins and roles from OpenLDAP: a real slapd, plain, StartTLS and LDAPS; up,
slow and down."""
import shutil
import subprocess
import time

import pytest

from harness import ldapconf
from harness.client import is_error
from harness.directory import ADMIN_DN, ADMIN_PASSWORD, SUFFIX, Slapd, lacks
from harness.httpd import Httpd, location, server_lines, wait_until

if lacks("slapd", "slapadd", "ldapmodify", "ldapsearch"):
    pytest.skip(lacks("slapd", "slapadd", "ldapmodify", "ldapsearch"),
                allow_module_level=True)

PEOPLE = ["ada", "ben", "cleo", "dora", "eve", "admin"]
GROUPS = {"admins": ["ada"], "managers": ["ben"], "stats": ["cleo"],
          "inner": ["dora"], "outer": ["@inner"], "loop": ["@loop", "eve"]}
ROLES = """
    MLServerRole Owner ldap-group {admins}
    MLServerRole Contributor ldap-group {stats}
    MLServerRole Contributor ldap-filter mail=ben@example.test
    MLServerRole Reader ldap-group {outer}
    MLServerRole Reader ldap-attribute sn=eve
    AuthLDAPMaxSubGroupDepth 5
    AuthLDAPSubGroupClass groupOfNames
""".format(**{name: Slapd.group_dn(name) for name in GROUPS})
WANTED = {"ada": "Owner", "ben": "Contributor", "cleo": "Contributor",
          "dora": "Reader", "eve": "Reader", "admin": "none"}
# Said by mod_ldap or by us while a directory does not answer.
SILENT = ["directory not usable", "auth_ldap authenticate", "LDAP",
          "AH01695", "AH01697", "provider ldap failed",
          "passwords cannot be checked", "does not answer"]


@pytest.fixture(scope="module")
def slapd():
    directory = Slapd(PEOPLE, GROUPS).start()
    yield directory
    directory.remove()


def config_with(slapd, extra=ROLES, providers="file ldap", **options):
    def config(httpd):
        certificate = httpd.root / "ca.pem"
        if not certificate.exists():
            shutil.copy(slapd.certificate, certificate)
            certificate.chmod(0o644)
        return ldapconf.global_lines(certificate) + server_lines(httpd) + \
            location(httpd, extra=ldapconf.openldap_lines(slapd, **options)
                     + extra).replace("MLServerAuthProvider file",
                                      "MLServerAuthProvider " + providers)
    return config


@pytest.fixture(scope="module")
def server(slapd):
    server = Httpd(config=config_with(slapd), modules=ldapconf.MODULES)
    server.start()
    yield server
    server.remove()


def login(server, name, password=None):
    client = server.client()
    client.login(name, password or name.lower().strip() + "-pass")
    return client


def me(client):
    answer = client.get("/admin/api/me")
    assert answer.status_code == 200, answer.text
    return answer.json()


def try_login(server, name, password, **options):
    client = server.client()
    return client.post("/login", json={"username": name,
                                       "password": password}, **options)


@pytest.mark.parametrize("name", PEOPLE[:5])
def test_roles_from_groups_and_attributes(server, name):
    said = me(login(server, name, None))
    assert said["role"] == WANTED[name], said
    assert said["provider"] == "ldap" and said["user"] == name


def test_the_directorys_admin_is_not_the_local_one(server):
    """Both are called admin; file comes first, with another password."""
    is_error(try_login(server, "admin", "wrong"), 401)
    assert me(login(server, "admin", "admin-pass"))["provider"] == "file"
    assert me(login(server, "admin", "admin-pass"))["role"] == "Owner"


@pytest.fixture(scope="module")
def ldap_first(slapd):
    """The directory is asked first; one name is in both."""
    server = Httpd(config=config_with(slapd, providers="ldap file"),
                   modules=ldapconf.MODULES)
    server.start()
    yield server
    server.remove()


def test_roles_from_groups_of_the_directorys_admin(ldap_first):
    said = me(login(ldap_first, "admin", "admin-pass"))
    assert said["provider"] == "ldap" and said["role"] == "none", said


def test_the_spelling_is_the_directorys(server):
    """uid matches in any case; one person stays one subject."""
    for name in ("CLEO", "Cleo", "cleo"):
        assert me(login(server, name))["user"] == "cleo"


@pytest.mark.parametrize("name,password", [
    ("cleo", "wrong"), ("cleo", ""), ("stranger", "x"), ("*", "cleo-pass"),
    ("cl*", "cleo-pass"), ("cleo)(uid=*", "cleo-pass"),
    ("cleo\\", "cleo-pass"), ("uid=cleo,ou=people," + SUFFIX, "cleo-pass"),
])
def test_refused_logins_tell_nothing(server, name, password):
    first = try_login(server, name, password)
    other = try_login(server, "nobody%d" % hash((name, password)), "x")
    assert is_error(first, 401) == is_error(other, 401)


def test_an_empty_password_never_reaches_the_directory(server, slapd):
    """An LDAP server takes it for an anonymous bind, which succeeds."""
    slapd.pause()
    try:
        began = time.monotonic()
        is_error(try_login(server, "cleo", ""), 401)
        assert time.monotonic() - began < 1
    finally:
        slapd.resume()


def test_explain(server):
    admin = login(server, "admin", "admin-pass")
    said = admin.get("/admin/api/explain-user?name=dora").json()
    assert said["provider"] == "ldap"
    assert said["dn"] == Slapd.person_dn("dora")
    assert sorted(said["groups"]) == [Slapd.group_dn("inner"),
                                      Slapd.group_dn("outer")]
    assert said["groupsComplete"] is True and said["role"] == "Reader"
    matched = [c for c in said["conditions"] if c["result"] == "matched"]
    assert [c["condition"] for c in matched] == \
        ["ldap-group " + Slapd.group_dn("outer")]
    assert ".conf line " in matched[0]["source"]
    # A group that holds itself ends, too.
    said = admin.get("/admin/api/explain-user?name=eve").json()
    assert said["groups"] == [Slapd.group_dn("loop")]
    # The local admin has none of the groups of the directory's.
    said = admin.get("/admin/api/explain-user?name=admin").json()
    assert said["provider"] == "file" and said["dn"] is None
    said = admin.get("/admin/api/explain-user?name=ldap:admin").json()
    assert said["dn"] == Slapd.person_dn("admin") and said["role"] == "none"


def test_a_directory_of_many(slapd, server):
    """More people and groups than the server gives in one answer."""
    slapd.modify("\n".join(slapd.person_entry("p%03d" % i).replace(
        "\nobjectClass", "\nchangetype: add\nobjectClass", 1)
        for i in range(600)))
    slapd.add_group("crowd", ["p%03d" % i for i in range(600)])
    for i in range(20):
        slapd.add_group("g%03d" % i, ["p599"])
    assert me(login(server, "p599"))["role"] == "none"
    admin = login(server, "admin", "admin-pass")
    made = admin.post("/admin/api/roles/mappings", json={
        "role": "Contributor",
        "condition": "ldap-group " + Slapd.group_dn("crowd")})
    assert made.status_code == 201, made.text
    time.sleep(1)
    assert me(login(server, "p599"))["role"] == "Contributor"
    said = admin.get("/admin/api/explain-user?name=p599").json()
    assert len(said["groups"]) == 21 and said["groupsComplete"] is True
    assert admin.delete("/admin/api/roles/mappings/"
                        + made.json()["id"]).status_code == 204


def test_a_change_in_the_directory_counts_after_a_flush(slapd, server):
    admin, eve = login(server, "admin", "admin-pass"), login(server, "eve")
    assert me(eve)["role"] == "Reader"
    member = "dn: %s\nchangetype: modify\n%%s: member\nmember: %s\n" % (
        Slapd.group_dn("admins"), Slapd.person_dn("eve"))
    slapd.modify(member % "add")
    try:
        assert me(eve)["role"] == "Reader"  # remembered
        assert admin.post("/admin/api/roles/flush").status_code == 204
        time.sleep(1)
        for _ in range(20):
            eve.session.close()
            assert me(eve)["role"] == "Owner"
    finally:
        slapd.modify(member % "delete")
        admin.post("/admin/api/roles/flush")


# --- ways to the directory ---

@pytest.mark.parametrize("options", [
    {"scheme": "ldap", "mode": "STARTTLS"}, {"scheme": "ldap", "mode": "TLS"},
    {"scheme": "ldaps"}, {"scheme": "ldap", "mode": "SSL"},
    {"filter_": "(objectClass=inetOrgPerson)"},
], ids=str)
def test_encrypted_ways(slapd, make_httpd, options):
    if options.get("mode") == "SSL":
        options = {"scheme": "ldaps", "mode": "SSL"}
    server = make_httpd(config=config_with(slapd, **options),
                        modules=ldapconf.MODULES).start()
    assert me(login(server, "ada"))["role"] == "Owner"
    assert me(login(server, "dora"))["role"] == "Reader"


@pytest.mark.logs(*SILENT)
def test_a_certificate_of_somebody_else_is_refused(slapd, make_httpd):
    def config(httpd):
        text = config_with(slapd, scheme="ldaps")(httpd)
        other = httpd.root / "ca.pem"
        from harness.directory import certificate
        folder = httpd.root / "other"
        folder.mkdir(exist_ok=True)
        shutil.copy(certificate(folder)[0], other)
        return text
    server = make_httpd(config=config, modules=ldapconf.MODULES).start()
    is_error(try_login(server, "ada", "ada-pass"), 503)
    assert me(login(server, "alice"))["provider"] == "file"


def test_the_bind_password_may_come_from_a_program(slapd, make_httpd):
    def config(httpd):
        secret = httpd.root / "secret"
        secret.write_text(ADMIN_PASSWORD + "\n")
        secret.chmod(0o600)
        return config_with(slapd, password="exec:/bin/cat %s" % secret)(httpd)
    server = make_httpd(config=config, modules=ldapconf.MODULES).start()
    assert me(login(server, "ada"))["role"] == "Owner"
    admin = login(server, "admin", "admin-pass")
    assert admin.get("/admin/api/explain-user?name=ada").json()["dn"] == \
        Slapd.person_dn("ada")


@pytest.mark.logs(*SILENT)
def test_a_wrong_bind_password_is_told_to_owners_only(slapd, make_httpd):
    server = make_httpd(config=config_with(slapd, password="wrong"),
                        modules=ldapconf.MODULES).start()
    answer = try_login(server, "ada", "ada-pass")
    assert answer.status_code in (401, 503)
    assert "bind" not in answer.text
    said = login(server, "admin", "admin-pass").get(
        "/admin/api/explain-user?name=ldap:ada").json()
    assert "Invalid credentials" in said["directoryError"]
    assert said["role"] is None and "bind" in said["reason"]


# --- the directory is away ---

@pytest.fixture
def own(make_httpd):
    """A directory of one's own, and a server with short memories."""
    directory = Slapd(["ada", "ben"], {"admins": ["ada"],
                                       "stats": ["ben"]}).start()
    text = """
    MLServerRole Owner ldap-group %s
    MLServerRole Reader ldap-group %s
    MLServerMembershipLifetime 2s
    MLServerMembershipStale %%s
""" % (Slapd.group_dn("admins"), Slapd.group_dn("stats"))

    def make(stale, providers="file ldap"):
        return make_httpd(config=config_with(directory, text % stale,
                                             providers),
                          modules=ldapconf.MODULES).start()
    yield directory, make
    directory.remove()


@pytest.mark.logs(*SILENT)
@pytest.mark.parametrize("how", ["down", "slow"])
def test_roles_hold_for_a_while_without_the_directory(own, how):
    directory, make = own
    server = make("1h")
    ada, ben = login(server, "ada"), login(server, "ben")
    assert me(ada)["role"] == "Owner" and me(ben)["role"] == "Reader"
    directory.stop() if how == "down" else directory.pause()
    try:
        time.sleep(2.5)  # no longer remembered as new
        slowest = 0
        for _ in range(10):
            began = time.monotonic()
            assert me(ada)["role"] == "Owner"
            assert me(ben)["role"] == "Reader"
            slowest = max(slowest, time.monotonic() - began)
        assert "as last known" in me(ada)["roleReason"]
        assert slowest < 6
        # Passwords cannot be checked: said plainly, and soon.
        began = time.monotonic()
        is_error(try_login(server, "ada", "ada-pass"), 503)
        assert time.monotonic() - began < 10
        # The local account is the way in.
        assert me(login(server, "admin", "admin-pass"))["role"] == "Owner"
    finally:
        directory.start() if how == "down" else directory.resume()
    wait_until(lambda: "as last known" not in me(ada)["roleReason"], 20,
               "the directory's answer")
    assert me(ada)["role"] == "Owner"


@pytest.mark.logs(*SILENT)
def test_then_it_is_503(own):
    directory, make = own
    server = make("2s")
    ben = login(server, "ben")
    assert me(ben)["role"] == "Reader"
    directory.stop()
    time.sleep(5)
    answer = ben.get("/services")
    assert "directory" in is_error(answer, 503)
    assert answer.headers["Retry-After"]
    # Not "none", and not more than before: nobody gains by an outage.
    began = time.monotonic()
    for _ in range(20):
        is_error(ben.get("/services"), 503)
    assert time.monotonic() - began < 10
    assert me(login(server, "admin", "admin-pass"))["role"] == "Owner"
    directory.start()
    wait_until(lambda: ben.get("/services").status_code == 200, 20,
               "the directory's answer")


@pytest.mark.logs(*SILENT)
def test_the_local_account_works_behind_a_silent_directory(own):
    directory, make = own
    server = make("1h", providers="ldap file")
    directory.stop()
    assert me(login(server, "admin", "admin-pass"))["role"] == "Owner"
    # Guessing its password meanwhile is throttled as ever.
    seen = [try_login(server, "admin", "guess%d" % i).status_code
            for i in range(10)]
    assert seen[-1] == 429 and 200 not in seen, seen
    is_error(try_login(server, "nobody", "x"), 503)


def test_somebody_who_left_has_no_role(own):
    directory, make = own
    server = make("1h")
    ben = login(server, "ben")
    assert me(ben)["role"] == "Reader"
    directory.modify("dn: %s\nchangetype: delete\n" % Slapd.person_dn("ben"))
    time.sleep(2.5)
    assert me(ben)["role"] == "none"
    is_error(ben.get("/services"), 403)


# --- the configuration ---

@pytest.mark.parametrize("lines,said", [
    ("AuthLDAPURL nonsense", ["scheme"]),
    ("AuthLDAPURL ldap://localhost", ["AuthLDAPURL", "BASE"]),
    ("MLServerRole Owner ldap-group cn=x", ["ldap-group", "AuthLDAPURL",
                                            "httpd.conf line"]),
    ("AuthLDAPURL ldap://localhost/dc=x?userPrincipalName\n"
     "AuthLDAPRemoteUserAttribute uid\n"
     "MLServerRole Owner ldap-group cn=x",
     ["AuthLDAPRemoteUserAttribute", "userPrincipalName",
      "MLServerUserName"]),
    ("AuthLDAPURL ldap://localhost/dc=x\nAuthLDAPBindDN cn=x",
     ["AuthLDAPBindPassword"]),
    ("AuthLDAPBindPassword exec:/nonexistent", ["AuthLDAPBindPassword"]),
    ("MLServerAuthProvider ldap", ["AuthLDAPURL"]),
    ("AuthLDAPURL ldap://localhost/dc=x\nMLServerRole Owner ldap-group cn=x"
     "\n</Location>\nLDAPRetries 0\n<Location /x>", ["LDAPRetries 1"]),
])
def test_wrong_settings_are_named(make_httpd, lines, said):
    server = make_httpd(modules=ldapconf.MODULES)
    good, text = server.configtest(server_lines(server) + location(
        server, extra=lines))
    assert not good, text
    for word in said:
        assert word in text, text


def test_long_waits_are_warned_of(make_httpd, slapd):
    server = make_httpd(modules=ldapconf.MODULES)
    good, text = server.configtest(server_lines(server) + location(
        server, extra=ldapconf.openldap_lines(slapd)))
    assert good, text
    for word in ("LDAPTimeout", "LDAPConnectionTimeout", "LDAPCacheEntries"):
        assert word in text, text
    good, text = server.configtest(
        ldapconf.global_lines() + server_lines(server) + location(
            server, extra=ldapconf.openldap_lines(slapd)))
    assert good and "LDAP" not in text, text


def test_ldapsearch_agrees(slapd):
    """The fixture is what it says: nesting is in the directory itself."""
    done = subprocess.run(
        ["ldapsearch", "-x", "-LLL", "-H", "ldap://127.0.0.1:%d" % slapd.port,
         "-D", ADMIN_DN, "-w", ADMIN_PASSWORD, "-b", SUFFIX, "(cn=outer)",
         "member"], capture_output=True, text=True, check=True)
    assert Slapd.group_dn("inner") in done.stdout
