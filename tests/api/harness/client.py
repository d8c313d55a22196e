# SPDX-License-Identifier: Apache-2.0
"""requests with the contract's words: log in, publish, score."""
import json

import requests


class Client:
    """One caller: a base URL, a connection pool, perhaps a token."""

    def __init__(self, base, token=None):
        self.base = base
        self.token = token
        self.session = requests.Session()
        self.session.trust_env = False

    def close(self):
        self.session.close()

    def request(self, method, path, headers=None, timeout=60, **options):
        headers = dict(headers or {})
        if self.token and "Authorization" not in headers:
            headers["Authorization"] = "Bearer " + self.token
        return self.session.request(method, self.base + path, headers=headers,
                                    timeout=timeout, **options)

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, **options):
        return self.request("POST", path, **options)

    def patch(self, path, **options):
        return self.request("PATCH", path, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)

    # --- the contract ---

    def login(self, user, password):
        """Log in; keep the token for later calls; return the answer's JSON."""
        answer = self.post("/login", json={"username": user,
                                           "password": password})
        answer.raise_for_status()
        self.token = answer.json()["access_token"]
        return answer.json()

    @staticmethod
    def _parts(model, description, alias, verify):
        parts = {}
        if description is not None:
            parts["description"] = (None, description)
        if alias is not None:
            parts["operationId"] = (None, alias)
        if model is not None:
            parts["model"] = ("model", model)
        if verify is not None:
            parts["verify"] = ("verify", verify)
        return parts

    def publish(self, name, version, model, description="a test's model",
                alias=None, verify=None, method="POST", **options):
        """Publish a realtime service; returns the answer unchecked."""
        path = "/realtime-services/" + name
        if version is not None:
            path += "/" + version
        return self.request(method, path, files=self._parts(
            model, description, alias, verify), **options)

    def redeploy(self, name, version, model=None, description=None,
                 alias=None, **options):
        return self.publish(name, version, model, description, alias,
                            method="PATCH", **options)

    def score(self, name, version, columns, **options):
        """POST {"inputData": columns}; returns the answer unchecked."""
        return self.post("/api/%s/%s" % (name, version),
                         json={"inputData": columns}, **options)

    def scored(self, name, version, columns):
        """The output columns of an answer that must be good."""
        answer = self.score(name, version, columns)
        assert answer.status_code == 200, answer.text
        return answer.json()["outputParameters"]["outputData"]


def is_error(answer, status):
    """Is this the contract's error object with that status? Returns its
    message; fails naming what is wrong."""
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    assert answer.headers["Content-Type"].startswith("application/json"), \
        answer.headers
    body = json.loads(answer.text)
    assert set(body) >= {"message", "link", "exceptionType"}, body
    assert isinstance(body["message"], str) and body["message"], body
    return body["message"]
