#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every route has a permission, an operation in docs/api/openapi.json, a
declared handler, and a test that asks it; the document has no other ones."""
import json
import re

from tap import ROOT, Tap, files, text

tap = Tap()
ROUTE = re.compile(r'\{\s*"([A-Z]+)",\s*"(/[^"]*)",\s*(\w+),\s*(\w+),\s*'
                   r'"([^"]*)"\s*\}')
source = text("mod_mlserver/http/routes.c")
routes = ROUTE.findall(source)
tap.say("the table was read", [] if len(routes) == len(re.findall(
    r'^\s*\{\s*"[A-Z]+",', source, re.M)) and routes else ["not wholly"])

permissions = set(re.findall(r"\bMLS_PERMIT_\w+", text(
    "lib/mls/auth/policy.h")))
tap.say("each route names a permission of policy.h", [
    "%s %s: %s" % (method, path, permission)
    for method, path, permission, _, _ in routes
    if permission not in permissions])

declared = text("mod_mlserver/api/api.h")
tap.say("each handler is declared in api.h and defined in api/", [
    handler for _, _, _, handler, _ in routes
    if not re.search(r"\b%s\(" % handler, declared)
    or not any(re.search(r"^int %s\(" % handler, text(name), re.M)
               for name in files("mod_mlserver/api/*.c"))])

contract = ROOT / "docs" / "api" / "openapi.json"
if contract.exists():
    document = json.loads(contract.read_text(encoding="utf-8"))
    operations = {(method.upper(), path): body.get("operationId")
                  for path, methods in document["paths"].items()
                  for method, body in methods.items()
                  if method in ("get", "post", "put", "patch", "delete")}
    tap.say("each route is in docs/api/openapi.json under its operation", [
        "%s %s %s" % (method, path, operation)
        for method, path, _, _, operation in routes
        if operations.get((method, path)) != operation])
    served = {(method, path) for method, path, _, _, _ in routes}
    tap.say("docs/api/openapi.json has no route that is not served", [
        "%s %s" % key for key in operations if key not in served])
    tap.say("each operation says what it answers and needs", [
        "%s %s" % key for key in operations
        for body in [document["paths"][key[1]][key[0].lower()]]
        if not body.get("responses") or not body.get("summary")])
else:
    tap.say("docs/api/openapi.json exists", ["it does not"])

tests = "".join(text(name) for name in files("tests/api/*.py"))
CLIENT = {  # what harness/client.py's words ask
    ("POST", "/realtime-services/{name}/{version}"): r"\.publish\(",
    ("POST", "/realtime-services/{name}"): r"\.publish\(\w+, None,",
    ("PATCH", "/realtime-services/{name}/{version}"): r"\.redeploy\(",
    ("POST", "/api/{name}/{version}"): r"\.scored?\(",
}


def asked(method, path):
    pattern = CLIENT.get((method, path))
    if not pattern:
        literal = re.sub(r"\\\{\w+\\\}", r"[^/\"]+", re.escape(path))
        pattern = r"\.%s\(\s*\"%s(\"|\?)" % (method.lower(), literal)
        pattern += r"|\"%s\", \"%s\"|\"%s\", \"%s\"" % (
            method, literal, literal, method)
        if method == "GET":
            pattern += r"|\"%s\"" % literal
    return re.search(pattern, tests)


tap.say("a test asks each route", [
    "%s %s" % (method, path) for method, path, _, _, _ in routes
    if not asked(method, path)])
tap.finish()
