# SPDX-License-Identifier: Apache-2.0
"""Users whom another module of httpd authenticated: basic authentication,
Kerberos against a Samba domain, client certificates. No token of ours."""
import base64
import os
import shutil
import subprocess

import pytest

from harness import env, ldapconf, models
from harness.client import is_error
from harness.httpd import USERS, Httpd, location, server_lines

BASIC = """
    AuthType Basic
    AuthName people
    AuthBasicProvider file
    Require valid-user
"""


def basic(name, password=None):
    text = "%s:%s" % (name, password or USERS[name])
    return {"Authorization": "Basic "
            + base64.b64encode(text.encode()).decode()}


@pytest.fixture(scope="module")
def server():
    def config(httpd):
        return server_lines(httpd) + location(httpd, extra=BASIC + """
    MLServerOwner httpd:alice
    MLServerRole Reader provider=httpd user carol
    MLServerRole Contributor provider=httpd user bob
    MLServerRole Contributor provider=file user carol
""")
    server = Httpd(config=config)
    server.start()
    yield server
    server.remove()


def me(server, headers):
    answer = server.client().get("/admin/api/me", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("name,role", [
    ("alice", "Owner"), ("bob", "Contributor"), ("carol", "Reader"),
    ("dave", "none"), ("admin", "none"),
])
def test_basic_users_have_roles(server, name, role):
    said = me(server, basic(name))
    assert said["user"] == name and said["provider"] == "httpd"
    assert said["ambient"] is True and said["role"] == role, said


def test_without_credentials_httpd_asks_for_them(server):
    for path in ("/services", "/admin/api/me"):
        answer = server.client().get(path)
        is_error(answer, 401)
        assert "Basic" in answer.headers["WWW-Authenticate"]
    is_error(server.client().get("/services",
                                 headers=basic("bob", "wrong")), 401)
    assert server.client().get("/healthz").status_code == 200


def test_a_token_comes_first(server):
    """Logged in as the file's carol, she is another than httpd's carol."""
    client = server.client("carol")
    assert client.get("/admin/api/me").json()["provider"] == "file"
    assert client.get("/admin/api/me").json()["role"] == "Contributor"
    assert client.get("/admin/api/me").json()["ambient"] is False


PROOFS = [({"X-Requested-With": "fetch"}, True),
          ({"Sec-Fetch-Site": "same-origin"}, True), ({}, False),
          ({"Sec-Fetch-Site": "cross-site"}, False),
          ({"Sec-Fetch-Site": "none"}, False),
          ({"Sec-Fetch-Site": "same-site"}, False),
          ({"Origin": "https://evil.example"}, False)]


@pytest.mark.parametrize("number", range(len(PROOFS)))
def test_changes_need_a_proof_of_origin(server, number):
    headers, good = PROOFS[number]
    client = server.client()
    name = "ambient%d" % number
    answer = client.publish(name, "1.0", models.linear(3),
                            headers={**basic("bob"), **headers})
    if not good:
        assert "X-Requested-With" in is_error(answer, 403)
        answer = client.delete("/services/x/1", headers={**basic("alice"),
                                                         **headers})
        is_error(answer, 403)
        answer = client.post("/admin/api/roles/flush",
                             headers={**basic("alice"), **headers})
        is_error(answer, 403)
        return
    assert answer.status_code == 201, answer.text
    # Looking and scoring need none.
    assert client.get("/services/" + name,
                      headers=basic("carol")).status_code == 200
    service = client.get("/services/" + name, headers=basic("bob")).json()[0]
    assert service["versionPublishedBy"] == "bob"
    answer = client.score(name, "1.0", {"x": [2]}, headers=basic("carol"))
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputParameters"]["outputData"]["y"] == [6]
    # Only by the one who published it, or an Owner.
    is_error(client.delete("/services/%s/1.0" % name, headers={
        **basic("carol"), **headers}), 403)
    assert client.delete("/services/%s/1.0" % name, headers={
        **basic("bob"), **headers}).status_code == 200


def test_the_files_bob_is_not_httpds_bob(server):
    """What one published the other may not delete."""
    answer = server.client().publish(
        "whose", "1.0", models.iris(),
        headers={**basic("bob"), "X-Requested-With": "x"})
    assert answer.status_code == 201
    carol = server.client("carol")  # a Contributor by token
    is_error(carol.delete("/services/whose/1.0"), 403)


def test_names_are_made_one_spelling(make_httpd):
    def config(httpd):
        users = httpd.root / "realm-users"
        users.write_text(subprocess.run(
            ["htpasswd", "-nbB", "-C", "4", "Alice@EXAMPLE.TEST", "pw"],
            check=True, capture_output=True, text=True).stdout)
        users.chmod(0o644)
        return server_lines(httpd) + location(httpd, extra=BASIC + """
    MLServerUserName strip-realm=example.test lower-case
    MLServerOwner httpd:alice
""").replace(str(httpd.users), str(users))
    server = make_httpd(config=config).start(wait=False)
    from harness.httpd import wait_until
    wait_until(server._answers, what="readiness")
    said = me(server, basic("Alice@EXAMPLE.TEST", "pw"))
    assert said["user"] == "alice" and said["role"] == "Owner"


# --- client certificates ---

@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True,
                       cwd=folder)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
            "-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.pem")
    for name, subject in (("server", "/CN=localhost"),
                          ("bob", "/O=Example/CN=bob")):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", subject,
                "-keyout", name + ".key", "-out", name + ".csr")
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem",
                "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-out",
                name + ".pem")
    return folder


