// SPDX-License-Identifier: Apache-2.0
// The server: state of every component, and all operations of its interface.

import { api, base } from "../api.js";
import { codeBlock, h, panel, state } from "../ui/h.js";

const kinds = { pass: "ok", warn: "wait", fail: "fail" };
const words = { pass: "Working", warn: "Needs a look", fail: "Failing" };

function details(value) {
  return codeBlock("details", JSON.stringify(value, null, 2));
}

function component(name, value) {
  const code = value && typeof value === "object" ? value.statusCode : null;
  return panel(name, { aside: code && state(kinds[code] || "idle", words[code] || code) }, h("div", { class: "panel__body" }, details(value)));
}

function operations(openapi) {
  const rows = Object.entries(openapi.paths || {}).flatMap(([path, methods]) => Object.entries(methods)
    .filter(([, operation]) => operation && typeof operation === "object" && operation.responses)
    .map(([method, operation]) => [method.toUpperCase(), path, operation.summary || operation.operationId || ""]));
  return panel("Operations", { aside: h("p", {}, `${rows.length}, from ${base}/openapi.json`) }, h("div", { class: "table-wrap" }, h("table", { class: "table table--tight" }, h("caption", { class: "vh" }, "Operations of this server"),
    h("thead", {}, h("tr", {}, ["Method", "Path", "What it does"].map((t) => h("th", { scope: "col" }, t)))),
    h("tbody", {}, rows.map(([method, path, text]) => h("tr", {}, h("th", { scope: "row" }, method), h("td", {}, h("code", {}, path)), h("td", {}, text)))))));
}

export async function open() {
  const [status, openapi] = await Promise.all([api.status(), api.openapi().catch(() => ({}))]);
  const parts = Object.entries(status.details || {});
  const head = h("header", { class: "page-head" }, h("div", { class: "page-head__text" },
    h("div", { class: "title" }, h("h1", {}, "Server"), state(kinds[status.statusCode] || "idle", words[status.statusCode] || status.statusCode)), h("p", {}, base)));
  return { title: "Server", crumbs: [["Server"]], body: [head, ...parts.map(([name, value]) => component(name, value)), operations(openapi)] };
}
