// SPDX-License-Identifier: Apache-2.0
// Code of a standard service: its publisher and Owners see it.

import { codeBlock, h, panel } from "../ui/h.js";

export async function open({ service }) {
  return h("div", { class: "stack" },
    service.initCode && panel("Init code", { aside: h("p", {}, "Runs once for each process that serves calls.") }, h("div", { class: "panel__body" }, codeBlock("init code", service.initCode))),
    panel("Code", { aside: h("p", {}, "Runs for each call.") }, h("div", { class: "panel__body" }, codeBlock("code", service.code || ""))));
}
