// SPDX-License-Identifier: Apache-2.0
// Sign in; afterwards to where the person wanted to go. Also over a page that is
// open, when a session has ended, so that what was typed there stays.

import { session } from "../auth.js";
import { open } from "../ui/dialog.js";
import { button, h, icon, note } from "../ui/h.js";

function fields({ id, user, done, message }) {
  const name = h("input", { id: `${id}-user`, type: "text", autocomplete: "username", required: true, spellcheck: "false", autocapitalize: "none", value: user || "", readonly: user ? true : null });
  const password = h("input", { id: `${id}-pass`, type: "password", autocomplete: "current-password", required: true });
  const reveal = h("button", { class: "button", type: "button", "aria-pressed": "false", "aria-label": "Show password", onclick: () => {
    const shown = password.type === "text";
    password.type = shown ? "password" : "text";
    reveal.setAttribute("aria-pressed", String(!shown));
  } }, "Show");
  const problem = h("div", { class: "stack", hidden: !message }, message && note("wait", message));
  const submit = h("button", { class: "button button--primary button--wide", type: "submit" }, "Sign in");
  const form = h("form", { class: "stack", onsubmit: async (event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      await session.signIn(name.value, password.value);
      done();
    } catch (error) {
      problem.hidden = false;
      problem.replaceChildren(note("fail", "Not signed in.", error.message));
      password.select();
    } finally {
      submit.disabled = false;
    }
  } }, problem,
  h("div", { class: "field" }, h("label", { for: name.id }, "User name"), name),
  h("div", { class: "field" }, h("label", { for: password.id }, "Password"), h("div", { class: "joined" }, password, reveal)),
  submit);
  return { form, first: user ? password : name };
}

export function render({ message, address, done }) {
  let target = "";
  try { target = decodeURIComponent(address.replace(/^#\//, "").split("?")[0]); } catch { /* not an address of ours */ }
  return h("div", { class: "gate" },
    h("main", { class: "gate__box", id: "main" },
      h("div", { class: "title" }, icon("mark"), h("h1", {}, "Model server")),
      h("section", { class: "panel", "aria-labelledby": "sign-in" },
        h("div", { class: "panel__head" }, h("h2", { id: "sign-in" }, "Sign in"), h("p", {}, location.host)),
        h("div", { class: "panel__body" }, fields({ id: "sign", done, message }).form)),
      target && target !== "services" && h("p", { class: "quiet" }, "You came for ", h("code", {}, target), " and will be taken there.")),
    h("footer", { class: "gate__foot" }, h("p", {}, "Access tokens are kept in memory only and renew while you work.")));
}

/** The session has ended: ask again over the page. Resolves to true when signed in. */
export function again() {
  return new Promise((resolve) => {
    let good = false;
    const { form, first } = fields({ id: "again", user: session.user, done: () => { good = true; dialog.close(); } });
    const dialog = h("dialog", { class: "dialog", "aria-labelledby": "again-title" },
      h("h2", { id: "again-title" }, "Your session has ended"),
      h("p", {}, "Sign in again to go on. What you typed stays where it is, and what you asked for is sent then."), form,
      h("div", { class: "actions" }, button("Sign in as someone else", { onclick: () => { dialog.close(); session.signOut(); } })));
    open(dialog, () => resolve(good));
    first.focus();
  });
}
