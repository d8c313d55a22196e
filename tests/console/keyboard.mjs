// SPDX-License-Identifier: Apache-2.0
// Publish, try, compare and delete with the keyboard only; focus goes where the work is.

import { test } from "node:test";
import { assert, back, open, signIn, world } from "./lib.mjs";

const name = `by-keyboard-${Date.now() % 1e6}`;

const focused = (page) => page.evaluate(() => {
  const e = document.activeElement;
  return `${e.tagName} ${e.getAttribute("aria-label") || e.labels?.[0]?.textContent || e.textContent.trim().slice(0, 40)}`;
});

/** Tab until the focus is where `pattern` says; its ring must be visible there. */
async function tabTo(page, pattern, key = "Tab") {
  for (let i = 0; i < 80; i += 1) {
    if (pattern.test(await focused(page))) {
      const ring = await page.evaluate(() => {
        const e = document.activeElement;
        const boxes = [e, e.closest("label"), e.closest(".segment label")].filter(Boolean);
        return boxes.some((b) => getComputedStyle(b).outlineStyle !== "none" && parseFloat(getComputedStyle(b).outlineWidth) > 0);
      });
      assert.ok(ring, `no focus ring on ${await focused(page)}`);
      return;
    }
    await page.keyboard.press(key);
  }
  assert.fail(`the keyboard does not reach ${pattern}; at ${await focused(page)}`);
}

test("publish, try, compare, delete: keyboard only", async () => {
  const page = await open();
  await page.goto(`${page.base}/console/`);
  await page.getByLabel("User name").waitFor();
  await page.keyboard.type("alice");
  await page.keyboard.press("Tab");
  await page.keyboard.type(world.users.alice);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Services", level: 1 }).waitFor();
  await page.waitForLoadState("networkidle");
  assert.match(await focused(page), /^H1 Services/);

  // publish code twice
  await page.keyboard.press("g");
  await page.keyboard.press("p");
  await page.getByRole("heading", { name: "Publish a service" }).waitFor();
  await tabTo(page, /^INPUT Model file/);
  await page.keyboard.press("ArrowRight");
  await tabTo(page, /^TEXTAREA Runs for each call/);
  await page.keyboard.type("answer = 1");
  await tabTo(page, /^INPUT Name of output/);
  await page.keyboard.type("answer");
  await tabTo(page, /^INPUT Name$/);
  await page.keyboard.type(name);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name, level: 1 }).waitFor();
  assert.match(await focused(page), /^H1 by-keyboard-/);
  await tabTo(page, /^A Versions/);
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "New version" }).waitFor();
  assert.match(await focused(page), /^A Versions/, "the focus stays on the tab that was followed");
  await tabTo(page, /^A New version/);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Publish a service" }).waitFor();
  await tabTo(page, /^TEXTAREA Runs for each call/);
  await page.keyboard.press("Control+a");
  await page.keyboard.type("answer = 2");
  await tabTo(page, /^BUTTON Publish/);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name, level: 1 }).waitFor();
  await page.waitForLoadState("networkidle");

  // try it
  await tabTo(page, /^A Try it/);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Run" }).waitFor();
  await tabTo(page, /^(TEXTAREA|BUTTON Run)/);
  await page.keyboard.press("Control+Enter");
  await page.getByRole("heading", { name: "Answer" }).waitFor({ timeout: 30000 });

  // compare
  await tabTo(page, /^A Versions/, "Shift+Tab");
  await page.keyboard.press("Enter");
  await page.getByLabel("Compare 1.0").waitFor();
  await tabTo(page, /^INPUT Compare 1\.1/);
  await page.keyboard.press("Space");
  await tabTo(page, /^INPUT Compare 1\.0/);
  await page.keyboard.press("Space");
  await page.getByRole("heading", { name: "Code of 1.0 and 1.1" }).waitFor();

  // delete
  await tabTo(page, /^BUTTON Delete 1\.0/);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  assert.match(await focused(page), /^INPUT Type 1\.0 to confirm/);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.match(await focused(page), /^BUTTON Delete 1\.0/, "the focus goes back");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.type("1.0");
  await page.keyboard.press("Enter");
  await page.getByText(`Deleted ${name} 1.0.`).waitFor();
  page.clean();
  await page.context().close();
});

test("typing in a search box never loses the focus, and the address keeps it", async () => {
  const page = await open();
  await signIn(page, "alice");
  await page.keyboard.press("/");
  await page.keyboard.type("iri");
  assert.match(await focused(page), /^INPUT Find a service/);
  await page.keyboard.press("Enter");
  const box = page.getByLabel("Name, owner or description");
  await page.waitForFunction(() => document.querySelector(".filters input[type=search]")?.value === "iri");
  assert.match(page.url(), /q=iri$/);
  await box.focus();
  await page.keyboard.type("s");
  assert.match(await focused(page), /^INPUT Name, owner/);
  assert.match(page.url(), /q=iris$/);
  assert.equal(await page.locator(".services tbody tr").count(), 1);
  await page.locator(".services a.name").click();
  await page.getByRole("heading", { name: "iris", level: 1 }).waitFor();
  await back(page, /^Services/);
  assert.equal(await page.getByLabel("Name, owner or description").inputValue(), "iris");
  page.clean();
  await page.context().close();
});
