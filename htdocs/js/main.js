// SPDX-License-Identifier: Apache-2.0
// Start: who is signed in, the frame, the page that the address names.

import { learnPaths } from "./api.js";
import { session } from "./auth.js";
import { resolve } from "./router.js";
import { frame } from "./ui/frame.js";
import { announce, failure } from "./ui/h.js";
import { listen } from "./ui/keys.js";
import * as login from "./pages/login.js";

const app = document.getElementById("app");
let shell = null;
let turn = 0;
let leave = null; // what the page that is open wants done when it goes

function theme(choice) {
  if (choice) document.documentElement.dataset.theme = choice;
  else delete document.documentElement.dataset.theme;
  window.dispatchEvent(new Event("theme"));
}

function signIn(message) {
  shell = null;
  turn += 1;
  leave?.();
  leave = null;
  document.title = "Sign in · Model server";
  app.replaceChildren(login.render({ message, address: location.hash, done: () => show() }));
  app.querySelector("input")?.focus();
}

/** Where each entry of the history was scrolled to, so that going back lands there. */
const scrolls = new Map();
history.scrollRestoration = "manual";
function entry() {
  if (!history.state?.entry) history.replaceState({ entry: Math.random() }, "");
  return history.state.entry;
}
let here = null;

async function show() {
  const mine = ++turn;
  if (!session.signedIn) return signIn("");
  if (!shell) {
    shell = frame({ theme });
    app.replaceChildren(shell.element);
  }
  if (here) scrolls.set(here, window.scrollY);
  const back = history.state?.entry && scrolls.get(history.state.entry);
  here = entry();
  leave?.();
  leave = null;
  const found = resolve();
  if (!found) {
    document.title = "Not found · Model server";
    shell.missing();
    return undefined;
  }
  shell.loading(found);
  try {
    const page = await found.load();
    const parts = await page.open({ ...found.parameters, query: found.query });
    if (mine !== turn) {
      parts.leave?.();
      return undefined;
    }
    leave = parts.leave || null;
    document.title = `${parts.title} · Model server`;
    shell.show(found, parts, back || 0);
    announce(parts.title);
  } catch (error) {
    if (mine !== turn || !session.signedIn) return undefined;
    document.title = "Not shown · Model server";
    shell.show(found, { title: "Not shown", crumbs: [], body: failure("This page could not be loaded.", error, () => show(), "h1") });
  }
  return undefined;
}

session.ask = () => login.again();
session.addEventListener("ended", () => signIn("You are signed out."));
window.addEventListener("hashchange", () => show());
listen({ find: () => shell?.find() });

theme(localStorage.getItem("theme"));
if (await session.begin(learnPaths()).catch(() => false)) show();
else signIn("");
