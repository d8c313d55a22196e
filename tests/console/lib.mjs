// SPDX-License-Identifier: Apache-2.0
// A browser, people in it, and what every page must be: no policy violation, no
// console error, no failed request that a test does not expect, nothing that axe finds.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

export const world = JSON.parse(process.env.MLS_CONSOLE);
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let browser = null;
export async function start() {
  browser = await chromium.launch({ executablePath: world.chromium, args: ["--no-sandbox", "--disable-gpu"] });
}
export const stop = () => browser.close();

export const desktop = { width: 1280, height: 900 };
export const phone = { width: 390, height: 844 };

/** What a page did that nobody asked for. */
class Watch {
  found = [];
  expected = [];

  constructor(page) {
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") this.note(`console: ${message.text()} ${message.location().url}`);
    });
    page.on("pageerror", (error) => this.note(`error: ${error.stack || error.message}`));
    page.on("requestfailed", (request) => {
      if (request.failure()?.errorText !== "net::ERR_ABORTED") this.note(`failed: ${request.method()} ${request.url()} ${request.failure()?.errorText}`);
    });
    page.on("response", (response) => {
      if (response.status() >= 400) this.note(`${response.status()}: ${response.request().method()} ${response.url()}`);
    });
    page.on("dialog", (dialog) => { this.note(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  }
  note(text) { this.found.push(text); }
  /** Answers and console lines that match are part of the test. */
  expect(...patterns) { this.expected.push(...patterns); }
  clean() {
    const left = this.found.filter((text) => !this.expected.some((pattern) => pattern.test(text)));
    assert.deepEqual(left, [], "the page did what it should not");
    this.found.length = 0;
  }
}

/** A page of its own context, watched. Options: theme, size, base, and those of Playwright. */
export async function open({ theme = "light", size = desktop, base = world.base, context, answers, ...more } = {}) {
  const own = context || await browser.newContext({ viewport: size, colorScheme: theme, reducedMotion: "reduce", ...more });
  if (!context) {
    await own.exposeFunction("reportViolation", (text) => { own.violations.push(text); });
    own.violations = [];
    await own.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        window.reportViolation(`policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`);
      });
      window.shifts = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
      }).observe({ type: "layout-shift", buffered: true });
    });
  }
  const page = await own.newPage();
  page.setDefaultTimeout(20000);
  page.base = base;
  page.watch = new Watch(page);
  page.clean = () => {
    page.watch.clean();
    assert.deepEqual(own.violations, [], "Content-Security-Policy was violated");
  };
  if (answers) await answer(page, answers);
  return page;
}

/** Answers instead of the server's: {"GET /admin/api/usage": data}; their paths appear in openapi.json, too. */
export async function answer(page, answers) {
  await page.route(`${page.base}/openapi.json`, async (route) => {
    const response = await route.fetch();
    const document = await response.json();
    for (const key of Object.keys(answers)) {
      const path = key.split(" ")[1];
      document.paths[path] ??= { get: { responses: { 200: { description: "ok" } } } };
    }
    await route.fulfill({ response, json: document });
  });
  for (const [key, value] of Object.entries(answers)) {
    const [method, path] = key.split(" ");
    const pattern = new RegExp(`^${page.base.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}${path.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{[^}]*\}/g, "[^/]+")}(\\?.*)?$`);
    await page.route(pattern, (route) => {
      if (route.request().method() !== method) return route.fallback();
      const data = typeof value === "function" ? value(route.request()) : value;
      return route.fulfill({ status: data?.status >= 400 ? data.status : data === null ? 204 : 200, json: data ?? undefined });
    });
  }
}

export async function signIn(page, user, hash = "") {
  await page.goto(`${page.base}/console/${hash}`);
  await page.getByLabel("User name").fill(user);
  await page.getByLabel("Password", { exact: true }).fill(world.users[user]);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.locator(".rail").waitFor({ state: "attached" });
  await settled(page);
  await page.waitForTimeout(100); // what a page asks for on its own
}

/** Go to a page of the console that is open, by its address. */
export async function visit(page, hash) {
  await page.evaluate((to) => new Promise((done) => {
    window.shifts = 0;
    window.addEventListener("hashchange", () => setTimeout(done), { once: true });
    if (location.hash === to) window.dispatchEvent(new HashChangeEvent("hashchange"));
    else location.hash = to;
  }), hash);
  await settled(page);
}

/** Back in the history, until the page whose title matches is there. */
export async function back(page, title) {
  await page.goBack();
  await page.waitForFunction((pattern) => new RegExp(pattern).test(document.title), title.source);
  await settled(page);
}

/** Until the page that the address names is there, or the sign-in. */
export async function settled(page) {
  await page.locator(".main:not([aria-busy]) h1, .gate h1").first().waitFor();
  await page.waitForTimeout(30);
  await page.locator(".main:not([aria-busy]) h1, .gate h1").first().waitFor();
}

/** axe over the page as it is; fails with what it found. */
export async function accessible(page, name, { exclude = [] } = {}) {
  if (!(await page.evaluate(() => Boolean(window.axe)))) await page.evaluate(axeSource);
  const found = await page.evaluate(async (leave) => {
    const result = await window.axe.run({ exclude: leave.map((s) => [s]) }, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"] });
    return result.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(" ")} ${n.any[0]?.message || n.all[0]?.message || ""}`).join(" | ")}`);
  }, exclude);
  assert.deepEqual(found, [], `axe, ${name}`);
}

export const shot = (page, name) => page.screenshot({ path: `${world.shots}/${name}.png` });
export { assert };
