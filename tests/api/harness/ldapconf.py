# SPDX-License-Identifier: Apache-2.0
"""What an administrator writes to log people in through a directory."""
from .directory import ADMIN_DN, ADMIN_PASSWORD, SUFFIX

MODULES = ["ldap", "authnz_ldap", "authz_groupfile"]


def global_lines(certificate=None, timeout=2):
    """Outside of all sections: short timeouts, no second cache."""
    return """
LDAPTimeout %d
LDAPConnectionTimeout %d
LDAPRetries 1
LDAPCacheEntries 0
LDAPOpCacheEntries 0
%s""" % (timeout, timeout, "LDAPTrustedGlobalCert CA_BASE64 %s\n" % certificate
         if certificate else "")


def openldap_lines(directory, scheme="ldap", mode="", bind_dn=ADMIN_DN,
                   password=ADMIN_PASSWORD, host="127.0.0.1", filter_=""):
    """In the Location."""
    port = directory.tls_port if scheme == "ldaps" else directory.port
    return """    AuthLDAPURL "%s://%s:%d/ou=people,%s?uid?sub%s" %s
    AuthLDAPBindDN "%s"
    AuthLDAPBindPassword "%s"
    LDAPReferrals Off
    MLServerDirectoryTimeout 2s
""" % (scheme, host, port, SUFFIX, "?" + filter_ if filter_ else "", mode,
       bind_dn, password)
