# SPDX-License-Identifier: Apache-2.0
"""Roles from conditions of the configuration and from mappings that Owners
change at run time; GET /admin/api/me says which and why."""
import subprocess
import time

import pytest

from harness import env
from harness.client import is_error
from harness.httpd import USERS, location, server_lines, wait_until

DECLARED = {
    "Owner": ["admins", "managers"], "Contributor": ["stats"],
    "Reader": ["app-devs"],
}
# The worked examples of the rules: groups of the user, roles that have
# conditions, the role.
EXAMPLES = [
    (["admins", "engineering"], ["Owner", "Contributor"], "Owner"),
    (["managers", "stats"], ["Owner", "Contributor", "Reader"], "Owner"),
    (["stats"], ["Owner", "Contributor", "Reader"], "Contributor"),
    (["stats"], ["Owner"], "Contributor"),
    (["app-devs"], ["Owner", "Contributor", "Reader"], "Reader"),
    (["vendor2"], ["Owner", "Contributor"], "Reader"),
    (["sales"], ["Owner", "Contributor", "Reader"], "none"),
    ([], [], "Contributor"),
    (["vendor2"], ["Contributor"], "Reader"),
    (["vendor2"], ["Reader"], "none"),
    (["stats"], ["Owner", "Reader"], "none"),
]


def group_file(httpd, name, groups):
    """An AuthGroupFile: {group: [users]}."""
    path = httpd.root / name
    path.write_text("".join("%s: %s\n" % (group, " ".join(users))
                            for group, users in groups.items()))
    path.chmod(0o644)
    return path


def roles_of(names):
    return "".join("    MLServerRole %s group %s\n"
                   % (name, " ".join(DECLARED[name])) for name in names)


@pytest.fixture(scope="module")
def examples():
    """One Location per example; alice is in that example's groups."""
    from harness.httpd import Httpd

    def config(httpd):
        text = server_lines(httpd)
        for i, (groups, declared, _) in enumerate(EXAMPLES):
            path = group_file(httpd, "groups%d" % i,
                              {group: ["alice"] for group in groups})
            text += location(httpd, "/e%d" % i, "    AuthGroupFile %s\n%s"
                             % (path, roles_of(declared)))
        return text

    server = Httpd(config=config, modules=["authz_groupfile"])
    try:
        server.process = None
        server.start(wait=False)
        wait_until(lambda: ready(server, "/e0"), what="readiness")
        yield server
    finally:
        server.remove()


def ready(server, mount):
    client = server.client(mount=mount)
    try:
        return client.get("/readyz", timeout=5).status_code == 200
    except OSError:
        return False


def me(client):
    answer = client.get("/admin/api/me")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_worked_examples(examples, number):
    groups, declared, role = EXAMPLES[number]
    client = examples.client("alice", mount="/e%d" % number)
    said = me(client)
    assert said["role"] == role, (groups, declared, said)
    assert said["user"] == "alice" and said["provider"] == "file"
    assert said["ambient"] is False
    assert said["permissions"] == {
        "publish": role in ("Owner", "Contributor"),
        "sessions": role != "none", "admin": role == "Owner"}
    met = [g for r in declared for g in DECLARED[r] if g in groups]
    if met:
        assert 'meets "group ' in said["roleReason"], said
    else:
        assert "meets no condition" in said["roleReason"] \
            or "no conditions" in said["roleReason"], said
    # What the role is for.
    status = client.get("/services").status_code
    assert status == (403 if role == "none" else 200)
    status = client.get("/admin/api/roles").status_code
    assert status == (200 if role == "Owner" else 403)
    # The local account stays a way in.
    assert me(examples.client("admin", mount="/e%d" % number))["role"] == \
        "Owner"


def test_nobody_is_nobody(examples):
    """The console asks before anybody signed in: no error."""
    said = me(examples.client(mount="/e0"))
    assert said["user"] is None and said["role"] == "none"
    assert not any(said["permissions"].values())
    assert is_error(examples.client(mount="/e0").get(
        "/admin/api/me", headers={"Authorization": "Bearer x.y.z"}), 401)


# --- changes at run time ---

