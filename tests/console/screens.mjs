// SPDX-License-Identifier: Apache-2.0
// Every screen, for every role, in both themes, on a desk and on a phone: no policy
// violation, no error, nothing that axe finds, no jump; a picture of each to look at.

import { test } from "node:test";
import { answers, meOf } from "./answers.mjs";
import { accessible, assert, desktop, open, phone, settled, shot, signIn, visit, world } from "./lib.mjs";

const screens = {
  services: "#/services", overview: "#/services/iris/1.0", try: "#/services/typed-inputs/1.0/try", score: "#/services/iris/1.0/score",
  versions: "#/services/iris/1.1/versions", code: "#/services/fuel/1.1/code", access: "#/services/iris/1.0/access", usage: "#/services/broken/0.1/usage",
  pool: "#/services/fuel/1.1/pool", api: "#/services/iris/1.0/api", publish: "#/publish", "publish-code": "#/publish/fuel", replace: "#/publish/iris?version=1.0",
  sessions: "#/sessions", "sessions-all": "#/sessions?of=all", pools: "#/pools", roles: "#/roles", explain: "#/roles/explain?name=alice", matrix: "#/roles/matrix",
  tokens: "#/tokens", "tokens-all": "#/tokens?of=all", audit: "#/audit", server: "#/server", configuration: "#/server/configuration",
  licences: "#/server/licences", "server-api": "#/server/api", "not-found": "#/nowhere", "no-service": "#/services/no-such-service",
};
/** What only Owners, or only those who publish, are shown. */
const forOwners = new Set(["sessions-all", "pools", "roles", "explain", "matrix", "tokens-all", "audit", "configuration"]);
const forPublishers = new Set(["publish", "publish-code", "replace", "sessions", "pool", "code"]);

/** Which screens a page offers depends on the endpoints that the server has. */
async function offered(page) {
  return page.evaluate(async () => {
    const { offers } = await import("./js/api.js");
    return Object.fromEntries(["me", "usage", "roles", "explain-user", "permissions", "tokens", "audit", "sessions", "configuration", "licences", "pools", "diagnostics", "models/inspect"].map((name) => [name, offers(`/admin/api/${name}`)])
      .concat([["access", offers("/admin/api/services/{name}/{version}/permissions")], ["usageOf", offers("/admin/api/usage/{name}/{version}")], ["pool", offers("/services/{name}/{version}/pool")]]));
  });
}
const needs = { access: "access", usage: "usageOf", pool: "pool", "sessions-all": "sessions", pools: "pools", roles: "roles", explain: "explain-user", matrix: "permissions", tokens: "tokens", "tokens-all": "tokens", audit: "audit", configuration: "configuration", licences: "licences" };

const looks = { "light-desk": ["light", desktop], "dark-desk": ["dark", desktop], "light-phone": ["light", phone], "dark-phone": ["dark", phone] };

/** Every screen in each of `some` looks, a picture of each; axe judges those of `judged`. */
async function walk(page, role, label, some, judged = some) {
  const there = await offered(page);
  for (const name of Object.keys(screens)) {
    if (needs[name] && !there[needs[name]]) continue;
    if (role !== "Owner" && forOwners.has(name)) continue;
    if (role === "Reader" && forPublishers.has(name)) continue;
    await page.emulateMedia({ colorScheme: looks[some[0]][0] });
    await page.setViewportSize(looks[some[0]][1]);
    await visit(page, screens[name]);
    await page.waitForTimeout(100);
    const shifts = await page.evaluate(() => window.shifts);
    assert.ok(shifts < 0.05, `${name} ${label} jumps by ${shifts}`);
    for (const look of some) {
      await page.emulateMedia({ colorScheme: looks[look][0] });
      await page.setViewportSize(looks[look][1]);
      await page.waitForTimeout(60);
      await shot(page, `${name}-${label}-${look}`);
      if (judged.includes(look)) await accessible(page, `${name} ${label} ${look}`);
    }
    const missing = name === "not-found" || name === "no-service";
    const alert = page.locator("main .note--fail h1, main [role=alert]");
    if (!missing) assert.deepEqual(await alert.allTextContents(), [], `${name} ${label} says something went wrong`);
    page.clean();
  }
}

const people = [["admin", "Owner"], ["alice", "Contributor"], ["carol", "Reader"]];

for (const [user, role] of people) {
  test(`${role}: every screen of the real server`, async (t) => {
    if (role === "Reader" && !world.readers) return t.skip("this build knows no Readers");
    const page = await open();
    await signIn(page, user);
    if (role === "Owner") await walk(page, role, "owner", Object.keys(looks), ["light-desk", "dark-phone"]);
    else await walk(page, role, role.toLowerCase(), ["light-desk"]);
    await page.context().close();
  });
}

test("every screen with much to show", async () => {
  const page = await open({ answers: { ...answers(), "GET /admin/api/me": meOf("admin", "Owner") } });
  await signIn(page, "admin");
  await walk(page, "Owner", "full", ["light-desk", "dark-phone"]);
  await page.context().close();
});

for (const [theme, size, where] of [["light", desktop, "desk"], ["dark", phone, "phone"]]) {
  test(`signing in, the menus and dialogs, ${theme}, on a ${where}`, async () => {
    const page = await open({ theme, size });
    await page.goto(`${page.base}/console/#/services/iris/1.0/try`);
    await settled(page);
    await shot(page, `sign-in-${theme}-${where}`);
    await accessible(page, "sign in");
    await signIn(page, "alice", "#/services/fuel/1.1/versions");
    await page.getByRole("button", { name: "Account menu" }).click();
    await accessible(page, "account menu");
    await shot(page, `account-${theme}-${where}`);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Delete 1.0" }).click();
    await page.getByRole("dialog").waitFor();
    await accessible(page, "delete dialog");
    await shot(page, `delete-${theme}-${where}`);
    await page.keyboard.press("Escape");
    await page.getByLabel("Compare 1.0").check();
    await page.getByLabel("Compare 1.1").check();
    await page.getByRole("heading", { name: "Code of 1.0 and 1.1" }).waitFor();
    await accessible(page, "comparison");
    await page.screenshot({ path: `${world.shots}/compare-${theme}-${where}.png`, fullPage: true });
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
    await accessible(page, "shortcuts");
    page.clean();
    await page.context().close();
  });
}

test("Readers and Contributors are shown only what they may do", async () => {
  const page = await open({ answers: { ...answers(), "GET /admin/api/me": meOf("alice", "Reader") } });
  await signIn(page, "alice");
  const rail = await page.locator(".rail a").allTextContents();
  assert.deepEqual(rail, ["Services", "Tokens", "Server"]);
  assert.equal(await page.getByRole("link", { name: "Publish a service" }).count(), 0);
  await visit(page, "#/publish");
  assert.match(await page.locator("main").textContent(), /Publishing is for Contributors and Owners; you are Reader/);
  await visit(page, "#/services/fuel/1.1/versions");
  assert.equal(await page.getByRole("button", { name: /^Delete/ }).count(), 0);
  page.clean();
  await page.context().close();
});
