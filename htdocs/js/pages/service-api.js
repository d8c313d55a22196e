// SPDX-License-Identifier: Apache-2.0
// The service's Swagger document: Swagger UI with the session's token in place, and the whole text.

import { api, base, consumePath } from "../api.js";
import { download } from "../ui/csv.js";
import { button, codeBlock, copyButton, h, panel } from "../ui/h.js";
import { swaggerUi } from "../ui/swagger.js";

export async function open({ service }) {
  const swagger = await api.swagger(service.name, service.version);
  const text = JSON.stringify(swagger, null, 2);
  const url = `${base}${consumePath(service.name, service.version)}/swagger.json`;
  const save = button("Download", { glyph: "download", onclick: () => download(`${service.name}-swagger.json`, text, "application/json") });
  return h("div", { class: "stack" },
    panel("Operations", { aside: h("p", {}, "Calls go out with this session’s token.") }, await swaggerUi(swagger)),
    panel("Swagger document", { aside: [h("p", {}, "Swagger 2.0"), copyButton("address", () => url)], actions: save },
      h("div", { class: "panel__body" }, h("details", {}, h("summary", {}, "Show it"), codeBlock("Swagger document", text)))));
}
