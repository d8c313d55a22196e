// SPDX-License-Identifier: Apache-2.0
// Answers as the contract of /admin/api/ has them, for pages that need a certain
// state (many pools, a failing service) and for texts that the server would refuse.

const now = Date.now();
const ago = (seconds) => new Date(now - seconds * 1000).toISOString();

/** All of them, with `text` in every field that is text. */
export function answers(text = (plain) => plain) {
  const t = text;
  const points = Array.from({ length: 60 }, (_, i) => {
    const requests = Math.round(900 + 300 * Math.sin(i / 7) + ((i * 37) % 90));
    return { time: ago((59 - i) * 60), requests, errors: i > 45 ? 9 : i % 9 === 0 ? 1 : 0, p50Milliseconds: 1.1 + 0.2 * Math.sin(i / 5), p95Milliseconds: 2.2 + 0.5 * Math.sin(i / 4), p99Milliseconds: 4.1 + Math.cos(i / 3) };
  });
  const condition = (role, condition_, result) => ({ role, condition: t(condition_), source: t("configuration, httpd.conf:41"), result, detail: t("asked in 3 ms") });
  return {
    "GET /admin/api/roles": { declared: [{ role: "Owner", condition: t("user admin"), file: t("/etc/apache2/conf/mlserver.conf"), line: 41 }, { role: "Contributor", condition: t("ldap-group CN=data-science,OU=Groups,DC=example,DC=test"), file: t("/etc/apache2/conf/mlserver.conf"), line: 42 }],
      mappings: [{ id: "m1", role: "Contributor", condition: t("user bob"), comment: t("until the group exists"), changedBy: t("admin"), changedAt: ago(86400 * 19) }, { id: "m2", role: "Reader", condition: t('expr %{SSL_CLIENT_S_DN_O} == "Example Services"'), comment: "", changedBy: t("admin"), changedAt: ago(7200) }],
      implicitRole: "none", membershipCacheSeconds: 3600 },
    "POST /admin/api/roles/flush": null,
    "POST /admin/api/roles/mappings": { id: "m3" },
    "PUT /admin/api/roles/mappings/{id}": { status: 409, message: t("the change would take your own Owner role away: you are Owner through this mapping only"), link: "", exceptionType: "conflict" },
    "DELETE /admin/api/roles/mappings/{id}": null,
    "GET /admin/api/explain-user": { user: t("j.okafor"), normalised: t("j.okafor"), provider: t("ldap"), dn: t("CN=Joy Okafor,OU=Risk,OU=People,DC=example,DC=test"), groups: [t("fraud-team"), t("risk-modelling"), t("data-science")],
      conditions: [condition("Owner", "user admin", "no"), condition("Contributor", "ldap-group CN=data-science,OU=Groups,DC=example,DC=test", "matched"), condition("Reader", "ldap-group CN=app-developers,DC=example,DC=test", "error")],
      role: "Contributor", reason: t("member of data-science through two nested groups"), lastFailedLogin: { time: ago(4000), reason: t("wrong password") } },
    "GET /admin/api/permissions": { roles: ["Owner", "Contributor", "Reader", "none"], operations: [["login", "POST", "/login", "anyone", "yes", "yes", "yes", "yes"], ["services", "GET", "/services", "list", "yes", "yes", "yes", "no"], ["deleteService", "DELETE", "/services/{name}/{version}", "change", "any", "own", "no", "no"], ["audit", "GET", "/admin/api/audit", "admin", "yes", "no", "no", "no"]]
      .map(([operation, method, path, permission, Owner, Contributor, Reader, none]) => ({ operation, method, path: t(path), permission, Owner, Contributor, Reader, none })) },
    "GET /admin/api/services/{name}/{version}/permissions": { owner: t("alice"), rows: [{ who: t("alice"), role: "Contributor", may: ["read", "consume", "change", "delete", "code"], why: t("published it") }, { who: t("Owners"), role: "Owner", may: ["read", "consume", "change", "delete", "code"], why: t("Owners may do everything") }, { who: t("everybody who signs in"), role: "Reader", may: ["read", "consume"], why: t("Readers list and call services") }] },
    "GET /admin/api/tokens": { items: [{ id: "4f8c1c11-0a1b-4c3e-9d1e-000000000001", user: t("alice"), createdAt: ago(9000), lastUsedAt: ago(60), expiresAt: ago(-1200000), address: t("192.0.2.7"), userAgent: t("Mozilla/5.0 (X11; Linux x86_64)"), current: true }, { id: "4f8c1c11-0a1b-4c3e-9d1e-000000000002", user: t("alice"), createdAt: ago(90000), lastUsedAt: ago(80000), expiresAt: ago(-900000), address: t("192.0.2.9"), userAgent: t("python-requests/2.31"), current: false }], nextCursor: null },
    "DELETE /admin/api/tokens/{id}": null,
    "DELETE /admin/api/tokens": null,
    "GET /admin/api/audit": { items: [["admin", "POST", "addRoleMapping", "roles/mappings/m2", "success", 201], ["bob", "POST", "publishRealtimeWebService", "credit-risk/3.2.0", "success", 201], [null, "POST", "login", "", "refused", 401], ["alice", "DELETE", "deleteWebServiceVersion", "fuel/0.9", "success", 200]]
      .map(([user, , operation, target, outcome, status], i) => ({ time: ago(60 + i * 777), requestId: `1204-8bd1-77a${i}`, user: user && t(user), role: "Owner", address: t("192.0.2.17"), operation: t(operation), target: t(target), outcome: t(outcome), status, durationMilliseconds: 3.2 * (i + 1), detail: t(i ? "" : "Contributor, 2 values changed") })), nextCursor: null },
    "GET /admin/api/usage": { since: ago(3600 * 5), items: [{ name: "iris", version: "1.0", requests: 64012, errors: 2, requestsPerSecond: 17.4, p50Milliseconds: 0.8, p95Milliseconds: 1.9, p99Milliseconds: 2.2 }, { name: "credit-risk", version: "3.2.0", requests: 8123, errors: 340, requestsPerSecond: 212.3, p50Milliseconds: 1.2, p95Milliseconds: 3.1, p99Milliseconds: 9 }] },
    "GET /admin/api/usage/{name}/{version}": { points, stages: Object.fromEntries(["authorise", "parse", "wait", "run", "write"].map((s, i) => [s, { p50Milliseconds: 0.02 * (i + 1), p95Milliseconds: 0.07 * (i + 1) }])), statusCodes: { 200: 54000, 400: 120, 500: 3 } },
    "GET /admin/api/services/{name}/{version}/failures": { items: [{ time: ago(61), requestId: "9f04-11aa", status: 400, message: t("ValueError: x is out of range"), consoleOutput: t("loading\nrow 1 bad\n"), traceback: t('Traceback (most recent call last):\n  File "code", line 2\nValueError: x is out of range') }], nextCursor: null },
    "GET /admin/api/sessions": { items: [{ id: "5f0c12aa-aaaa-4bbb-8ccc-0123456789ab", user: t("alice"), name: t("explore"), runtimeType: "Python", state: t("idle"), createdAt: ago(4000), lastUsedAt: ago(100), memoryBytes: 88123456, diskBytes: 120400 }, { id: "6f0c12aa-aaaa-4bbb-8ccc-0123456789ab", user: t("bob"), name: "", runtimeType: "Python", state: t("busy"), createdAt: ago(90000), lastUsedAt: ago(3), memoryBytes: 412123456, diskBytes: 0 }], nextCursor: null },
    "DELETE /admin/api/sessions/{id}": null,
    "GET /admin/api/configuration": { httpd: t("Apache/2.4.71 (Debian)"), mlserver: t("1.0.0"), mpm: t("prefork"), directives: [{ name: "MLServerStateDir", value: t("/var/lib/mlserver"), file: t("/etc/apache2/conf/mlserver.conf"), line: 12, default: false }, { name: "MLServerMaxBody", value: t("64M"), file: null, line: null, default: true }] },
    "GET /admin/api/licences": { items: [{ name: t("json-c"), version: t("0.16"), licence: t("MIT"), use: t("JSON of management calls") }], nextCursor: null },
    "GET /admin/api/diagnostics": {},
    "POST /admin/api/models/inspect": { format: t("PMML 4.4"), kind: t("TreeModel"), producer: t("an exporter"), imageBytes: 2816, columns: [{ name: t("Petal.Length"), type: "numeric" }, { name: t("Species"), type: "character", levels: [t("setosa"), t("virginica")] }], outputs: [{ name: t("Predicted"), type: "character" }], bytes: 2345, verification: { result: t("passed"), cases: 12, maximumDifference: 1e-9 } },
    "GET /admin/api/pools": { items: [{ name: "fuel", version: "1.1", runtime: t("Python"), mode: t("fresh"), starting: 1, idle: 3, busy: 4, waiting: 6, memoryBytes: 820123456, limit: 8, dedicated: true, failure: t("ImportError: no module") }, { name: "broken", version: "0.1", runtime: t("Python"), mode: t("reused"), starting: 0, idle: 0, busy: 0, waiting: 0, memoryBytes: 0, limit: 4 }], nextCursor: null },
    "GET /admin/api/runtimes": { items: [{ name: t("Python"), version: t("3.11.2"), interpreter: t("/usr/bin/python3"), packages: [{ name: t("numpy"), version: t("1.24.2") }] }], nextCursor: null },
    "GET /services/{name}/{version}/pool": [{ ComputeNodeEndpoint: t("http://127.0.0.1:1"), Status: "Success", InitialPoolSize: 2, MaxPoolSize: 8, Starting: 0, Idle: 1, Busy: 1, Waiting: 3, MemoryBytes: 19408896, Failure: t("") || null }],
    "GET /admin/api/services/{name}/{version}/model": { format: t("PMML 4.4"), kind: t("TreeModel"), producer: t("an exporter"), bytes: 2932, imageBytes: 2816, sha256: "0f".repeat(32), changedAt: ago(600), columns: [{ name: t("Petal.Length"), type: "numeric", optional: true }, { name: t("Species"), type: "character", levels: [t("setosa"), t("virginica")] }], outputs: [{ name: t("Predicted"), type: t("character") }], verification: { result: "passed", cases: 12, maximumDifference: 1e-9 } },
  };
}

/** GET /admin/api/me: who asks with a token is `user`. */
export const meOf = (user, role) => (request) => (request.headers().authorization
  ? { user, provider: "file", role, roleReason: `user ${user}`, ambient: false, permissions: { publish: role === "Owner" || role === "Contributor", sessions: role === "Owner" || role === "Contributor", admin: role === "Owner" } }
  : { user: null, provider: null, role: "none", roleReason: "nobody is signed in", ambient: false, permissions: { publish: false, sessions: false, admin: false } });
