# SPDX-License-Identifier: Apache-2.0
"""Logins and roles from Active Directory: a Samba domain controller. Nested
groups both ways, names as people type them, accounts that may not log in."""
import time

import pytest

from harness import ldapconf
from harness.client import is_error
from harness.directory import ActiveDirectory
from harness.httpd import Httpd, location, server_lines, wait_until

BASE = ActiveDirectory.BASE
CHAIN = "memberOf:1.2.840.113556.1.4.1941:=CN=%s,CN=Users," + BASE


def group_dn(name):
    return "CN=%s,CN=Users,%s" % (name, BASE)


def config_with(domain, attribute="sAMAccountName", extra=""):
    def config(httpd):
        secret = httpd.root / "ad-password"
        secret.write_text(domain.PASSWORD + "\n")
        secret.chmod(0o600)
        lines = """
    AuthLDAPURL "ldap://{a}:389/CN=Users,{b}?{t}?sub?(objectClass=user)"
    AuthLDAPBindDN "Administrator@example.test"
    AuthLDAPBindPassword "exec:/bin/cat {s}"
    AuthLDAPMaxSubGroupDepth 5
    AuthLDAPSubGroupClass group
    AuthLDAPSubGroupAttribute member
    LDAPReferrals Off
    MLServerDirectoryTimeout 3s
    MLServerRole Owner ldap-group {admins}
    MLServerRole Contributor ldap-group {outer}
    MLServerRole Reader ldap-filter {chain}
{extra}""".format(a=domain.address, b=BASE, t=attribute, s=secret,
                  admins=group_dn("ml-admins"), outer=group_dn("outer"),
                  chain=CHAIN % "all-readers", extra=extra)
        return ldapconf.global_lines(timeout=5) + server_lines(httpd) + \
            location(httpd, extra=lines).replace(
                "MLServerAuthProvider file", "MLServerAuthProvider file ldap")
    return config


@pytest.fixture(scope="module")
def server(domain):
    server = Httpd(config=config_with(
        domain, extra="    MLServerUserName strip-realm=EXAMPLE.TEST "
        "strip-domain=EXAMPLE lower-case"), modules=ldapconf.MODULES)
    server.start()
    yield server
    server.remove()


def login(server, name, password=None):
    client = server.client()
    client.login(name, password or name + "-Pass1!")
    return client


def me(client):
    answer = client.get("/admin/api/me")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("name,role", [
    ("ada", "Owner"), ("ben", "Reader"), ("cleo", "Contributor"),
    ("dora", "none"),
])
def test_roles_through_nested_groups(server, name, role):
    said = me(login(server, name))
    assert (said["role"], said["user"], said["provider"]) == \
        (role, name, "ldap"), said


@pytest.mark.parametrize("typed", [
    "cleo", "CLEO", "cleo@example.test", "Cleo@EXAMPLE.TEST",
    "EXAMPLE\\cleo", "example\\Cleo",
])
def test_one_person_however_the_name_is_typed(server, typed):
    assert me(login(server, typed, "cleo-Pass1!"))["user"] == "cleo"
    assert me(login(server, typed, "cleo-Pass1!"))["role"] == "Contributor"


@pytest.mark.parametrize("typed", ["cleo@elsewhere.test", "OTHER\\cleo"])
def test_another_realm_is_another_person(server, typed):
    answer = server.client().post("/login", json={
        "username": typed, "password": "cleo-Pass1!"})
    is_error(answer, 401)


def test_logins_by_principal_name(domain, make_httpd):
    server = make_httpd(config=config_with(domain, "userPrincipalName"),
                        modules=ldapconf.MODULES).start()
    said = me(login(server, "cleo@example.test", "cleo-Pass1!"))
    assert said["user"] == "cleo@example.test"
    assert said["role"] == "Contributor"
    assert me(login(server, "Ada@Example.test", "ada-Pass1!"))["user"] == \
        "ada@example.test"


@pytest.mark.parametrize("name,reason", [
    ("off", "the account is disabled"), ("old", "the account has expired"),
])
def test_accounts_that_may_not_log_in(server, name, reason):
    bodies = set()
    for user, password in ((name, name + "-Pass1!"), (name, "wrong"),
                           ("stranger-" + name, "wrong")):
        answer = server.client().post("/login", json={
            "username": user, "password": password})
        bodies.add((answer.status_code, answer.text))
    assert len(bodies) == 1 and bodies.pop()[0] == 401
    admin = login(server, "admin", "admin-pass")

    def explained():
        return admin.get("/admin/api/explain-user?name=" + name).json()
    wait_until(lambda: explained()["lastFailedLogin"], 10, "the audit")
    said = explained()
    assert said["account"] == reason
    assert said["lastFailedLogin"]["reason"] == "denied by ldap; " + reason


def test_explain(server):
    admin = login(server, "admin", "admin-pass")
    said = admin.get("/admin/api/explain-user?name=EXAMPLE%5CCleo").json()
    assert said["user"] == "EXAMPLE\\Cleo" and said["normalised"] == "cleo"
    assert said["dn"] == "CN=cleo,CN=Users," + BASE
    assert {group_dn(g) for g in ("inner", "middle", "outer")} <= \
        set(said["groups"])
    assert said["role"] == "Contributor"
    assert 'meets "ldap-group ' + group_dn("outer") in said["reason"]
    said = admin.get("/admin/api/explain-user?name=ben").json()
    matched = [c["condition"] for c in said["conditions"]
               if c["result"] == "matched"]
    assert matched == ["ldap-filter " + CHAIN % "all-readers"]


def test_a_mapping_on_a_nested_group(server):
    admin = login(server, "admin", "admin-pass")
    made = admin.post("/admin/api/roles/mappings", json={
        "role": "Owner", "condition": "ldap-filter " + CHAIN % "outer"})
    assert made.status_code == 201, made.text
    time.sleep(1)
    cleo = login(server, "cleo")
    assert me(cleo)["role"] == "Owner"
    # She would take her own role away.
    is_error(cleo.delete("/admin/api/roles/mappings/"
                         + made.json()["id"]), 409)
    assert admin.delete("/admin/api/roles/mappings/"
                        + made.json()["id"]).status_code == 204
    time.sleep(1)
    assert me(cleo)["role"] == "Contributor"
