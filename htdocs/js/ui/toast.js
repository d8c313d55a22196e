// SPDX-License-Identifier: Apache-2.0
// Short messages that go by themselves; errors stay where the thing is.

import { h, icon } from "./h.js";

export function toast(kind, text) {
  let box = document.querySelector(".toasts");
  if (!box) document.body.append(box = h("div", { class: "toasts", role: "status" }));
  const line = h("div", { class: `note note--${kind}` }, icon(kind), h("div", {}, h("p", {}, text)),
    h("button", { class: "icon-button", type: "button", "aria-label": "Dismiss", onclick: () => line.remove() }, icon("close")));
  box.append(line);
  setTimeout(() => line.remove(), 8000);
}