@pytest.fixture
def server(make_httpd):
    def config(httpd):
        path = group_file(httpd, "groups", {"team": ["alice", "bob"],
                                            "late": []})
        return server_lines(httpd) + location(
            httpd, extra="""    AuthGroupFile %s
    MLServerRole Owner expr "%%{HTTP:X-Break-Glass} == 'yes'"
    MLServerMembershipLifetime 1h""" % path)
    return make_httpd(config=config, modules=["authz_groupfile"]).start()


def mapping(client, role, condition, **more):
    return client.post("/admin/api/roles/mappings",
                       json={"role": role, "condition": condition, **more})


def roles_seen(client, count=30):
    """What many requests, so many children, say."""
    seen = set()
    for _ in range(count):
        client.session.close()
        seen.add(me(client)["role"])
    return seen


def test_mappings_count_in_every_child(server):
    admin, alice = server.client("admin"), server.client("alice")
    assert roles_seen(alice) == {"Contributor"}
    answer = mapping(admin, "Reader", "group team", comment="the team")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["changedBy"] == "file:admin" and made["comment"] == "the team"
    time.sleep(1)
    assert roles_seen(alice) == {"Reader"}
    # Now that Reader has a condition, others have no role.
    assert me(server.client("carol"))["role"] == "none"

    listed = admin.get("/admin/api/roles")
    assert listed.json()["mappings"] == [made]
    assert listed.json()["implicitRole"] == "none"
    assert listed.json()["membershipCacheSeconds"] == 3600
    assert listed.json()["declared"][0]["role"] == "Owner"
    assert listed.json()["declared"][0]["file"].endswith("httpd.conf")
    assert listed.json()["declared"][0]["line"] > 0

    answer = admin.request("PUT", "/admin/api/roles/mappings/%s" % made["id"],
                           json={"role": "Contributor",
                                 "condition": "group team"},
                           headers={"If-Match": listed.headers["ETag"]})
    assert answer.status_code == 200, answer.text
    time.sleep(1)
    assert roles_seen(alice) == {"Contributor"}
    stale = admin.request("PUT", "/admin/api/roles/mappings/" + made["id"],
                          json={"role": "Reader", "condition": "group team"},
                          headers={"If-Match": listed.headers["ETag"]})
    is_error(stale, 412)
    assert admin.delete("/admin/api/roles/mappings/%s"
                        % made["id"]).status_code == 204
    is_error(admin.delete("/admin/api/roles/mappings/" + made["id"]), 404)
    time.sleep(1)
    assert roles_seen(server.client("carol")) == {"Contributor"}


def test_mappings_survive_a_restart(server):
    admin = server.client("admin")
    assert mapping(admin, "Owner", "user bob").status_code == 201
    server.restart()
    assert me(server.client("bob"))["role"] == "Owner"
    # Without mlserverd, too: roles are decided from the file.
    assert (server.state / "roles.json").stat().st_mode & 0o777 == 0o640


def test_a_change_that_locks_its_author_out_is_refused(server):
    admin = server.client("admin")
    made = mapping(admin, "Owner", "provider=file user bob").json()
    time.sleep(1)
    bob = server.client("bob")
    assert me(bob)["role"] == "Owner"
    answer = bob.delete("/admin/api/roles/mappings/" + made["id"])
    message = is_error(answer, 409)
    assert "you would not be an Owner" in message
    answer = bob.request("PUT", "/admin/api/roles/mappings/" + made["id"],
                         json={"role": "Reader", "condition": "user bob"})
    is_error(answer, 409)
    assert me(bob)["role"] == "Owner"
    # Another Owner may, and so may bob once something else makes him one.
    other = mapping(bob, "Owner", "group team").json()
    assert bob.delete("/admin/api/roles/mappings/"
                      + made["id"]).status_code == 204
    is_error(bob.delete("/admin/api/roles/mappings/" + other["id"]), 409)
    assert admin.delete("/admin/api/roles/mappings/"
                        + other["id"]).status_code == 204


def test_only_owners_change_roles(server):
    alice = server.client("alice")
    is_error(mapping(alice, "Owner", "user alice"), 403)
    is_error(alice.get("/admin/api/roles"), 403)
    is_error(alice.post("/admin/api/roles/flush"), 403)
    is_error(alice.get("/admin/api/explain-user?name=alice"), 403)
    assert me(alice)["role"] == "Contributor"


