// SPDX-License-Identifier: Apache-2.0
// Signing in and out, and that nothing typed is lost when a token ends.

import { test } from "node:test";
import { accessible, assert, open, settled, signIn, visit, world } from "./lib.mjs";

test("a wrong password is told, and the page asked for comes after the right one", async () => {
  const page = await open();
  page.watch.expect(/401.*\/login$/, /console: .*401/);
  await page.goto(`${page.base}/console/#/services/iris/1.0/try`);
  await page.getByLabel("User name").fill("alice");
  await page.getByLabel("Password", { exact: true }).fill("wrong");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("alert").waitFor();
  await accessible(page, "refused");
  await page.getByLabel("Password", { exact: true }).fill(world.users.alice);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("button", { name: "Run" }).waitFor();
  assert.match(page.url(), /#\/services\/iris\/1\.0\/try$/);
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");
  page.clean();
  await page.context().close();
});

test("tokens are in memory only: nothing in storage, gone after a reload", async () => {
  const page = await open();
  await signIn(page, "alice");
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage }) + document.cookie);
  assert.doesNotMatch(kept, /eyJ|token/i);
  await page.reload();
  await page.getByLabel("User name").waitFor();
  page.clean();
  await page.context().close();
});

test("an access token that has ended is renewed by the call that needs it", async () => {
  const page = await open({ base: `${world.base}/short` });
  page.watch.expect(/401/);
  await signIn(page, "alice", "#/services/iris/1.0/try");
  await page.evaluate(async () => { // no renewal ahead of time: the call itself must do it
    const { session } = await import("./js/auth.js");
    const refresh = session.refresh.bind(session);
    session.refresh = async () => false;
    await new Promise((done) => { setTimeout(done, 3500); });
    session.refresh = refresh;
  });
  await page.getByRole("button", { name: "Run" }).click();
  await page.getByRole("cell", { name: "setosa" }).waitFor();
  assert.equal(await page.getByRole("dialog").count(), 0);
  page.clean();
  await page.context().close();
});

test("when renewing fails, too, the password is asked for over the page and the call repeated", async () => {
  const page = await open({ base: `${world.base}/short` });
  page.watch.expect(/401|refreshToken/);
  await signIn(page, "alice", "#/services/iris/1.0/try");
  await page.route("**/login/refreshToken", (route) => route.fulfill({ status: 401, json: { message: "ended" } }));
  await page.getByRole("textbox", { name: /^1 Petal.Length/ }).fill("6.25");
  await page.waitForTimeout(3500);
  await page.getByRole("button", { name: "Run" }).click();
  const dialog = page.getByRole("dialog", { name: "Your session has ended" });
  await dialog.waitFor();
  await accessible(page, "session ended");
  await dialog.getByLabel("Password", { exact: true }).fill(world.users.alice);
  await dialog.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("cell", { name: "versicolor" }).waitFor();
  assert.equal(await page.getByRole("textbox", { name: /^1 Petal.Length/ }).inputValue(), "6.25");
  page.clean();
  await page.context().close();
});

test("tabs share one session: a second tab asks nothing, one renews for both, signing out ends both", async () => {
  const first = await open();
  await signIn(first, "alice");
  const second = await open({ context: first.context() });
  await second.goto(`${second.base}/console/`);
  await settled(second);
  assert.equal(await second.locator("h1").textContent(), "Services");
  let renewals = 0;
  for (const page of [first, second]) page.on("request", (request) => { if (request.method() === "POST" && request.url().endsWith("/login/refreshToken")) renewals += 1; });
  const renew = (page) => page.evaluate(async () => (await import("./js/auth.js")).session.refresh());
  assert.deepEqual(await Promise.all([renew(first), renew(second)]), [true, true]);
  assert.equal(renewals, 1);
  await visit(second, "#/services/iris/1.0");
  await first.getByRole("button", { name: "Account menu" }).click();
  await first.getByRole("button", { name: "Sign out" }).click();
  await first.getByLabel("User name").waitFor();
  await second.getByLabel("User name").waitFor();
  first.clean();
  second.clean();
  await first.context().close();
});

test("signing in is skipped when httpd has authenticated the user already", async (t) => {
  const page = await open({ base: `${world.base}/basic`, httpCredentials: { username: "alice", password: world.users.alice } });
  await page.goto(`${page.base}/console/`);
  await settled(page);
  const { me } = await page.evaluate(async () => ({ me: (await import("./js/api.js")).offers("/admin/api/me") }));
  if (!me) return t.skip("this build has no /admin/api/me");
  assert.equal(await page.locator("h1").textContent(), "Services");
  assert.match(await page.locator(".account").textContent(), /alice/);
  await page.getByRole("button", { name: "Account menu" }).click();
  assert.equal(await page.getByRole("button", { name: "Sign out" }).count(), 0);
  page.clean();
  await page.context().close();
});

test("the theme and the shortcuts are switched in the account menu and stay", async () => {
  const page = await open();
  await signIn(page, "alice");
  await page.getByRole("button", { name: "Account menu" }).click();
  await page.getByLabel("Dark").check({ force: true });
  const dark = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  assert.equal(await dark(), "dark");
  await page.getByLabel("Keyboard shortcuts").uncheck();
  await page.keyboard.press("Escape");
  await page.locator("h1").click();
  await page.keyboard.press("/");
  assert.notEqual(await page.evaluate(() => document.activeElement.type), "search");
  await page.getByRole("button", { name: "Account menu" }).click();
  await page.getByLabel("Keyboard shortcuts").check();
  await page.keyboard.press("Escape");
  await page.locator("h1").click();
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.type), "search");
  await page.keyboard.press("Escape");
  await page.locator("h1").click();
  await page.keyboard.press("g");
  await page.keyboard.press("v");
  await page.getByRole("heading", { name: "Server", level: 1 }).waitFor();
  await page.reload();
  await page.getByLabel("User name").waitFor();
  assert.equal(await dark(), "dark");
  page.clean();
  await page.context().close();
});
