# SPDX-License-Identifier: Apache-2.0
"""The server that the console is driven against: places, people, services.

One httpd, one state, several places that people reach the console at:

/             as `make serve` has it
/short        access tokens that end after two seconds
/basic        httpd itself asks for a name and password
port 2 /outer a reverse proxy in front of the first port
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(TESTS.parent / "api"))

from harness import env, models  # noqa: E402
from harness.httpd import Httpd, location, server_lines  # noqa: E402

HOSTILE = ("<img src=x onerror=alert(1)><b>bold</b>{{7*7}}"
           "</script><script>alert(2)</script>")
# Readers are told apart where the configuration knows roles.
ROLES = """
    MLServerRole Owner user admin
    MLServerRole Contributor user alice bob
    MLServerRole Reader user carol dave
"""


def console_lines(mount, htdocs, parts):
    """The console's part of conf/serve.conf.in, for a mount path."""
    text = (env.ROOT / "conf" / "serve.conf.in").read_text()
    text = text[text.index("# The console:"):]
    text = text.replace("@HTDOCS@", str(htdocs)).replace("@PARTS@", str(parts))
    if mount:
        text = re.sub(r'(Alias|Location) "/console',
                      r'\1 "%s/console' % mount, text)
        text = text.replace('"^/console$" "/console/"',
                            '"^%s/console$" "%s/console/"' % (mount, mount))
        text = re.sub(r"<Directory.*</Directory>\n", "", text, flags=re.S)
    return text


def knows_roles():
    """Is there a directive for roles in this build?"""
    return b"\0MLServerRole\0" in (
        env.BUILD / "modules" / "mod_mlserver.so").read_bytes()


def config(server):
    htdocs, parts = places(server)
    roles = ROLES if knows_roles() else ""
    return server_lines(server) + "".join([
        location(server, "/", roles),
        location(server, "/short", roles + "    MLServerTokenLifetime 2s\n"),
        location(server, "/basic", roles + """
    AuthType Basic
    AuthName people
    AuthBasicProvider file
    Require valid-user
"""),
        # After the places of the interface: the last section that fits counts.
        console_lines("/short", htdocs, parts),
        console_lines("/basic", htdocs, parts),
        console_lines("", htdocs, parts), """
AddType text/html .html
AddType text/css .css
AddType text/javascript .js
AddType image/svg+xml .svg
AddDefaultCharset utf-8
<VirtualHost 127.0.0.1:{outer}>
    ProxyPass "/outer/" "http://127.0.0.1:{inner}/"
    ProxyPassReverse "/outer/" "http://127.0.0.1:{inner}/"
    <Location "/outer/">
        MLServer Off
        Require all granted
    </Location>
</VirtualHost>
""".format(outer=server.ports[1], inner=server.ports[0])])


def places(server):
    """Where htdocs and the parts lie that httpd serves: copies that its user
    can read, or the tree itself while somebody works on it."""
    if os.environ.get("MLS_CONSOLE_LIVE"):
        return env.ROOT / "htdocs", env.BUILD / "console" / "vendor"
    copy = server.root / "console"
    if not copy.exists():
        shutil.copytree(env.ROOT / "htdocs", copy / "htdocs")
        shutil.copytree(env.BUILD / "console" / "vendor", copy / "vendor")
        subprocess.run(["chmod", "-R", "a+rX", copy], check=True)
    return copy / "htdocs", copy / "vendor"


def good(answer):
    assert answer.status_code < 300, answer.text
    return answer


def publish_code(client, name, version, code, inputs=(), outputs=(), **more):
    good(client.post("/services/%s/%s" % (name, version), json={
        "runtimeType": "Python", "code": code,
        "inputParameterDefinitions": [{"name": n, "type": t}
                                      for n, t in inputs],
        "outputParameterDefinitions": [{"name": n, "type": t}
                                       for n, t in outputs], **more}))


def populate(server):
    """Services of two publishers, one of them with hostile texts, and calls."""
    alice, bob = server.client("alice"), server.client("bob")
    good(alice.publish("iris", "1.0", models.iris(),
                       "Iris species from petal measures"))
    good(alice.publish("iris", "1.1", models.iris().replace(
        b"2.45", b"2.50"), "Iris species, boundary moved"))
    good(alice.publish("typed-inputs", "1.0", models.typed(),
                       "One input of each type"))
    good(bob.publish("credit-risk", "3.2.0", models.forest(40, 8),
                     "Scores a loan application"))
    good(alice.publish("hostile", "1.0", models.linear(2), HOSTILE,
                       alias="consume"))
    for version, rate in (("1.0", "0.03"), ("1.1", "0.031")):
        publish_code(alice, "fuel", version,
                     "answer = 39.4 - %s * hp - 3.9 * wt" % rate,
                     [("hp", "numeric"), ("wt", "numeric")],
                     [("answer", "numeric")],
                     initCode="import math\nscale = math.pi",
                     description="Miles per gallon")
    publish_code(bob, "broken", "0.1",
                 "print(%r)\nraise ValueError(%r)" % (HOSTILE, HOSTILE),
                 [("x", "numeric")], [("y", "numeric")],
                 description="Always fails")
    publish_code(alice, "hostile-code", "1",
                 "# %s\nprint(%r)\ntext = %r" % (HOSTILE, HOSTILE, HOSTILE),
                 [], [("text", "character")], description=HOSTILE)
    session = good(alice.post("/sessions", json={
        "name": "explore", "runtimeType": "Python"})).json()["sessionId"]
    good(alice.post("/sessions/%s/snapshot" % session,
                    json={"name": "after loading"}))
    good(alice.post("/services/fuel/1.1/pool",
                    json={"InitialPoolSize": 1, "MaxPoolSize": 2}))
    for i in range(60):
        alice.score("iris", "1.0", {"Petal.Length": [1 + i / 10],
                                    "Petal.Width": [i / 30]})
        bob.score("credit-risk", "3.2.0",
                  {"x%d" % j: [0.1 * i] for j in range(8)})
    for i in range(3):
        alice.post("/api/fuel/1.1", json={"hp": 100 + i, "wt": 2.5})
        bob.post("/api/broken/0.1", json={"x": 1})
    alice.score("iris", "1.0", {"No.Such": [1]})
    return server


def make():
    server = Httpd(config=config, ports=2, modules=[
        "proxy", "proxy_http"])
    server.start()
    return populate(server)
