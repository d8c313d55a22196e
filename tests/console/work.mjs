// SPDX-License-Identifier: Apache-2.0
// What people come for: find, try, score a file, publish, compare, replace, delete; roles, tokens, audit.

import { test } from "node:test";
import { readFileSync } from "node:fs";
import { assert, back, open, signIn, visit, world } from "./lib.mjs";

const model = readFileSync(world.model);
/** A service that no earlier run has left on this server. */
const fresh = (name) => `${name}-${Date.now() % 1e6}`;

const saved = async (page, click) => {
  const [download] = await Promise.all([page.waitForEvent("download"), click()]);
  return readFileSync(await download.path(), "utf8");
};

test("try it: the form, the answer as a table, the raw exchange, JSON mode, what was typed comes back", async () => {
  const page = await open();
  await signIn(page, "alice", "#/services/typed-inputs/1.0/try");
  await page.getByRole("textbox", { name: /^1 a/ }).fill("5");
  await page.getByRole("textbox", { name: /^1 b/ }).fill("6");
  await page.getByRole("combobox", { name: /^1 flag/ }).selectOption("true");
  await page.getByRole("button", { name: "Run" }).click();
  await page.getByRole("heading", { name: "Answer" }).waitFor();
  const answer = await page.locator("section", { has: page.getByRole("heading", { name: "Answer" }) }).textContent();
  assert.match(answer, /200/);
  assert.match(answer, /ms/);
  assert.match(await page.getByLabel("raw request", { exact: true }).textContent(), /POST \/api\/typed-inputs\/1\.0/);
  assert.match(await page.getByLabel("raw response", { exact: true }).textContent(), /"y": \[/);
  await page.getByRole("textbox", { name: /^1 a/ }).fill("nonsense");
  await page.getByRole("button", { name: "Run" }).click();
  await page.getByText("'nonsense' is not a number").waitFor();
  await visit(page, "#/services");
  await back(page, /Try it/);
  assert.equal(await page.getByRole("textbox", { name: /^1 a/ }).inputValue(), "nonsense");
  page.clean();
  await page.context().close();
});

test("a failing call shows the server's words and what the code printed", async () => {
  const page = await open();
  page.watch.expect(/40\d|500/);
  await signIn(page, "bob", "#/services/broken/0.1/try");
  await page.getByRole("button", { name: "Run" }).click();
  await page.getByText("The call was refused.").waitFor();
  assert.match(await page.locator("main").textContent(), /ValueError|onerror/);
  page.clean();
  await page.context().close();
});

test("score a file: columns are mapped, results and refused rows come back as files", async () => {
  const page = await open();
  page.watch.expect(/400/); // a part with a bad row is refused, then split
  await signIn(page, "alice", "#/services/typed-inputs/1.0/score");
  const rows = Array.from({ length: 1500 }, (_, i) => `${i === 700 ? "word" : i % 900},${i},${i % 2 ? "true" : "false"},${i % 3 ? "red" : "green"},=HYPERLINK("x")`);
  await page.locator("input[type=file]").setInputFiles({ name: "rows.csv", mimeType: "text/csv", buffer: Buffer.from(["A,b,flag,colour,note", ...rows].join("\n")) });
  await page.getByText("rows.csv").first().waitFor();
  assert.equal(await page.getByLabel("Column for a").locator("option:checked").textContent(), "A");
  await page.getByRole("button", { name: "Score 1,500 rows" }).click();
  await page.getByText("1,499 rows scored.").waitFor({ timeout: 30000 });
  const results = await saved(page, () => page.getByRole("button", { name: "Results as CSV" }).click());
  const lines = results.trim().split("\n");
  assert.equal(lines.length, 1501);
  assert.match(lines[0], /^A,b,flag,colour,note,y/);
  assert.match(lines[2], /^1,1,true,red,.*,112$/);
  assert.ok(lines[2].includes("'=HYPERLINK"), "a spreadsheet would run this cell");
  const refused = await saved(page, () => page.getByRole("button", { name: "Refused rows as CSV" }).click());
  assert.match(refused, /701,.*word/);
  page.clean();
  await page.context().close();
});

test("scoring is cancelled, and a broken file is told", async () => {
  const page = await open();
  await signIn(page, "alice", "#/services/iris/1.0/score");
  await page.locator("input[type=file]").setInputFiles({ name: "bad.csv", mimeType: "text/csv", buffer: Buffer.from('a,b\n"open,1') });
  await page.getByText("not closed").waitFor();
  await page.route("**/api/iris/1.0", async (route) => { await new Promise((done) => { setTimeout(done, 400); }); await route.continue().catch(() => {}); });
  await page.locator("input[type=file]").setInputFiles({ name: "rows.csv", mimeType: "text/csv", buffer: Buffer.from(`Petal.Length,Petal.Width\n${"1,2\n".repeat(9000)}`) });
  await page.getByRole("button", { name: "Score 9,000 rows" }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("Cancelled.").waitFor();
  page.clean();
  await page.context().close();
});

test("publish a model: looked at first, then live; the next version is suggested", async () => {
  const page = await open();
  const name = fresh("published-here");
  await signIn(page, "alice", "#/publish");
  await page.locator("input[type=file]").first().setInputFiles({ name: "model.pmml", mimeType: "text/xml", buffer: model });
  const inspects = await page.evaluate(async () => (await import("./js/api.js")).offers("/admin/api/models/inspect"));
  if (inspects) {
    await page.getByText("Read", { exact: true }).waitFor();
    assert.match(await page.locator("main").textContent(), /Petal\.Length/);
  }
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Description").fill("From the console");
  await page.getByRole("button", { name: "Publish", exact: true }).click();
  await page.getByRole("heading", { name, level: 1 }).waitFor();
  await visit(page, `#/publish/${name}`);
  assert.equal(await page.getByLabel("Version", { exact: true }).inputValue(), "1.1");
  page.clean();
  await page.context().close();
});

test("a slow answer about a name changes neither a version that was typed nor what is published", async () => {
  const page = await open();
  const name = fresh("slow-answer");
  await page.route(`**/services/${name}`, async (route) => { await new Promise((done) => { setTimeout(done, 700); }); await route.continue().catch(() => {}); });
  await signIn(page, "alice", "#/publish?what=code");
  await page.getByLabel("Runs for each call").fill("x = 1");
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Version", { exact: true }).fill("7.5");
  await page.getByText("A new service.").waitFor();
  assert.equal(await page.getByLabel("Version", { exact: true }).inputValue(), "7.5");
  await page.getByLabel("Name", { exact: true }).press("End");
  await page.getByLabel("Name", { exact: true }).press("Backspace");
  await page.getByRole("button", { name: "Publish", exact: true }).click();
  await page.getByRole("heading", { name: name.slice(0, -1), level: 1 }).waitFor();
  assert.match(page.url(), /\/7\.5$/);
  page.clean();
  await page.context().close();
});

test("a file that is no model is refused with the reason, and nothing is published", async () => {
  const page = await open();
  page.watch.expect(/400/);
  await signIn(page, "alice", "#/publish");
  await page.locator("input[type=file]").first().setInputFiles({ name: "x.bin", mimeType: "text/plain", buffer: Buffer.from("no model") });
  await page.getByLabel("Name", { exact: true }).fill("never-there");
  const inspects = await page.evaluate(async () => (await import("./js/api.js")).offers("/admin/api/models/inspect"));
  if (!inspects) await page.getByRole("button", { name: "Publish", exact: true }).click();
  await page.getByRole("alert").first().waitFor();
  await visit(page, "#/services?q=never-there");
  await page.getByText("No service matches").waitFor();
  page.clean();
  await page.context().close();
});

test("publish code with inputs and outputs, try it, replace it, compare two versions", async () => {
  const page = await open();
  const name = fresh("adder");
  await signIn(page, "alice", "#/publish?what=code");
  await page.getByLabel("Runs for each call").fill("total = a + b");
  await page.getByLabel("Name of input").fill("a");
  await page.getByRole("button", { name: "Add an input" }).click();
  await page.getByLabel("Name of input").nth(1).fill("b");
  await page.getByLabel("Type of input").nth(1).selectOption("integer");
  await page.getByLabel("Name of output").fill("total");
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Publish", exact: true }).click();
  await page.getByRole("heading", { name, level: 1 }).waitFor();
  await visit(page, `#/services/${name}/1.0/try`);
  await page.getByRole("button", { name: "Run" }).click();
  await page.getByRole("cell", { name: "1.5" }).waitFor({ timeout: 30000 });
  await visit(page, `#/publish/${name}`);
  await page.getByLabel("Runs for each call").fill("total = a + b + 1");
  await page.getByRole("button", { name: "Publish", exact: true }).click();
  await page.getByRole("heading", { name, level: 1 }).waitFor();
  await visit(page, `#/publish/${name}?version=1.1`);
  await page.getByLabel("Runs for each call").fill("total = a + b + 2");
  await page.getByRole("button", { name: "Replace this version" }).click();
  await page.getByRole("heading", { name, level: 1 }).waitFor();
  await visit(page, `#/services/${name}/1.1/versions`);
  await page.getByLabel("Compare 1.0").check();
  await page.getByLabel("Compare 1.1").check();
  const diff = page.getByLabel("Code of 1.0 and 1.1");
  await diff.waitFor();
  assert.deepEqual(await diff.locator("tr.add td:last-child, tr.cut td:last-child").allTextContents(), ["total = a + b", "total = a + b + 2"]);
  page.clean();
  await page.context().close();
});

test("deleting asks for the version to be typed", async () => {
  const page = await open();
  const name = fresh("short-lived");
  await signIn(page, "alice", "#/publish?what=code");
  await page.getByLabel("Runs for each call").fill("x = 1");
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Publish", exact: true }).click();
  await page.getByRole("heading", { name, level: 1 }).waitFor();
  await visit(page, `#/services/${name}/1.0/versions`);
  await page.getByRole("button", { name: "Delete 1.0" }).click();
  const sure = page.getByRole("button", { name: "Delete this version" });
  assert.ok(await sure.isDisabled());
  await page.getByLabel(/Type 1.0 to confirm/).fill("1");
  assert.ok(await sure.isDisabled());
  await page.getByLabel(/Type 1.0 to confirm/).fill("1.0");
  await sure.click();
  await page.getByRole("heading", { name: "Services", level: 1 }).waitFor();
  await page.getByText(`Deleted ${name} 1.0.`).waitFor();
  page.clean();
  await page.context().close();
});

test("Swagger UI calls the service with the session's token in place", async () => {
  const page = await open();
  await signIn(page, "alice", "#/services/iris/1.0/api");
  await page.locator(".opblock", { hasText: "/api/iris/1.0" }).locator(".opblock-summary-control").click();
  await page.getByRole("button", { name: "Execute" }).click();
  await page.locator(".live-responses-table .response-col_status", { hasText: "200" }).first().waitFor();
  page.clean();
  await page.context().close();
});

test("mappings are added, changed and removed; what would lock oneself out is refused with the reason", async () => {
  const eve = fresh("eve");
  const page = await open();
  page.watch.expect(/409/);
  await signIn(page, "admin", "#/roles");
  await page.getByRole("button", { name: "Add a mapping" }).click();
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByText("Say whom it is for").waitFor();
  await page.getByLabel("Role", { exact: true }).selectOption("Contributor");
  await page.getByLabel("Condition", { exact: true }).fill(`user ${eve}`);
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByText("The mapping is added.").waitFor();
  await page.getByRole("button", { name: `Change Contributor: user ${eve}` }).click();
  await page.getByLabel("Role", { exact: true }).selectOption("Reader");
  await page.getByLabel("Comment").fill("reads only");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("The mapping is changed.").waitFor();
  await visit(page, `#/roles/explain?name=file%3A${eve}`);
  assert.match(await page.locator("main").textContent(), /eve-\d+ is Reader/);
  await visit(page, "#/roles");
  await page.getByRole("button", { name: "Forget cached groups" }).click();
  await page.getByText("Groups are asked anew").waitFor();
  // The server's refusal is shown where the change was made.
  await page.route("**/admin/api/roles/mappings/*", (route) => (route.request().method() === "PUT" ? route.fulfill({ status: 409, json: { message: "you are Owner through this mapping only" } }) : route.fallback()));
  await page.getByRole("button", { name: `Change Reader: user ${eve}` }).click();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("This would take your own Owner role away.").waitFor();
  assert.match(await page.getByRole("dialog").textContent(), /through this mapping only/);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: `Remove Reader: user ${eve}` }).click();
  await page.getByRole("button", { name: "Remove the mapping" }).click();
  await page.getByText("The mapping is removed.").waitFor();
  page.clean();
  await page.context().close();
});