def tls_config(certificates, lines):
    def config(httpd):
        folder = httpd.root / "tls"
        shutil.copytree(certificates, folder, dirs_exist_ok=True)
        folder.chmod(0o755)
        for path in folder.iterdir():
            path.chmod(0o644)
        return """
SSLSessionCache shmcb:%s/ssl_scache(512000)
<VirtualHost 127.0.0.1:%d>
    SSLEngine On
    SSLCertificateFile %s/server.pem
    SSLCertificateKeyFile %s/server.key
    SSLCACertificateFile %s/ca.pem
    SSLVerifyClient optional
    SSLVerifyDepth 1
</VirtualHost>
""" % (httpd.root / "logs", httpd.ports[1], folder, folder, folder) + \
            server_lines(httpd) + location(httpd, extra=lines % {
                "folder": folder})
    return config


def ask_with(server, certificates, name):
    client = server.client()
    client.base = "https://localhost:%d" % server.ports[1]
    client.session.verify = str(certificates / "ca.pem")
    if name:
        client.session.cert = (str(certificates / (name + ".pem")),
                               str(certificates / (name + ".key")))
    return client.get("/admin/api/me")


@pytest.mark.logs("AH02227")  # of a caller without a certificate
def test_a_client_certificate_is_a_user(make_httpd, certificates):
    """SSLUserName, without any Require."""
    server = make_httpd(ports=2, modules=["ssl", "socache_shmcb"],
                        config=tls_config(certificates, """
    SSLUserName SSL_CLIENT_S_DN_CN
    MLServerRole Contributor provider=httpd user bob
    MLServerRole Reader valid-user
""")).start()
    said = ask_with(server, certificates, "bob").json()
    assert said["user"] == "bob" and said["provider"] == "httpd"
    assert said["role"] == "Contributor" and said["ambient"] is True
    assert ask_with(server, certificates, None).json()["user"] is None


