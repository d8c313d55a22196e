// SPDX-License-Identifier: Apache-2.0
// Try it: a form made from the schema, the answer as a table, the raw exchange beside it.

import { api, consumePath, exchange } from "../api.js";
import { session } from "../auth.js";
import { download, writeForSpreadsheet } from "../ui/csv.js";
import { bytes, cell, milliseconds } from "../ui/format.js";
import { button, codeBlock, copyButton, failure, h, icon, note, panel, state, tableBox } from "../ui/h.js";
import { columnsOf, toRequest, typeLabel } from "../ui/schema.js";
import { callLines, callPanel, exampleRequest } from "./service-overview.js";

const MAX_ROWS_SHOWN = 500;

function control(column, value, labels) {
  if (column.levels) {
    return h("select", { "aria-labelledby": labels }, h("option", { value: "" }, "missing"),
      column.levels.map((level) => h("option", { selected: String(level) === String(value) }, level)));
  }
  if (column.type === "boolean") {
    return h("select", { "aria-labelledby": labels }, ["", "true", "false"].map((v) => h("option", { value: v, selected: v === String(value ?? "") }, v || "missing")));
  }
  return h("input", { type: "text", inputmode: column.type === "string" ? null : "decimal", "aria-labelledby": labels, placeholder: "missing", value: value ?? "" });
}

/** The grid of inputs: {element, rows(), set(rows)}. */
function grid(columns, rows, changed) {
  const body = h("tbody");
  const element = tableBox(h("table", { class: "grid-form" }, h("caption", { class: "vh" }, "Rows to score"),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, h("span", { class: "vh" }, "Row")),
      columns.map((c, j) => h("th", { scope: "col", id: `c${j}` }, c.name, h("span", { class: "hint" }, typeLabel(c)))),
      h("th", { scope: "col" }, h("span", { class: "vh" }, "Remove")))), body));

  function draw() {
    body.replaceChildren(...rows.map((row, i) => h("tr", {}, h("th", { scope: "row", id: `r${i}` }, String(i + 1)),
      columns.map((column, j) => {
        const input = control(column, row[j], `r${i} c${j}`);
        input.addEventListener("input", () => { row[j] = input.value; changed(rows); });
        return h("td", { "data-label": column.name }, input);
      }),
      h("td", { class: "acts" }, h("button", { class: "icon-button icon-button--danger", type: "button", "aria-label": `Remove row ${i + 1}`, onclick: () => {
        if (rows.length > 1) rows.splice(i, 1);
        changed(rows);
        draw();
      } }, icon("close"))))));
  }
  draw();
  return { element, rows: () => rows, set(list) { rows = list; changed(rows); draw(); } };
}

/** The answer's columns as rows for a table. */
export function answerRows(data) {
  const columns = Object.entries(data || {}).map(([name, values]) => [name, Array.isArray(values) ? values : [values]]);
  const count = Math.max(0, ...columns.map(([, values]) => values.length));
  return { names: columns.map(([name]) => name), rows: Array.from({ length: count }, (_, i) => columns.map(([, values]) => values[i])) };
}

function answerTable({ names, rows }) {
  const shown = rows.slice(0, MAX_ROWS_SHOWN);
  return [tableBox(h("table", { class: "table" }, h("caption", { class: "vh" }, "Answer, one line per row"),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Row"), names.map((n) => h("th", { scope: "col" }, n)))),
    h("tbody", {}, shown.map((row, i) => h("tr", {}, h("th", { scope: "row" }, String(i + 1)),
      row.map((v) => h("td", { class: typeof v === "number" ? "num" : null }, cell(v)))))))),
  rows.length > shown.length && h("p", { class: "rows-limit" }, `The first ${shown.length} of ${rows.length} rows; the CSV has all.`)];
}

function rawPanels(path, body, answer) {
  const request = `POST ${path}\nAuthorization: Bearer (this session)\nContent-Type: application/json\n\n${body}`;
  const headers = [...answer.headers].map(([k, v]) => `${k}: ${v}`).join("\n");
  let text = answer.text;
  try { text = JSON.stringify(JSON.parse(answer.text), null, 2); } catch { /* as it is */ }
  return h("div", { class: "halves" },
    panel("Request", { aside: h("p", {}, bytes(body.length)) }, codeBlock("raw request", request)),
    panel("Response", { aside: h("p", {}, bytes(answer.text.length)) }, codeBlock("raw response", `${answer.status}\n${headers}\n\n${text}`)));
}