test("the audit is filtered by the server and taken as CSV; a token is revoked", async (t) => {
  const page = await open();
  await signIn(page, "admin");
  const there = await page.evaluate(async () => { const { offers } = await import("./js/api.js"); return offers("/admin/api/audit") && offers("/admin/api/tokens") && offers("/admin/api/me"); });
  if (!there) return t.skip("this build has no audit, or does not say who is an Owner");
  await visit(page, "#/audit");
  await page.getByLabel("User", { exact: true }).fill("bob");
  await page.getByLabel("User", { exact: true }).press("Enter");
  await page.waitForLoadState("networkidle");
  const users = await page.locator(".audit tbody th .clip").allTextContents();
  assert.ok(users.length > 0 && users.every((name) => name === "bob"), users.join());
  assert.match(page.url(), /user=bob/);
  const csv = await saved(page, () => page.getByRole("button", { name: "CSV" }).click());
  assert.ok(csv.trim().split("\n").length > 1 && /bob/.test(csv), csv.slice(0, 300));
  const other = await open();
  await signIn(other, "dave");
  await visit(page, "#/tokens?of=all&user=dave");
  await page.getByRole("button", { name: /^Revoke token/ }).first().click();
  await page.getByRole("button", { name: "Revoke", exact: true }).click();
  await page.getByText("The token is revoked.").waitFor();
  page.clean();
  await other.context().close();
  await page.context().close();
});

