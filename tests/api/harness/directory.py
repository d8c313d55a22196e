# SPDX-License-Identifier: Apache-2.0
"""Real directories for tests: OpenLDAP's slapd, and a Samba Active Directory
domain controller, each in a folder of its own."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from . import env
from .httpd import free_ports, wait_until

SUFFIX = "dc=example,dc=test"
ADMIN_DN = "cn=root," + SUFFIX
ADMIN_PASSWORD = "root-pass"


def lacks(*programs):
    """What of the programs, and of httpd's way to a directory, is not
    installed, as a sentence; None when all is there."""
    for program in programs:
        if not shutil.which(program):
            return program + " is not installed (tools/serve/deps.sh test)"
    if not os.path.exists(os.path.join(env.MODULES, "mod_authnz_ldap.so")):
        return "httpd has no mod_authnz_ldap"
    if not any(list(pathlib.Path(root).glob("**/apr_ldap*.so"))
               for root in ("/usr/lib/x86_64-linux-gnu/apr-util-1",
                            "/usr/lib/aarch64-linux-gnu/apr-util-1",
                            "/usr/lib64/apr-util-1")):
        return "apr-util has no LDAP (libaprutil1-ldap, apr-util-ldap)"
    return None


def answers(address, port):
    try:
        socket.create_connection((address, port), 1).close()
        return True
    except OSError:
        return False


def certificate(folder, name="localhost"):
    """A certificate of its own authority; paths of (certificate, key)."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
         "30", "-subj", "/CN=" + name, "-addext",
         "subjectAltName=DNS:%s,IP:127.0.0.1" % name, "-keyout", key,
         "-out", cert], check=True, capture_output=True)
    return cert, key