function outcome(service, answer) {
  let data = null;
  try { data = JSON.parse(answer.text); } catch { /* not JSON */ }
  const id = answer.headers.get("X-Request-Id");
  const good = answer.status < 400 && data;
  const output = data?.outputParameters?.outputData ?? data?.outputParameters;
  const flat = good && output ? answerRows(output) : null;
  return panel("Answer", {
    aside: [state(good ? "ok" : "fail", String(answer.status)), h("p", {}, milliseconds(answer.milliseconds), id && [", request ", h("code", {}, id)]), id && copyButton("request id", () => id)],
    actions: flat && button("CSV", { glyph: "download", onclick: () => download(`${service.name}.csv`, writeForSpreadsheet([flat.names, ...flat.rows])) }),
  },
  !good && h("div", { class: "panel__body" }, note("fail", "The call was refused.", data?.message || data?.errorMessage || answer.text.slice(0, 2000))),
  good && data.errorMessage && h("div", { class: "panel__body" }, note("wait", "Some rows were refused.", data.errorMessage)),
  flat && flat.rows.length > 0 && answerTable(flat),
  good && data.consoleOutput && h("div", { class: "panel__body" }, h("h3", {}, "Console output"), codeBlock("console output", data.consoleOutput)));
}

export async function open({ service }) {
  const swagger = await api.swagger(service.name, service.version).catch(() => ({}));
  const { inputs } = columnsOf(swagger);
  const key = `try:${session.user}:${service.name}`;
  const example = exampleRequest(service, inputs);
  const answers = h("div", { class: "stack", "aria-live": "polite" });
  const text = h("textarea", { class: "mono", rows: 10, "aria-label": "Request as JSON", spellcheck: "false", value: JSON.stringify(example, null, 2) });
  const useForm = service.runtimeType === "Realtime" && inputs.length > 0 && inputs.length <= 60;
  const start = remembered(key, inputs) || [inputs.map((c) => c.example)];
  const form = useForm && grid(inputs, start, (rows) => sessionStorage.setItem(key, JSON.stringify({ names: inputs.map((c) => c.name), rows })));
  const problem = h("div");
  let asForm = Boolean(form);

  const body = h("div", { class: "panel__body" });
  const draw = () => body.replaceChildren(asForm ? form.element : text, problem);
  const mode = (label, value) => h("label", {}, h("input", { type: "radio", name: "mode", checked: asForm === value, onchange: () => {
    if (!value) try { text.value = JSON.stringify(toRequest(inputs, form.rows()), null, 2); } catch { /* keep the text */ }
    asForm = value;
    draw();
  } }), label);

  async function run(event) {
    event.preventDefault();
    problem.replaceChildren();
    let request;
    try {
      request = asForm ? JSON.stringify(toRequest(inputs, form.rows().map((r) => r.map((v) => String(v ?? ""))))) : text.value;
    } catch (error) {
      problem.replaceChildren(note("fail", "Not sent.", `${error.message}.`));
      return;
    }
    const path = consumePath(service.name, service.version);
    submit.disabled = true;
    try {
      const answer = await exchange("POST", path, request);
      answers.replaceChildren(outcome(service, answer), callPanel(callLines(service, tryParse(request) || example)), rawPanels(path, request, answer));
    } catch (error) {
      answers.replaceChildren(failure("The call failed.", error));
    } finally {
      submit.disabled = false;
    }
  }

  const submit = h("button", { class: "button button--primary", type: "submit" }, icon("run"), "Run");
  const element = h("form", { onsubmit: run, onkeydown: (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run(event); } }, body,
    h("div", { class: "panel__foot" }, submit, h("kbd", { "aria-hidden": "true" }, "Ctrl Enter"), h("div", { class: "actions" },
      form && button("Add row", { glyph: "plus", onclick: () => form.set([...form.rows(), [...form.rows().at(-1)]]) }),
      form && button("Example values", { onclick: () => form.set([inputs.map((c) => c.example)]) }))));
  draw();
  return h("div", { class: "stack" }, panel("Input", { actions: form && h("div", { class: "segment", role: "radiogroup", "aria-label": "Input mode" }, mode("Form", true), mode("JSON", false)) }, element), answers);
}

function tryParse(text) {
  try { return JSON.parse(text); } catch { return null; }
}

function remembered(key, inputs) {
  const kept = tryParse(sessionStorage.getItem(key));
  return kept && JSON.stringify(kept.names) === JSON.stringify(inputs.map((c) => c.name)) ? kept.rows : null;
}
