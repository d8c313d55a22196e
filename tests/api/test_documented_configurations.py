# SPDX-License-Identifier: Apache-2.0
"""The configurations that docs/howto shows are good ones: httpd takes them
without an error and without a warning of ours."""
import os
import re
import subprocess

import pytest

from harness import env
from harness.httpd import Httpd, server_lines

MODULES = ["ldap", "authnz_ldap", "authz_groupfile", "ssl", "socache_shmcb",
           "auth_gssapi"]


def blocks():
    for page in sorted((env.ROOT / "docs" / "howto").glob("*.md")):
        found = re.findall(r"^ *```apache\n(.*?)^ *```", page.read_text(),
                           re.M | re.S)
        for number, text in enumerate(found):
            yield pytest.param(text, id="%s-%d" % (page.stem, number))


def prepared(text, server):
    """Names of this machine's files for those of the example."""
    text = re.sub(r"^LoadModule .*$", "", text, flags=re.M)
    for name in ("users", "groups", "ldap-password", "http.keytab"):
        path = server.root / ("example-" + name)
        path.write_text("secret\n")
        text = text.replace("/etc/mlserver/" + name, str(path))
    authority = server.root / "example-ca.pem"
    if not authority.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048",
                        "-nodes", "-subj", "/CN=ca", "-keyout", "/dev/null",
                        "-out", authority], check=True, capture_output=True)
    return text.replace("/etc/ssl/certs/example-ca.pem", str(authority))


def test_there_are_some():
    assert len(list(blocks())) >= 7


@pytest.mark.parametrize("text", blocks())
def test_a_documented_configuration_is_good(text):
    if "Gssapi" in text and not os.path.exists(os.path.join(
            env.MODULES, "mod_auth_gssapi.so")):
        pytest.skip("mod_auth_gssapi is not installed")
    modules = [name for name in MODULES
               if name != "auth_gssapi" or "Gssapi" in text]
    server = Httpd(modules=modules)
    try:
        good, said = server.configtest(server_lines(server)
                                       + prepared(text, server))
        assert good, said
        assert "mlserver" not in said and "LDAP" not in said, said
    finally:
        server.remove()