class Slapd:
    """slapd on free ports: `port` (plain and StartTLS) and `tls_port`.

    People are uid=NAME,ou=people; groups cn=NAME,ou=groups (groupOfNames, may
    hold groups). Every password is NAME-pass.
    """

    def __init__(self, people, groups):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="slapd-"))
        self.port, self.tls_port = free_ports(2)
        self.certificate, key = certificate(self.folder)
        (self.folder / "db").mkdir()
        self.conf = self.folder / "slapd.conf"
        self.conf.write_text("""
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile {f}/slapd.pid
TLSCertificateFile {f}/cert.pem
TLSCertificateKeyFile {f}/key.pem
sizelimit 500
database mdb
suffix "{s}"
rootdn "{a}"
rootpw {p}
directory {f}/db
index objectClass,uid,member eq
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to * by * read
""".format(f=self.folder, s=SUFFIX, a=ADMIN_DN, p=ADMIN_PASSWORD))
        self._load(people)
        self.groups = groups
        self.process = None

    def _load(self, people):
        lines = ["dn: %s\nobjectClass: dcObject\nobjectClass: organization\n"
                 "o: example\ndc: example\n" % SUFFIX]
        lines += ["dn: ou=%s,%s\nobjectClass: organizationalUnit\nou: %s\n"
                  % (part, SUFFIX, part) for part in ("people", "groups")]
        lines += [self.person_entry(name) for name in people]
        ldif = self.folder / "start.ldif"
        ldif.write_text("\n".join(lines))
        subprocess.run(["slapadd", "-f", self.conf, "-l", ldif], check=True,
                       capture_output=True)

    @staticmethod
    def person_dn(name):
        return "uid=%s,ou=people,%s" % (name, SUFFIX)

    @staticmethod
    def group_dn(name):
        return "cn=%s,ou=groups,%s" % (name, SUFFIX)

    def person_entry(self, name):
        return ("dn: %s\nobjectClass: inetOrgPerson\nuid: %s\ncn: %s\n"
                "sn: %s\nmail: %s@example.test\nuserPassword: %s-pass\n"
                % (self.person_dn(name), name, name, name, name, name))

    def start(self):
        self.process = subprocess.Popen(
            ["slapd", "-f", self.conf, "-d", "0", "-h",
             "ldap://127.0.0.1:%d ldaps://127.0.0.1:%d"
             % (self.port, self.tls_port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: answers("127.0.0.1", self.port), what="slapd")
        for name, members in self.groups.items():
            self.add_group(name, members)
        self.groups = {}
        return self

    def add_group(self, name, members):
        """Members are people, or groups as @NAME. Over the protocol, since
        the memberOf overlay does not see what slapadd writes."""
        self.modify("dn: %s\nchangetype: add\nobjectClass: groupOfNames\n"
                    "cn: %s\n%s\n" % (
                        self.group_dn(name), name, "\n".join(
                            "member: " + (self.group_dn(m[1:]) if m[0] == "@"
                                          else self.person_dn(m))
                            for m in members)))

    def modify(self, ldif):
        subprocess.run(["ldapmodify", "-x", "-H",
                        "ldap://127.0.0.1:%d" % self.port, "-D", ADMIN_DN,
                        "-w", ADMIN_PASSWORD], input=ldif, text=True,
                       check=True, capture_output=True)

    def pause(self):
        """Still accepts connections, answers nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder)


class ActiveDirectory:
    """A Samba domain controller on a loopback address of its own.

    Needs root, because LDAP's ports are below 1024.
    """

    REALM, DOMAIN = "EXAMPLE.TEST", "EXAMPLE"
    BASE = "DC=example,DC=test"
    PASSWORD = "Adm1n-Pass!"

    def __init__(self, address="127.0.0.77"):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="samba-"))
        self.folder.chmod(0o755)
        self.address = address
        self.port, self.tls_port = 389, 636
        self.process = None
        self._tool("domain", "provision", "--targetdir=%s" % self.folder,
                   "--server-role=dc", "--realm=" + self.REALM,
                   "--domain=" + self.DOMAIN, "--adminpass=" + self.PASSWORD,
                   "--dns-backend=NONE",
                   "--option=vfs objects = dfs_samba4 acl_xattr",
                   configured=False)
        self.conf = self.folder / "etc/smb.conf"

    def _tool(self, *words, configured=True):
        command = ["samba-tool", *words]
        if configured:
            command += ["-s", str(self.conf)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    # Several changes in one process: samba-tool takes a second for each.
    CHANGE = """
import json, sys
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
lp = LoadParm()
lp.load(sys.argv[1])
db = SamDB(url=lp.samdb_url(), session_info=system_session(), lp=lp)
for step in json.load(sys.stdin):
    getattr(db, step[0])(*step[1:])
"""

    def populate(self, users, groups, disabled=(), expired=()):
        """Users have the password NAME-Pass1! and the principal
        NAME@example.test; groups hold users and groups made before them.
        Expired accounts ended yesterday."""
        steps = [["newuser", name, name + "-Pass1!"] for name in users]
        for name, members in groups.items():
            steps += [["newgroup", name],
                      ["add_remove_group_members", name, members]]
        steps += [["disable_account", "(sAMAccountName=%s)" % name]
                  for name in disabled]
        steps += [["setexpiry", "(sAMAccountName=%s)" % name, 0]
                  for name in expired]
        done = subprocess.run(["/usr/bin/python3", "-c", self.CHANGE,
                               str(self.conf)], input=json.dumps(steps),
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def user_dn(self, name):
        return "CN=%s,CN=Users,%s" % (name, self.BASE)

    def keytab(self, principal, path):
        """Make a service account that has `principal`; write its key."""
        self.populate(["service"], {})
        self._tool("spn", "add", principal, "service")
        self._tool("domain", "exportkeytab", str(path),
                   "--principal=%s@%s" % (principal, self.REALM))

    def kerberos_conf(self):
        """A krb5.conf that finds this domain without DNS."""
        path = self.folder / "client-krb5.conf"
        path.write_text("""[libdefaults]
default_realm = {r}
dns_lookup_kdc = false
dns_lookup_realm = false
dns_canonicalize_hostname = false
rdns = false
[realms]
{r} = {{
  kdc = {a}
}}
[domain_realm]
localhost = {r}
""".format(r=self.REALM, a=self.address))
        return path

    def start(self, services="ldap kdc"):
        (self.folder / "pid").mkdir(exist_ok=True)
        options = ["server services=" + services, "ldap server require strong auth=no",
                   "interfaces=%s/8" % self.address,
                   "bind interfaces only=yes",
                   "pid directory=%s/pid" % self.folder]
        self.process = subprocess.Popen(
            ["samba", "-s", self.conf, "-F", "-M", "single", "--no-process-group"]
            + ["--option=" + text for text in options],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        wait_until(lambda: answers(self.address, self.port), 60,
                   "the domain controller")
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