test("a session is ended by an Owner, a pool is set and removed, diagnostics are saved", async () => {
  const page = await open();
  await signIn(page, "admin", "#/sessions?of=all");
  await page.getByRole("button", { name: "End session explore" }).first().click();
  await page.getByRole("button", { name: "End the session" }).click();
  await page.getByText("The session has ended.").waitFor();
  await visit(page, "#/services/fuel/1.0/pool");
  await page.getByLabel("Kept ready").fill("1");
  await page.getByRole("button", { name: "Set the pool" }).click();
  await page.getByText("The pool is being made.").waitFor();
  await page.getByRole("button", { name: "Remove the pool" }).click();
  await page.getByLabel(/Type 1.0 to confirm/).fill("1.0");
  await page.getByRole("dialog").getByRole("button", { name: "Remove the pool" }).click();
  await page.getByText("The pool is removed.").waitFor();
  await visit(page, "#/server");
  const zip = await saved(page, () => page.getByRole("button", { name: "Diagnostics" }).click());
  assert.ok(zip.startsWith("PK"));
  page.clean();
  await page.context().close();
});

test("failing calls show what they printed to the publisher, and to nobody else", async () => {
  const page = await open();
  await signIn(page, "bob", "#/services/broken/0.1/usage");
  await page.getByText("What it printed").first().click();
  assert.match(await page.locator(".failures").textContent(), /Console output.*<img src=x.*Traceback/s);
  page.clean();
  await page.context().close();
  const other = await open();
  await signIn(other, "alice", "#/services/broken/0.1/usage");
  assert.equal(await other.getByText("Failing calls").count(), 0);
  other.clean();
  await other.context().close();
});

test("services are exported as CSV without formulas", async () => {
  const page = await open({ answers: { "GET /services": [{ name: "=1+1", version: "@x", versionPublishedBy: "+a", creationTime: "2026-01-01T00:00:00", runtimeType: "Python", description: "-2+3", inputParameterDefinitions: [], outputParameterDefinitions: [] }] } });
  await signIn(page, "alice");
  const csv = await saved(page, () => page.getByRole("button", { name: "CSV" }).click());
  assert.match(csv.split("\n")[1], /^'=1\+1,'@x,1,Python,'\+a,2026-01-01T00:00:00,'-2\+3/);
  page.clean();
  await page.context().close();
});
