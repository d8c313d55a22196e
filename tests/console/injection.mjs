// SPDX-License-Identifier: Apache-2.0
// Hostile names, descriptions, code and output in every field: text, never markup.

import { test } from "node:test";
import { answers, meOf } from "./answers.mjs";
import { assert, open, signIn, visit, world } from "./lib.mjs";

const text = world.hostile;

/** No element that our own code does not make, none that came out of a text. */
async function plain(page, name) {
  const found = await page.evaluate(() => {
    const bad = [...document.querySelectorAll("img, iframe, object, embed, [onerror], [onclick], [onload], form[action], base, a[href^='javascript:'], a[href^='data:']")].map((e) => e.outerHTML.slice(0, 200));
    for (const e of document.querySelectorAll("script")) if (!/^(js\/main\.js|vendor\/swagger-ui-bundle\.js)$/.test(e.getAttribute("src") || "") || e.textContent) bad.push(e.outerHTML.slice(0, 200));
    for (const e of document.querySelectorAll("b")) if (e.textContent === "bold") bad.push(e.outerHTML);
    if (document.body.textContent.includes("49") && !document.body.textContent.includes("7*7")) bad.push("an expression was computed");
    return bad;
  });
  assert.deepEqual(found, [], name);
}

test("what the server really holds: hostile descriptions, code, output and errors", async () => {
  const page = await open();
  page.watch.expect(/400/);
  await signIn(page, "alice");
  await plain(page, "services");
  assert.match(await page.locator(".services").textContent(), /<img src=x/);
  for (const hash of ["#/services/hostile/1.0", "#/services/hostile/1.0/api", "#/services/hostile-code/1", "#/services/hostile-code/1/code", "#/services/hostile-code/1/versions", "#/services/hostile-code/1/api", "#/publish/hostile-code", "#/services?q=%3Cimg"]) {
    await visit(page, hash);
    await plain(page, hash);
    const shown = await page.evaluate(() => [document.querySelector("main").textContent, ...[...document.querySelectorAll("main textarea")].map((e) => e.value)].join("\n"));
    assert.match(shown, /<img src=x/, hash);
  }
  await page.goto(`${page.base}/console/#/services/hostile-code/1/api`);
  await page.locator(".opblock", { hasText: "hostile-code" }).locator(".opblock-summary-control").last().click();
  await plain(page, "an open operation");
  await visit(page, "#/services/hostile-code/1/try");
  await page.getByRole("button", { name: "Run" }).click();
  await page.getByRole("heading", { name: "Console output" }).waitFor({ timeout: 30000 });
  await plain(page, "output");
  await visit(page, "#/services/broken/0.1/try");
  await page.getByRole("button", { name: "Run" }).click();
  await page.getByText("The call was refused.").waitFor({ timeout: 30000 });
  await plain(page, "error");
  page.clean();
  await page.context().close();
});

test("what any endpoint could say: hostile text in every field of every answer", async () => {
  const hostile = (plain_) => `${text}${plain_}`;
  const service = (name) => ({ name, version: text, versionPublishedBy: text, creationTime: "2026-01-01T00:00:00", snapshotId: text, runtimeType: text, code: text, initCode: text, description: text, operationId: text, myPermissionOnService: "read/write",
    inputParameterDefinitions: [{ name: text, type: text }], outputParameterDefinitions: [{ name: text, type: text }], outputFileNames: [text] });
  const all = answers(hostile);
  const usage = all["GET /admin/api/usage"];
  usage.items.push({ ...usage.items[1], name: text, version: text });
  const swagger = { swagger: "2.0", info: { title: text, version: text, description: text }, basePath: "/", tags: [{ name: text, description: text }], definitions: { InputParameters: { type: "object", properties: { inputData: { type: "object", description: text, properties: { [text]: { type: "array", items: { type: "string", enum: [text] } } } } } } },
    paths: { [`/api/${text}`]: { post: { operationId: "consume", summary: text, description: text, tags: [text], parameters: [{ name: text, in: "query", type: "string", description: text, enum: [text] }], responses: { 200: { description: text } } } } } };
  const page = await open({ answers: { ...all, "GET /services": [service(text)], "GET /services/{name}": [service(text), { ...service(text), version: `${text}2`, code: `${text}\nmore` }], "GET /api/{name}/{version}/swagger.json": swagger,
    "GET /sessions": [{ id: text, name: text, owner: text, runtimeType: text, state: text, started: 1.8e9, used: 1.8e9, memory: 5, disk: 0 }], "GET /snapshots": [{ id: text, name: text, owner: text, contentSize: 12, creationTime: "2026-01-01T00:00:00" }],
    "GET /status": { statusCode: text, components: { [text]: { statusCode: text, details: { [text]: text, list: [text], deep: { [text]: text } } } }, details: { version: text } },
    "GET /admin/api/me": meOf(text, "Owner") } });
  await signIn(page, "alice");
  const path = `#/services/${encodeURIComponent(text)}/${encodeURIComponent(text)}`;
  for (const hash of ["#/services", path, `${path}/try`, `${path}/versions`, `${path}/code`, `${path}/access`, `${path}/usage`, `${path}/pool`, `${path}/api`, "#/publish", `#/publish/${encodeURIComponent(text)}`, "#/sessions", "#/sessions?of=all", "#/pools", "#/roles", `#/roles/explain?name=${encodeURIComponent(text)}`, "#/roles/matrix", "#/tokens?of=all", "#/audit", "#/server", "#/server/configuration", "#/server/licences", `#/${encodeURIComponent(text)}`]) {
    await visit(page, hash);
    for (const summary of await page.locator("main details > summary:visible").all()) await summary.click().catch(() => {});
    await page.waitForTimeout(60);
    await plain(page, hash);
  }
  await visit(page, `${path}/versions`);
  for (const box of await page.getByRole("checkbox").all()) await box.check();
  await page.locator(".diff").first().waitFor();
  await plain(page, "comparison");
  await page.getByRole("button", { name: /^Delete/ }).first().click();
  await plain(page, "delete dialog");
  await page.keyboard.press("Escape");
  await visit(page, "#/publish");
  await page.locator("input[type=file]").first().setInputFiles({ name: "<b>x.pmml", mimeType: "text/xml", buffer: Buffer.from("x") });
  await page.getByText("12 cases").waitFor();
  await plain(page, "inspected model");
  page.clean();
  await page.context().close();
});
