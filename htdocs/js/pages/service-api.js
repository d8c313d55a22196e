// SPDX-License-Identifier: Apache-2.0
// The service's Swagger document: its operations at a glance, and the whole text.

import { api, base, consumePath } from "../api.js";
import { download } from "../ui/csv.js";
import { button, codeBlock, copyButton, h, panel } from "../ui/h.js";

export async function open({ service }) {
  const swagger = await api.swagger(service.name, service.version);
  const text = JSON.stringify(swagger, null, 2);
  const url = `${base}${consumePath(service.name, service.version)}/swagger.json`;
  const operations = Object.entries(swagger.paths || {}).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => [method.toUpperCase(), path, operation.operationId || ""]));
  return h("div", { class: "stack" },
    panel("Operations", {}, h("div", { class: "table-wrap" }, h("table", { class: "table table--tight" }, h("caption", { class: "vh" }, "Operations of this service"),
      h("thead", {}, h("tr", {}, ["Method", "Path", "Operation"].map((t) => h("th", { scope: "col" }, t)))),
      h("tbody", {}, operations.map(([method, path, id]) => h("tr", {}, h("th", { scope: "row" }, method), h("td", {}, h("code", {}, path)), h("td", {}, id))))))),
    panel("Swagger document", { aside: [h("p", {}, "Swagger 2.0"), copyButton("address", () => url)], actions: button("Download", { glyph: "download", onclick: () => download(`${service.name}-swagger.json`, text, "application/json") }) },
      h("div", { class: "panel__body" }, codeBlock("Swagger document", text))));
}
