# SPDX-License-Identifier: Apache-2.0
"""Each MPM once: start, publish, score from many threads, redeploy, stop."""
import json

import pytest

from harness import models
from harness.load import Load


@pytest.mark.parametrize("mpm", ["prefork", "worker", "event"])
def test_a_life_under(make_httpd, mpm):
    server = make_httpd(mpm=mpm)
    server.start()
    client = server.client("alice")
    assert client.publish("m", "1", models.linear(2)).status_code == 201

    def good(status, text):
        return status == 200 and json.loads(text)["outputParameters"][
            "outputData"]["y"] in ([2], [3], [4])
    with Load(server, client.token, "/api/m/1", {"inputData": {"x": [1]}},
              good, threads=6) as load:
        for slope in (3, 4, 2) * 5:
            assert client.redeploy("m", "1", models.linear(slope)
                                   ).status_code == 200
            assert client.scored("m", "1", {"x": [1]}) == {"y": [slope]}
        server.graceful()
        before = load.count
        from harness.httpd import wait_until
        wait_until(lambda: load.count > before + 300, 30, "load")
    assert load.failures == []
    assert client.delete("/services/m/1").status_code == 200
