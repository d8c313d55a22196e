// SPDX-License-Identifier: Apache-2.0
// Any mount path, and behind a reverse proxy: everything is asked for below the place where the console lies.

import { test } from "node:test";
import { assert, back, open, signIn, visit, world } from "./lib.mjs";

for (const [name, base] of [["a mount path", `${world.base}/short`], ["a reverse proxy with another path", world.outer]]) {
  test(`the console works behind ${name}`, async () => {
    const page = await open({ base });
    page.watch.expect(/401/); // tokens below /short end quickly
    const outside = [];
    page.on("request", (request) => { if (!request.url().startsWith(`${base}/`) && !request.url().startsWith("data:") && !request.url().startsWith("blob:")) outside.push(request.url()); });
    await signIn(page, "alice", "#/services/iris/1.0/try");
    await page.getByRole("button", { name: "Run" }).click();
    await page.getByRole("cell", { name: "setosa" }).waitFor();
    await visit(page, "#/services/iris/1.0/api");
    await page.locator(".opblock", { hasText: "/api/iris/1.0" }).locator(".opblock-summary-control").click();
    await page.getByRole("button", { name: "Execute" }).click();
    await page.locator(".live-responses-table .response-col_status", { hasText: "200" }).first().waitFor();
    await visit(page, "#/server");
    assert.ok((await page.locator("main").textContent()).includes(base));
    assert.deepEqual(outside, []);
    page.clean();
    await page.context().close();
  });
}

test("deep links and the back button work, and the place on the page comes back", async () => {
  const page = await open({ size: { width: 1280, height: 400 } });
  await signIn(page, "alice", "#/services");
  await page.evaluate(() => window.scrollTo(0, 200));
  await page.waitForTimeout(50);
  const before = await page.evaluate(() => window.scrollY);
  assert.ok(before > 100);
  await visit(page, "#/services/iris/1.0/code"); // there is none: it says so
  await visit(page, "#/services/iris/1.0/try");
  await visit(page, "#/services/iris/1.0/versions");
  await back(page, /^iris 1\.0, Try it/);
  assert.match(page.url(), /try$/);
  await back(page, /^Not shown|Code/);
  await back(page, /^Services/);
  assert.equal(await page.evaluate(() => window.scrollY), before);
  await page.context().close();
});