@pytest.mark.parametrize("role,condition,said", [
    ("King", "user bob", "role"),
    ("none", "user bob", "role"),
    ("Reader", "", "missing"),
    ("Reader", "user", "user"),
    ("Reader", "nonsense x", "nonsense"),
    ("Reader", "not user bob", "not"),
    ("Reader", "all granted", "only allowed in MLServerRole"),
    ("Reader", "expr true", "only allowed in MLServerRole"),
    ("Reader", "user %{env:X}", "variables"),
    ("Reader", "ldap-group cn=x", "ldap-group"),
    ("Reader", "user a\nb", "one line"),
    ("Reader", "user " + "x" * 3000, "2000"),
])
def test_wrong_mappings_are_named(server, role, condition, said):
    admin = server.client("admin")
    assert said in is_error(mapping(admin, role, condition), 400)
    assert admin.get("/admin/api/roles").json()["mappings"] == []


def test_flush_drops_memberships(server):
    admin, carol = server.client("admin"), server.client("carol")
    assert mapping(admin, "Owner", "group late").status_code == 201
    time.sleep(1)
    assert roles_seen(carol) == {"Contributor"}
    group_file(server, "groups", {"team": ["alice"], "late": ["carol"]})
    assert roles_seen(carol) == {"Contributor"}  # remembered
    assert admin.post("/admin/api/roles/flush").status_code == 204
    time.sleep(1)
    assert roles_seen(carol) == {"Owner"}


def test_a_login_looks_again(server):
    admin, carol = server.client("admin"), server.client("carol")
    assert mapping(admin, "Owner", "group late").status_code == 201
    time.sleep(1)
    assert me(carol)["role"] == "Contributor"
    group_file(server, "groups", {"team": ["alice"], "late": ["carol"]})
    assert me(server.client("carol"))["role"] == "Owner"
    assert me(carol)["role"] == "Owner"


def test_conditions_of_the_request(server):
    """expr is asked every time, and only raises."""
    alice = server.client("alice")
    for _ in range(2):
        assert me(alice)["role"] == "Contributor"
        answer = alice.get("/admin/api/roles",
                           headers={"X-Break-Glass": "yes"})
        assert answer.status_code == 200, answer.text


def test_explain_user(server):
    admin = server.client("admin")
    assert mapping(admin, "Contributor", "group team").status_code == 201
    assert mapping(admin, "Owner",
                   "provider=httpd user alice").status_code == 201
    time.sleep(1)
    answer = admin.get("/admin/api/explain-user?name=alice")
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["provider"] == "file" and said["normalised"] == "alice"
    assert said["role"] == "Contributor" and "group team" in said["reason"]
    assert said["dn"] is None and said["groups"] == []
    results = {(c["role"], c["condition"]): c for c in said["conditions"]}
    assert results[("Contributor", "group team")]["result"] == "matched"
    assert results[("Contributor", "group team")]["source"].startswith(
        "mapping ")
    assert results[("Owner", "provider=httpd user alice")]["result"] == "no"
    assert "another provider" in results[
        ("Owner", "provider=httpd user alice")]["detail"]
    assert len(said["conditions"]) == 3
    # As somebody whom httpd authenticated, she is somebody else.
    said = admin.get("/admin/api/explain-user?name=httpd:alice").json()
    assert said["provider"] == "httpd" and said["role"] == "Owner"
    said = admin.get("/admin/api/explain-user?name=nobody").json()
    assert said["provider"] is None and said["role"] == "none"
    is_error(admin.get("/admin/api/explain-user"), 400)


def test_explain_tells_why_a_login_failed(server):
    admin, nobody = server.client("admin"), server.client()
    assert admin.get("/admin/api/explain-user?name=bob").json()[
        "lastFailedLogin"] is None
    bodies = set()
    for name, password in (("bob", "wrong"), ("stranger", "wrong")):
        answer = nobody.post("/login", json={"username": name,
                                             "password": password})
        bodies.add((answer.status_code, answer.text))
    assert len(bodies) == 1  # the caller learns nothing

    def failure(name):
        return admin.get("/admin/api/explain-user?name=" + name).json()[
            "lastFailedLogin"]
    wait_until(lambda: failure("bob"), 10, "the audit record")
    assert failure("bob")["reason"] == "denied by file"
    wait_until(lambda: failure("stranger"), 10, "the audit record")
    assert failure("stranger")["reason"] == "no provider knows the user"


