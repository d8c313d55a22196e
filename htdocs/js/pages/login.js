// SPDX-License-Identifier: Apache-2.0
// Sign in; afterwards to where the person wanted to go.

import { session } from "../auth.js";
import { h, icon, note } from "../ui/h.js";

export function render({ message, address, done }) {
  const user = h("input", { id: "user", type: "text", autocomplete: "username", required: true, value: session.user || "" });
  const password = h("input", { id: "pass", type: "password", autocomplete: "current-password", required: true });
  const reveal = h("button", { class: "button", type: "button", "aria-pressed": "false", "aria-label": "Show password", onclick: () => {
    const shown = password.type === "text";
    password.type = shown ? "password" : "text";
    reveal.setAttribute("aria-pressed", String(!shown));
  } }, "Show");
  const problem = h("div");
  const submit = h("button", { class: "button button--primary button--wide", type: "submit" }, "Sign in");
  const target = decodeURIComponent(address.replace(/^#\//, "").split("?")[0]);

  if (message) problem.append(note("wait", message));
  const form = h("form", { class: "panel__body", onsubmit: async (event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      await session.signIn(user.value, password.value);
      done();
    } catch (error) {
      problem.replaceChildren(note("fail", "Not signed in.", error.message));
      password.select();
    } finally {
      submit.disabled = false;
    }
  } }, problem,
  h("div", { class: "field" }, h("label", { for: "user" }, "User name"), user),
  h("div", { class: "field" }, h("label", { for: "pass" }, "Password"), h("div", { class: "joined" }, password, reveal)),
  submit);

  return h("div", { class: "gate" },
    h("main", { class: "gate__box", id: "main" },
      h("div", { class: "title" }, icon("mark"), h("h1", {}, "Model server")),
      h("section", { class: "panel", "aria-labelledby": "sign-in" },
        h("div", { class: "panel__head" }, h("h2", { id: "sign-in" }, "Sign in"), h("p", {}, location.host)), form),
      target && target !== "services" && h("p", { class: "quiet" }, "You came for ", h("code", {}, target), " and will be taken there.")),
    h("footer", { class: "gate__foot" }, h("p", {}, "Access tokens are kept in memory only and renew while you work.")));
}