def test_a_client_certificate_as_basic_user(make_httpd, certificates):
    """FakeBasicAuth: the name is the subject."""
    def config(httpd):
        text = tls_config(certificates, """
    SSLOptions +FakeBasicAuth
    AuthType Basic
    AuthName people
    AuthBasicProvider file
    Require valid-user
    MLServerRole Owner provider=httpd user "/O=Example/CN=bob"
""")(httpd)
        users = httpd.root / "certificate-users"
        # What mod_ssl gives everybody as the password: "password".
        users.write_text(subprocess.run(
            ["htpasswd", "-nbB", "-C", "4", "/O=Example/CN=bob", "password"],
            check=True, capture_output=True, text=True).stdout)
        users.chmod(0o644)
        return text.replace(str(httpd.users), str(users))
    server = make_httpd(ports=2, modules=["ssl", "socache_shmcb"],
                        config=config).start()
    said = ask_with(server, certificates, "bob").json()
    assert said["user"] == "/O=Example/CN=bob" and said["role"] == "Owner"
    assert ask_with(server, certificates, None).status_code == 401


# --- Kerberos ---

def kerberos_is_missing():
    for program in ("kinit", "curl"):
        if not shutil.which(program):
            return program + " is not installed"
    if not os.path.exists(os.path.join(env.MODULES, "mod_auth_gssapi.so")):
        return "mod_auth_gssapi is not installed"
    said = subprocess.run(["curl", "--version"], capture_output=True,
                          text=True).stdout
    return None if "SPNEGO" in said or "GSS-API" in said else \
        "curl has no Negotiate"


@pytest.mark.skipif(kerberos_is_missing() is not None,
                    reason=str(kerberos_is_missing()))
def test_kerberos_signs_people_in(domain, make_httpd, tmp_path):
    def config(httpd):
        keytab = httpd.root / "http.keytab"
        shutil.copy(domain.http_keytab, keytab)
        keytab.chmod(0o644)
        return ldapconf.global_lines(timeout=5) + server_lines(httpd) + \
            location(httpd, extra="""
    AuthType GSSAPI
    AuthName domain
    GssapiCredStore keytab:%s
    GssapiAllowedMech krb5
    Require valid-user
    MLServerUserName strip-realm=EXAMPLE.TEST lower-case
    AuthLDAPURL "ldap://%s:389/CN=Users,%s?sAMAccountName"
    AuthLDAPBindDN "Administrator@example.test"
    AuthLDAPBindPassword "%s"
    LDAPReferrals Off
    MLServerRole Owner ldap-group CN=ml-admins,CN=Users,%s
    MLServerRole Reader valid-user
""" % (keytab, domain.address, domain.BASE, domain.PASSWORD, domain.BASE))
    server = make_httpd(config=config, modules=[
        "ldap", "authnz_ldap", "auth_gssapi"]).start()
    environment = {**os.environ, "KRB5_CONFIG": str(domain.kerberos_conf()),
                   "KRB5CCNAME": "FILE:%s/ccache" % tmp_path}

    def ask(method="GET", path="/admin/api/me", *more):
        said = subprocess.run(
            ["curl", "-s", "--negotiate", "-u", ":", "-w", "\n%{http_code}",
             "-X", method, *more,
             "http://localhost:%d%s" % (server.port, path)],
            capture_output=True, text=True, env=environment).stdout
        return int(said.rpartition("\n")[2]), said

    def sign_in(name):
        subprocess.run(["kinit", name + "@EXAMPLE.TEST"], text=True,
                       input=name + "-Pass1!\n", check=True,
                       env=environment, capture_output=True)
    assert ask()[0] == 401
    sign_in("ada")
    status, said = ask()
    assert status == 200, said
    assert '"user":"ada"' in said and '"provider":"httpd"' in said
    assert '"role":"Owner"' in said, said
    assert ask("POST", "/admin/api/roles/flush")[0] == 403
    assert ask("POST", "/admin/api/roles/flush", "-H",
               "X-Requested-With: curl")[0] == 204
    sign_in("dora")
    assert '"role":"Reader"' in ask()[1]
    assert ask("POST", "/admin/api/roles/flush", "-H",
               "X-Requested-With: curl")[0] == 403
