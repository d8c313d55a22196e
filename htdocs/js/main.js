// SPDX-License-Identifier: Apache-2.0
// Start: who is signed in, the frame, the page that the address names.

import { api } from "./api.js";
import { session } from "./auth.js";
import { resolve } from "./router.js";
import { frame } from "./ui/frame.js";
import { announce, failure } from "./ui/h.js";
import * as login from "./pages/login.js";

const app = document.getElementById("app");
let shell = null;
let turn = 0;

function theme(choice) {
  if (choice) document.documentElement.dataset.theme = choice;
  else delete document.documentElement.dataset.theme;
}

/** httpd may have authenticated the user already: then there is nothing to ask. */
async function ambient() {
  try {
    await api.services();
    session.ambient = true;
    return true;
  } catch {
    return false;
  }
}

async function signIn(message) {
  shell = null;
  document.title = "Sign in · Model server";
  app.replaceChildren(login.render({ message, address: location.hash, done: () => show() }));
  app.querySelector("input")?.focus();
}

async function show() {
  const mine = ++turn;
  if (!session.signedIn) return signIn("");
  if (!shell) {
    shell = frame({ theme });
    app.replaceChildren(shell.element);
  }
  const found = resolve();
  if (!found) {
    shell.missing();
    return undefined;
  }
  shell.loading(found);
  try {
    const page = await found.load();
    const parts = await page.open({ ...found.parameters, query: found.query });
    if (mine !== turn) return undefined;
    document.title = `${parts.title} · Model server`;
    shell.show(found, parts);
    announce(parts.title);
  } catch (error) {
    if (mine !== turn || !session.signedIn) return undefined;
    shell.show(found, { title: "Not shown", crumbs: [], body: failure("This page could not be loaded.", error, () => show()) });
  }
  return undefined;
}

session.addEventListener("ended", (event) => signIn(event.detail));
window.addEventListener("hashchange", () => show());
window.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && shell && shortcuts()) {
    event.preventDefault();
    shell.find();
  }
});

function shortcuts() {
  return localStorage.getItem("shortcuts") !== "off";
}

theme(localStorage.getItem("theme"));
if (await ambient()) show();
else signIn("");
