// SPDX-License-Identifier: Apache-2.0
// The model card: what it takes and gives, who published it, how to call it.

import { api, base, consumePath, offers } from "../api.js";
import { bytes, parseTime, when, whole } from "../ui/format.js";
import { codeBlock, copyButton, facts, h, panel, state, tableBox } from "../ui/h.js";
import { columnsOf, typeLabel } from "../ui/schema.js";
import { mayChange } from "./service.js";

export function columnTable(caption, columns, { inputs = false } = {}) {
  const levels = columns.some((c) => c.levels);
  return tableBox(h("table", { class: "table table--tight" }, h("caption", { class: "vh" }, caption),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Column"), h("th", { scope: "col" }, "Type"), levels && h("th", { scope: "col", class: "p1" }, "Levels"))),
    h("tbody", {}, columns.map((c) => h("tr", {}, h("th", { scope: "row" }, h("code", {}, c.name)), h("td", {}, typeLabel(c), inputs && c.required === false && h("span", { class: "below" }, "may be missing")),
      levels && h("td", { class: "p1" }, c.levels ? h("span", { class: "clip", title: c.levels.join(", ") }, c.levels.join(", ")) : ""))))));
}

/** An example request for a service. */
export function exampleRequest(service, inputs) {
  if (service.runtimeType === "Realtime") {
    return { inputData: Object.fromEntries(inputs.map((c) => [c.name, [c.example ?? (c.levels ? c.levels[0] : c.type === "string" ? "text" : 0)]])) };
  }
  const values = { numeric: 0.5, integer: 1, logical: true, character: "text", vector: [1, 2], matrix: [[1, 2], [3, 4]], "data.frame": { x: [1, 2] } };
  return Object.fromEntries((service.inputParameterDefinitions || []).map((p) => [p.name, values[p.type] ?? null]));
}

/** A value as Python writes it. */
function pythonLiteral(value) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(pythonLiteral).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}: ${pythonLiteral(v)}`).join(", ")}}`;
  return JSON.stringify(value);
}

/** One word for a shell, whatever is in it. */
const shellWord = (text) => `'${text.replace(/'/g, "'\\''")}'`;

export function callLines(service, request) {
  const url = base + consumePath(service.name, service.version);
  const json = JSON.stringify(request);
  const python = pythonLiteral(request);
  return [
    ["curl", `curl ${/^[\w:/.%-]+$/.test(url) ? url : shellWord(url)} \\\n  -H "Authorization: Bearer $TOKEN" \\\n  -H 'Content-Type: application/json' \\\n  -d ${shellWord(json)}`],
    ["Python", `import requests\nanswer = requests.post("${url}",\n    headers={"Authorization": "Bearer " + token},\n    json=${python})\nprint(answer.json()["outputParameters"])`],
    ["R", `answer <- httr::POST("${url}",\n  httr::add_headers(Authorization = paste("Bearer", token)),\n  body = '${json.replace(/\\/g, "\\\\").replace(/'/g, "\\'")}', httr::content_type_json())\nhttr::content(answer)$outputParameters`],
    ["JavaScript", `const answer = await fetch("${url}", {\n  method: "POST",\n  headers: { Authorization: \`Bearer \${token}\`, "Content-Type": "application/json" },\n  body: JSON.stringify(${json}),\n});\nconsole.log((await answer.json()).outputParameters);`],
  ];
}

/** A panel with the same call in each language; the choice is remembered. */
export function callPanel(lines) {
  const box = h("div", { class: "panel__body" });
  const langs = h("ul", { class: "langs", role: "list" });
  function choose(language) {
    const [name, text] = lines.find(([n]) => n === language) || lines[0];
    localStorage.setItem("language", name);
    box.replaceChildren(codeBlock(`${name} call`, text));
    langs.replaceChildren(...lines.map(([n]) => h("li", {}, h("button", { type: "button", class: "button", "aria-pressed": String(n === name), onclick: () => { choose(n); langs.querySelector('[aria-pressed="true"]').focus(); } }, n))));
  }
  choose(localStorage.getItem("language"));
  return panel("Call it", { actions: langs }, box);
}

/** Columns as the model card has them, else those of the contract's parameters. */
function shownColumns(service, card, columns, which) {
  if (card) return (which === "inputs" ? card.columns : card.outputs).map((c) => ({ ...c, levels: c.levels || null, required: !c.optional }));
  if (columns.length) return columns;
  return (service[which === "inputs" ? "inputParameterDefinitions" : "outputParameterDefinitions"] || []).map((p) => ({ name: p.name, type: p.type, levels: null }));
}

const count = (n, word) => `${whole(n)} ${n === 1 ? word : `${word}s`}`;

export async function open({ service }) {
  const realtime = service.runtimeType === "Realtime";
  const [swagger, card] = await Promise.all([api.swagger(service.name, service.version).catch(() => ({})),
    realtime && offers("/admin/api/services/{name}/{version}/model") ? api.card(service.name, service.version).catch(() => null) : null]);
  const { inputs, outputs } = columnsOf(swagger);
  const path = consumePath(service.name, service.version);
  const word = realtime ? "column" : "parameter";
  const verified = card?.verification?.cases && [state("ok", card.verification.result), ` ${count(card.verification.cases, "case")}`];
  const about = panel("About", {}, h("div", { class: "panel__body" }, facts([
    ["Path", h("span", { class: "copyline" }, h("code", {}, path), copyButton("path", () => path))],
    card && ["Format", [h("strong", {}, card.format), card.kind && h("span", { class: "below" }, card.kind)]],
    card?.producer && ["Made by", card.producer],
    card && ["Size", [bytes(card.bytes), card.imageBytes && h("span", { class: "below" }, `${bytes(card.imageBytes)} compiled`)]],
    ["Runtime", service.runtimeType],
    verified && ["Verified", verified],
    ["Owner", service.versionPublishedBy],
    ["Published", when(service.creationTime)],
    card && parseTime(card.changedAt) - parseTime(service.creationTime) > 1000 && ["Replaced", when(card.changedAt)],
    ["Alias", service.operationId || "consume"],
    card && ["SHA-256", h("span", { class: "copyline" }, h("code", { class: "clip", title: card.sha256 }, card.sha256), copyButton("SHA-256", () => card.sha256))],
    (service.outputFileNames || []).length > 0 && ["Files", service.outputFileNames.join(", ")],
    ["You may", mayChange(service) ? "call, update and delete it" : "call it; only its owner and Owners change it"]])));
  const shownIn = shownColumns(service, card, inputs, "inputs");
  const shownOut = shownColumns(service, card, outputs, "outputs");
  return h("div", { class: "split" },
    h("div", { class: "stack" },
      panel("Inputs", { aside: h("p", {}, count(shownIn.length, word)) }, shownIn.length ? columnTable("Input columns", shownIn, { inputs: realtime }) : h("p", { class: "rows-limit" }, "It takes nothing.")),
      panel("Outputs", { aside: h("p", {}, count(shownOut.length, word)) }, shownOut.length ? columnTable("Output columns", shownOut) : h("p", { class: "rows-limit" }, "It answers what it prints, and files.")),
      callPanel(callLines(service, exampleRequest(service, inputs)))),
    h("aside", { class: "stack", "aria-label": "Facts" }, about));
}