@pytest.mark.skipif(not env.IS_ROOT, reason="only root may grant a role")
def test_grant_owner(server):
    carol = server.client("carol")
    assert me(carol)["role"] == "Contributor"
    ctl = [env.programs() / "bin" / "mlserverctl", "--state", server.state,
           "--run", server.run]
    done = subprocess.run(ctl + ["grant-owner", "carol"], text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stderr
    time.sleep(1)
    assert me(carol)["role"] == "Owner"
    assert "provider=file user \"carol\"" in me(carol)["roleReason"]
    said = carol.get("/admin/api/roles").json()["mappings"]
    assert said[0]["changedBy"] == "mlserverctl:root"
    # A user of another provider with that name is not meant.
    assert carol.get("/admin/api/explain-user?name=httpd:carol").json()[
        "role"] == "Contributor"
    done = subprocess.run(ctl + ["--url", server.url(), "explain-user",
                                 "carol"], text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert '"role":"Owner"' in done.stdout.replace(" ", ""), done.stdout
    done = subprocess.run(ctl + ["--url", server.url(1), "explain-user",
                                 "carol"], text=True, capture_output=True)
    assert done.returncode == 1 and "--url" in done.stderr
    if env.SEPARATE:
        done = subprocess.run(
            env.setpriv("mlserver") + ctl + ["grant-owner", "dave"],
            text=True, capture_output=True)
        assert done.returncode != 0 and "only root" in done.stderr
        done = subprocess.run(
            env.setpriv("nobody") + ctl + ["grant-owner", "dave"],
            text=True, capture_output=True)
        assert done.returncode != 0


def test_a_token_of_mlserverctl_is_not_for_everybody(server):
    """The registry gives it to root and the state's owner only."""
    if not env.SEPARATE:
        pytest.skip("everything runs as one user")
    script = ("import json,socket,struct,sys;s=socket.socket(socket.AF_UNIX);"
              "s.connect(sys.argv[1]);t=b'{\"op\":\"token.control\"}';"
              "s.sendall(struct.pack('>I',len(t))+t);print(s.recv(4096))")
    done = subprocess.run(env.setpriv("www-data") + [
        "python3", "-c", script, str(server.run / "registry.sock")],
        capture_output=True, text=True, cwd="/")
    assert "access" not in done.stdout, done.stdout


# --- the configuration ---

@pytest.mark.parametrize("lines,said", [
    ("MLServerRole King user bob", ["MLServerRole King", "Contributor"]),
    ("MLServerRole Owner", ["MLServerRole Owner", "condition is missing"]),
    ("MLServerRole Owner ldap-group cn=x", ["ldap-group",
                                            "mod_authnz_ldap"]),
    ("MLServerRole Owner grupp x", ["grupp", "Require"]),
    ("MLServerRole Owner group x", ["group", "AuthGroupFile"]),
    ("MLServerRole Owner not user x", ["not"]),
    ("MLServerRole Owner expr \"%{\"", ["expr"]),
    ("MLServerRole Owner provider=ldap user x", ["provider=ldap",
                                                 "MLServerAuthProvider"]),
    ("MLServerRole Owner user", ["user", "which"]),
    ("MLServerUserName upper-case", ["MLServerUserName", "lower-case"]),
    ("MLServerAuthProvider file=httpd", ["httpd", "source"]),
    ("MLServerAuthProvider file=mlserverctl", ["mlserverctl"]),
    ("AuthLDAPURL ldap://x/dc=x", ["AuthLDAPURL", "mod_authnz_ldap"]),
])
def test_wrong_settings_are_named(lines, said):
    from harness.httpd import Httpd
    server = Httpd(modules=["authz_groupfile"])
    try:
        good, text = server.configtest(server_lines(server) + location(
            server, extra="    " + lines))
        assert not good, text
        for word in said:
            assert word in text, text
        assert "line" in text or "MLServer" in text
    finally:
        server.remove()


def test_users_are_who_they_were(server):
    """All accounts of the harness can still log in."""
    for name in USERS:
        assert me(server.client(name))["user"] == name
