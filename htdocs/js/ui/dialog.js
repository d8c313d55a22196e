// SPDX-License-Identifier: Apache-2.0
// Decisions, in native dialogs: focus goes in, and back where it was.

import { h, button } from "./h.js";

/** Ask for a word to be typed before something is destroyed. Resolves to true or false. */
export function confirmTyped({ title, consequences, word, action }) {
  return new Promise((resolve) => {
    const input = h("input", { type: "text", id: "confirm-word", autocomplete: "off", spellcheck: "false" });
    const sure = h("button", { type: "submit", class: "button button--danger button--sure", disabled: true }, action);
    const cancel = button("Cancel", { onclick: () => dialog.close("no") });
    const form = h("form", { method: "dialog" }, h("div", { class: "stack" },
      h("h2", { id: "confirm-title" }, title), consequences,
      h("div", { class: "field" }, h("label", { for: "confirm-word" }, "Type ", h("code", {}, word), " to confirm"), input),
      h("div", { class: "actions" }, cancel, sure)));
    const dialog = h("dialog", { class: "dialog", "aria-labelledby": "confirm-title" }, form);
    input.addEventListener("input", () => { sure.disabled = input.value !== word; });
    form.addEventListener("submit", (event) => { event.preventDefault(); if (!sure.disabled) dialog.close("yes"); });
    open(dialog, () => resolve(dialog.returnValue === "yes"));
    input.focus();
  });
}

/** Ask before something that is easily done again, or small. Resolves to true or false. */
export function confirm({ title, consequences, action }) {
  return new Promise((resolve) => {
    const cancel = button("Cancel", { onclick: () => dialog.close("no") });
    const dialog = h("dialog", { class: "dialog", "aria-labelledby": "confirm-title" }, h("h2", { id: "confirm-title" }, title), consequences,
      h("div", { class: "actions" }, cancel, button(action, { kind: "danger", onclick: () => dialog.close("yes") })));
    open(dialog, () => resolve(dialog.returnValue === "yes"));
    cancel.focus();
  });
}

export function open(dialog, closed) {
  const before = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (before && before.isConnected) before.focus();
    closed && closed();
  });
  document.body.append(dialog);
  dialog.showModal();
}
