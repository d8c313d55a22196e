// SPDX-License-Identifier: Apache-2.0
// Score a CSV file: map its columns, preview, send in parts, download results and refused rows.

import { api, consumePath, exchange } from "../api.js";
import { download, parse, writeForSpreadsheet } from "../ui/csv.js";
import { whole } from "../ui/format.js";
import { announce, button, dropZone, h, note, panel, tableBox } from "../ui/h.js";
import { columnsOf, toRequest, typeLabel } from "../ui/schema.js";
import { answerRows } from "./service-try.js";

const PART = 1000; // rows a call
const PREVIEW = 5;

function mappingTable(inputs, header, mapping, changed) {
  const simple = (name) => name.toLowerCase().replace(/[^a-z0-9]/g, "");
  inputs.forEach((column, j) => {
    mapping[j] = header.indexOf(column.name);
    if (mapping[j] < 0) mapping[j] = header.findIndex((name) => simple(name) === simple(column.name));
  });
  return tableBox(h("table", { class: "table table--tight" }, h("caption", { class: "vh" }, "Which column of the file is which input"),
    h("thead", {}, h("tr", {}, ["Input", "Type", "Column of the file"].map((t) => h("th", { scope: "col" }, t)))),
    h("tbody", {}, inputs.map((column, j) => h("tr", {}, h("th", { scope: "row" }, h("code", {}, column.name)), h("td", {}, typeLabel(column)),
      h("td", {}, h("select", { "aria-label": `Column for ${column.name}`, onchange: (event) => { mapping[j] = Number(event.target.value); changed(); } },
        h("option", { value: -1, selected: mapping[j] < 0 }, "none (missing)"),
        header.map((name, k) => h("option", { value: k, selected: mapping[j] === k }, name)))))))));
}

function previewTable(header, rows) {
  return tableBox(h("table", { class: "table table--tight" }, h("caption", { class: "vh" }, "First rows of the file"),
    h("thead", {}, h("tr", {}, header.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, rows.slice(0, PREVIEW).map((row) => h("tr", {}, header.map((_, k) => h("td", {}, row[k] ?? "")))))));
}

/** Score rows in parts; a part that is refused is split until the bad rows are alone. */
async function scoreRows({ service, inputs, rows, signal, progress }) {
  const path = consumePath(service.name, service.version);
  const results = new Array(rows.length).fill(null);
  const refused = [];
  let names = [], done = 0;

  async function part(from, to) {
    const slice = rows.slice(from, to);
    let body;
    try { body = JSON.stringify(toRequest(inputs, slice)); } catch (error) {
      if (to - from === 1) { refused.push([from, error.message]); return; }
      await halves(from, to);
      return;
    }
    const answer = await exchange("POST", path, body, { signal });
    const data = JSON.parse(answer.text);
    if (answer.status === 400) {
      if (to - from === 1) refused.push([from, data.message || data.errorMessage]);
      else await halves(from, to);
      return;
    }
    if (answer.status >= 400) throw new Error(data.message || `The server answered ${answer.status}.`);
    const flat = answerRows(data.outputParameters.outputData);
    names = flat.names;
    flat.rows.forEach((row, i) => { results[from + i] = row; });
    if (data.errorMessage) flat.rows.forEach((row, i) => { if (row.every((v) => v === null)) refused.push([from + i, data.errorMessage]); });
  }

  async function halves(from, to) {
    const middle = (from + to) >> 1;
    await part(from, middle);
    await part(middle, to);
  }

  for (let from = 0; from < rows.length; from += PART) {
    await part(from, Math.min(from + PART, rows.length));
    done = Math.min(from + PART, rows.length);
    progress(done);
  }
  return { names, results, refused };
}

export async function open({ service }) {
  const { inputs } = columnsOf(await api.swagger(service.name, service.version));
  const work = h("div", { class: "stack" });
  const drop = dropZone("CSV file", "Drop a CSV file here, or choose one. Its first line names the columns; an empty cell is missing.", take, ".csv,text/csv");

  async function take(chosen) {
    let table;
    try {
      table = parse(await chosen.text());
      if (table.length < 2) throw new Error("The file has no rows below its first line.");
    } catch (error) {
      work.replaceChildren(note("fail", "The file cannot be read as CSV.", error.message));
      return;
    }
    prepare(chosen.name, table[0], table.slice(1));
  }

  function prepare(fileName, header, rows) {
    const mapping = [];
    const bar = h("progress", { max: rows.length, value: 0, "aria-label": "Rows scored", hidden: true });
    const status = h("p", { class: "quiet", role: "status" });
    const results = h("div", { class: "stack" });
    let stop = null;
    const cancel = button("Cancel", { hidden: true, onclick: () => stop?.abort() });
    const run = button(`Score ${whole(rows.length)} rows`, { kind: "primary", glyph: "run", onclick: async () => {
      stop = new AbortController();
      run.disabled = true; bar.hidden = cancel.hidden = false;
      try {
        const chosen = rows.map((row) => mapping.map((k) => (k < 0 ? "" : row[k] ?? "")));
        const found = await scoreRows({ service, inputs, rows: chosen, signal: stop.signal, progress: (done) => {
          bar.value = done;
          status.textContent = `${whole(done)} of ${whole(rows.length)} rows`;
        } });
        finished(found);
      } catch (error) {
        results.replaceChildren(error.name === "AbortError" ? note("wait", "Cancelled.", "Nothing was kept.") : note("fail", "Scoring stopped.", error.message));
      } finally {
        run.disabled = false; cancel.hidden = true;
      }
    } });

    function finished({ names, results: scored, refused }) {
      const bad = new Set(refused.map(([i]) => i));
      announce(`${rows.length - bad.size} rows scored, ${bad.size} refused`);
      results.replaceChildren(note(bad.size ? "wait" : "ok", `${whole(rows.length - bad.size)} rows scored.`, bad.size ? `${whole(bad.size)} refused, the first because: ${refused[0][1]}` : ""),
        h("div", { class: "actions" },
          button("Results as CSV", { glyph: "download", onclick: () => download(`${service.name}-results.csv`, writeForSpreadsheet([[...header, ...names], ...rows.map((row, i) => [...header.map((_, k) => row[k] ?? ""), ...(scored[i] || names.map(() => ""))])])) }),
          bad.size > 0 && button("Refused rows as CSV", { glyph: "download", onclick: () => download(`${service.name}-refused.csv`, writeForSpreadsheet([["row", "reason", ...header], ...refused.map(([i, reason]) => [i + 1, reason, ...rows[i]])])) })));
    }

    work.replaceChildren(
      panel("Columns", { aside: h("p", {}, fileName) }, mappingTable(inputs, header, mapping, () => {})),
      panel("First rows", {}, previewTable(header, rows)),
      h("div", { class: "actions" }, run, cancel, status), bar, results);
  }

  return h("div", { class: "stack" }, panel("File", {}, h("div", { class: "panel__body" }, drop)), work);
}
