#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Publish a PMML file and score a row, with the Python standard library alone.

usage: publish.py URL USER PASSWORD MODEL NAME VERSION [ROW]

ROW is a JSON object such as '{"Petal.Length": 1.4, "Petal.Width": 0.2}'.
docs/howto/publish-from-python.md does the same with the client package.
"""
import json
import sys
import urllib.error
import urllib.request
import uuid


def call(method, url, body=None, token=None, content_type="application/json"):
    """Send a request; return the decoded JSON answer."""
    request = urllib.request.Request(url, data=body, method=method)
    request.add_header("Content-Type", content_type)
    if token:
        request.add_header("Authorization", "Bearer " + token)
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit("%s %s: %d %s" % (method, url, error.code,
                                   error.read().decode("utf-8", "replace")))


def multipart(fields, name, content):
    """Encode text fields and one file as multipart/form-data."""
    boundary = uuid.uuid4().hex
    lines = []
    for key, value in fields.items():
        lines.append('--%s\r\nContent-Disposition: form-data; name="%s"'
                     "\r\n\r\n%s\r\n" % (boundary, key, value))
    lines.append('--%s\r\nContent-Disposition: form-data; name="%s"; '
                 'filename="%s"\r\n\r\n' % (boundary, name, name))
    body = "".join(lines).encode() + content
    body += ("\r\n--%s--\r\n" % boundary).encode()
    return body, "multipart/form-data; boundary=" + boundary


def main():
    """Log in, publish, score."""
    if len(sys.argv) not in (7, 8):
        sys.exit(__doc__)
    url, user, password, path, name, version = sys.argv[1:7]
    login = json.dumps({"username": user, "password": password}).encode()
    token = call("POST", url + "/login", login)["access_token"]

    with open(path, "rb") as file:
        body, content_type = multipart({"description": "From publish.py"},
                                       "model", file.read())
    print(call("POST", "%s/realtime-services/%s/%s" % (url, name, version),
               body, token, content_type))
    if len(sys.argv) == 8:
        row = json.dumps({"inputData": [json.loads(sys.argv[7])]}).encode()
        answer = call("POST", "%s/api/%s/%s" % (url, name, version), row, token)
        print(json.dumps(answer["outputParameters"]["outputData"]))


if __name__ == "__main__":
    main()
