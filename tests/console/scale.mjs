// SPDX-License-Identifier: Apache-2.0
// Ten thousand services stay smooth; how fast the first page is usable.

import { test } from "node:test";
import { assert, open, settled, signIn } from "./lib.mjs";

const many = Array.from({ length: 10000 }, (_, i) => ({
  name: `service-${i}`, version: "1.0", versionPublishedBy: `user${i % 97}`, creationTime: "2026-01-01T00:00:00", runtimeType: i % 3 ? "Realtime" : "Python", description: `Number ${i} of many`, inputParameterDefinitions: [], outputParameterDefinitions: [], myPermissionOnService: "read",
}));

test("ten thousand services: search, sort and pages answer at once", async (t) => {
  const page = await open({ answers: { "GET /services": many } });
  await signIn(page, "alice");
  await page.getByText("1 to 50 of 10,000").waitFor();
  assert.ok(await page.evaluate(() => document.querySelectorAll("*").length) < 2500, "only one page is in the document");
  const times = await page.evaluate(async () => {
    const frame = () => new Promise((done) => { requestAnimationFrame(() => setTimeout(done)); });
    const measure = async (work) => { const begun = performance.now(); work(); await frame(); return performance.now() - begun; };
    const box = document.querySelector(".filters input[type=search]");
    const type = (text) => { box.value = text; box.dispatchEvent(new Event("input", { bubbles: true })); };
    return {
      type: await measure(() => type("number 77")), clear: await measure(() => type("")),
      sort: await measure(() => document.querySelectorAll(".sort")[4].click()), turn: await measure(() => [...document.querySelectorAll(".pager button")].at(-1).click()),
    };
  });
  for (const [what, milliseconds] of Object.entries(times)) {
    t.diagnostic(`${what}: ${milliseconds.toFixed(0)} ms`);
    assert.ok(milliseconds < 1000, `${what} took ${milliseconds} ms`);
  }
  page.clean();
  await page.context().close();
});

test("the first page is usable soon on a warm server, and does not jump", async (t) => {
  const page = await open();
  await signIn(page, "alice"); // warms the server, and keeps the session for the next tab
  const second = await open({ context: page.context() });
  const begun = Date.now();
  await second.goto(`${second.base}/console/`, { waitUntil: "commit" });
  await second.locator(".services tbody tr").first().waitFor();
  const whole = Date.now() - begun;
  await settled(second);
  t.diagnostic(`first page usable: ${whole} ms (from the first byte asked for to the first row)`);
  const shifts = await second.evaluate(() => window.shifts);
  t.diagnostic(`layout shift: ${shifts.toFixed(4)}`);
  assert.ok(shifts < 0.05, `it jumps by ${shifts}`);
  assert.ok(whole < 3000, `the first page took ${whole} ms`);
  page.clean();
  second.clean();
  await page.context().close();
});
