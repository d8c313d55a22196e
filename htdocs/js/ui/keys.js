// SPDX-License-Identifier: Apache-2.0
// Keyboard shortcuts: `?` lists them; they can be switched off.

import { offers } from "../api.js";
import { session } from "../auth.js";
import { go, to } from "../router.js";
import { open } from "./dialog.js";
import { button, h } from "./h.js";

export const shortcutsOn = () => localStorage.getItem("shortcuts") !== "off";
export function switchShortcuts(on) {
  localStorage.setItem("shortcuts", on ? "on" : "off");
}

const places = [
  ["s", "Services", "services", () => true],
  ["p", "Publish", "publish", () => session.may("publish")],
  ["e", "Sessions", "sessions", () => session.may("sessions")],
  ["t", "Tokens", "tokens", () => offers("/admin/api/tokens")],
  ["a", "Audit", "audit", () => session.may("admin") && offers("/admin/api/audit")],
  ["v", "Server", "server", () => true],
];

export function showShortcuts() {
  const keys = (...names) => names.map((name, i) => [i > 0 && " then ", h("kbd", {}, name)]);
  const lines = [
    [keys("/"), "Find a service"], [keys("?"), "This list"], [keys("Esc"), "Close a dialog or a menu"], [keys("Ctrl Enter"), "Run, on the Try it page"],
    ...places.filter(([, , , there]) => there()).map(([key, label]) => [keys("g", key), `Go to ${label}`]),
  ];
  const on = h("input", { type: "checkbox", checked: shortcutsOn(), onchange: () => switchShortcuts(on.checked) });
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "keys-title" },
    h("h2", { id: "keys-title" }, "Keyboard shortcuts"),
    h("table", { class: "table table--tight" }, h("caption", { class: "vh" }, "Shortcuts"), h("thead", { class: "vh" }, h("tr", {}, h("th", { scope: "col" }, "Keys"), h("th", { scope: "col" }, "What they do"))),
      h("tbody", {}, lines.map(([key, text]) => h("tr", {}, h("th", { scope: "row" }, key), h("td", {}, text))))),
    h("label", { class: "check" }, on, "Use single-key shortcuts"),
    h("div", { class: "actions" }, button("Close", { onclick: () => dialog.close() })));
  open(dialog);
}

/** Listen for them on the whole page. */
export function listen({ find }) {
  let began = 0; // when "g" was pressed
  window.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input:not([type=checkbox], [type=radio], [type=file]), textarea, select, [contenteditable]");
    if (typing || !session.signedIn || !shortcutsOn() || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "/") {
      event.preventDefault();
      find();
    } else if (event.key === "?") {
      event.preventDefault();
      showShortcuts();
    } else if (event.timeStamp - began < 1500) {
      began = 0;
      const place = places.find(([key, , , there]) => key === event.key && there());
      if (place) {
        event.preventDefault();
        go(to(place[2]));
      }
    } else if (event.key === "g") began = event.timeStamp;
  });
}
