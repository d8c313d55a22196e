# SPDX-License-Identifier: Apache-2.0
"""mlserverctl keys: one signing key for several servers."""

import base64
import json
import os
import stat

import pytest
from daemon import LIFETIMES
from test_ctl import Ctl


@pytest.fixture
def pair(make_daemon, folder):
    """Two servers with states of their own, and their mlserverctl."""
    made = []
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name).chmod(0o755)
        daemon = make_daemon(where=folder / name).start()
        made.append((daemon, Ctl(daemon)))
    return made


def kids(daemon):
    keys = json.loads((daemon.state / "keys.jwks").read_text())["keys"]
    assert all("d" not in key for key in keys), "a private part is out"
    return [key["kid"] for key in keys]


def signer(daemon):
    token = daemon.registry().ask("token.issue", subject={
        "provider": "file", "name": "a"}, **LIFETIMES)["access"]
    head = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(
        head + "=" * (-len(head) % 4)))["kid"]


def test_an_exported_key_is_private_and_new(pair, folder):
    (daemon, ctl), _ = pair
    target = folder / "key"
    assert kids(daemon)[0] in ctl("keys", "export", target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    key = json.loads(target.read_text())
    assert key["kid"] == kids(daemon)[0] and key["d"]
    ctl("keys", "export", target, code=1)
    assert json.loads(target.read_text()) == key
    daemon.stop()
    ctl("keys", "export", folder / "again")
    assert json.loads((folder / "again").read_text()) == key


def test_an_imported_key_signs_and_the_old_one_stays(pair, folder):
    (one, ctl_one), (two, ctl_two) = pair
    own = signer(two)
    ctl_one("keys", "export", folder / "key")
    assert signer(one) in ctl_two("keys", "import", folder / "key")
    assert signer(two) == signer(one) != own
    assert own in kids(two), "tokens of the old key must stay good"
    assert kids(two).count(signer(one)) == 1
    ctl_two("keys", "import", folder / "key")  # again: nothing changes
    assert kids(two).count(signer(one)) == 1
    two.stop()
    two.start()
    assert signer(two) == signer(one) and own in kids(two)


def test_a_trusted_key_is_known_before_it_signs(pair, folder):
    (one, ctl_one), (two, ctl_two) = pair
    own = signer(two)
    ctl_one("keys", "rotate")
    ctl_one("keys", "export", folder / "key")
    ctl_two("keys", "trust", folder / "key")
    assert set(kids(two)) == {own, signer(one)} and signer(two) == own
    ctl_two("keys", "import", folder / "key")
    assert signer(two) == signer(one)
    assert kids(two).count(signer(one)) == 1 and own in kids(two)
    two.stop()
    two.start()
    assert signer(two) == signer(one)
    assert kids(two).count(signer(one)) == 1 and own in kids(two)


@pytest.mark.parametrize("text", [
    "", "{}", "null", "[]", "no json", '{"kty":"oct","k":"AAAA","kid":"a"}',
    '{"kty":"EC","crv":"P-256","kid":"a","x":"AA","y":"AA","d":"AA"}'])
def test_what_is_no_key_is_refused(pair, folder, text):
    daemon, ctl = pair[0]
    before = kids(daemon)
    (folder / "key").write_text(text)
    for word in ("import", "trust"):
        assert "not a signing key" in ctl("keys", word, folder / "key",
                                          code=2)
    ctl("keys", "import", folder / "none", code=2)
    assert kids(daemon) == before


def test_a_key_s_id_never_leads_out_of_the_folder(pair, folder):
    (daemon, ctl), (_, other) = pair
    other("keys", "export", folder / "key")
    key = json.loads((folder / "key").read_text())
    before = sorted(os.listdir(daemon.state / "keys"))
    for kid in ("../evil", "/tmp/evil", "a.until-1", "", "a" * 300, "a" * 65,
                7, None):
        (folder / "bad").write_text(json.dumps({**key, "kid": kid}))
        ctl("keys", "import", folder / "bad", code=2)
        ctl("keys", "trust", folder / "bad", code=2)
    assert sorted(os.listdir(daemon.state / "keys")) == before


def test_a_public_key_is_not_enough(pair, folder):
    (daemon, ctl), (_, other) = pair
    other("keys", "export", folder / "key")
    key = json.loads((folder / "key").read_text())
    del key["d"]
    (folder / "public").write_text(json.dumps(key))
    ctl("keys", "import", folder / "public", code=2)
    assert signer(daemon) == kids(daemon)[0]
