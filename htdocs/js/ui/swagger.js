// SPDX-License-Identifier: Apache-2.0
// Swagger UI in a box, where it is installed; else the operations as a table. Texts of
// documents are hostile: they are shown as text, never as Markdown or markup.

import { base, headersFor } from "../api.js";
import { session } from "../auth.js";
import { h } from "./h.js";
import { plain } from "./table.js";

let loading = null;

/** Its script and its sheet, or null where they are not installed. */
function library() {
  const added = (tag, attributes) => new Promise((done) => {
    document.head.append(h(tag, { ...attributes, onload: () => done(true), onerror: () => done(false) }));
  });
  loading ??= Promise.all([added("script", { src: "vendor/swagger-ui-bundle.js" }), added("link", { rel: "stylesheet", href: "vendor/swagger-ui.css" })])
    .then(([script]) => (script ? window.SwaggerUIBundle : null));
  return loading;
}

function operations(document_) {
  const rows = Object.entries(document_.paths || {}).flatMap(([path, methods]) => Object.entries(methods)
    .filter(([, operation]) => operation && typeof operation === "object" && operation.responses)
    .map(([method, operation]) => [method.toUpperCase(), h("code", {}, path), operation.summary || operation.operationId || ""]));
  return plain("Operations", ["Method", "Path", "What it does"], rows);
}

/** The document as this server means it, whatever host it was asked through. */
function placed(document_) {
  const here = new URL(base);
  const copy = { ...document_, host: here.host, schemes: [here.protocol.replace(":", "")] };
  const basePath = (document_.basePath || "/").replace(/\/$/, "");
  const mount = here.pathname.replace(/\/$/, "");
  copy.basePath = basePath.startsWith(mount) ? basePath || "/" : mount + basePath;
  return copy;
}

/** Plain text wherever Swagger UI would read Markdown, and only its operations: the rest
 *  (title, schemes, a second sign-in) is on our own page already. */
const ours = ({ React }) => ({
  components: {
    Markdown: ({ source }) => (source ? React.createElement("p", { className: "pre-wrap" }, String(source)) : null),
    OperationsOnly: ({ getComponent }) => React.createElement("div", { className: "swagger-ui" },
      React.createElement(getComponent("errors", true)), React.createElement(getComponent("operations", true))),
    authorizeOperationBtn: () => null,
  },
});

export async function swaggerUi(document_) {
  const Bundle = await library();
  if (!Bundle) return operations(document_);
  const box = h("div", { class: "swagger-box" });
  const inner = h("div");
  box.append(inner);
  const shown = new Promise((done) => { setTimeout(done, 3000); Bundle({
    onComplete: done,
    spec: placed(document_), domNode: inner, deepLinking: false, docExpansion: "list", defaultModelsExpandDepth: 0,
    validatorUrl: null, displayRequestDuration: true, tryItOutEnabled: true, persistAuthorization: false,
    syntaxHighlight: false, supportedSubmitMethods: ["get", "post", "put", "patch", "delete"],
    plugins: [ours], layout: "OperationsOnly",
    requestInterceptor: async (request) => {
      if (!request.loadSpec && session.token && session.left < 5) await session.refresh();
      Object.assign(request.headers, session.token ? { Authorization: headersFor(null, {}).Authorization } : {});
      request.credentials = "same-origin";
      return request;
    },
  }); });
  await shown; // so that nothing below it jumps
  return box;
}
