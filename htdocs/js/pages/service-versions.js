// SPDX-License-Identifier: Apache-2.0
// All versions of a service: compare two, publish again, delete one.

import { api, offers } from "../api.js";
import { session } from "../auth.js";
import { go, to } from "../router.js";
import { confirmTyped } from "../ui/dialog.js";
import { parseTime, percent, when, whole } from "../ui/format.js";
import { h, icon, panel, tableBox } from "../ui/h.js";
import { table } from "../ui/table.js";
import { mayChange } from "./service.js";
import { toast } from "../ui/toast.js";

/** Lines of a and b with signs, by longest common subsequence. */
export function difference(a, b) {
  const width = b.length + 1;
  const best = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      best[i * width + j] = a[i] === b[j] ? best[(i + 1) * width + j + 1] + 1 : Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
    }
  }
  const lines = [];
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { lines.push([" ", a[i], i + 1, j + 1]); i += 1; j += 1; }
    else if (j >= b.length || (i < a.length && best[(i + 1) * width + j] >= best[i * width + j + 1])) { lines.push(["-", a[i], i + 1, ""]); i += 1; }
    else { lines.push(["+", b[j], "", j + 1]); j += 1; }
  }
  return lines;
}

const CONTEXT = 3; // equal lines shown around a change
const MOST = 3000; // lines that are compared

/** Only what changed, with some lines around it; a gap says how many are left out. */
function condensed(lines) {
  const near = lines.map(() => false);
  lines.forEach(([sign], i) => {
    if (sign !== " ") for (let k = Math.max(0, i - CONTEXT); k <= Math.min(lines.length - 1, i + CONTEXT); k += 1) near[k] = true;
  });
  const shown = [];
  for (let i = 0; i < lines.length; i += 1) {
    if (near[i]) { shown.push(lines[i]); continue; }
    let to_ = i;
    while (to_ < lines.length && !near[to_]) to_ += 1;
    shown.push(["gap", `${to_ - i} equal ${to_ - i === 1 ? "line" : "lines"}`]);
    i = to_ - 1;
  }
  return shown;
}

/** What differs between two lines that replace each other: [before, middle, after]. */
function middle(text, other) {
  let from = 0, back = 0;
  const most = Math.min(text.length, other.length);
  while (from < most && text[from] === other[from]) from += 1;
  while (back < most - from && text[text.length - 1 - back] === other[other.length - 1 - back]) back += 1;
  return [text.slice(0, from), text.slice(from, text.length - back), text.slice(text.length - back)];
}

/** The text of a changed line; where one line was replaced by one, what changed in it is marked. */
function marked(lines, i) {
  const [sign, text] = lines[i];
  const at = (k, want) => lines[k]?.[0] === want;
  const alone = sign === "-" ? at(i + 1, "+") && !at(i - 1, "-") && !at(i + 2, "+") : sign === "+" ? at(i - 1, "-") && !at(i - 2, "-") && !at(i + 1, "+") : false;
  if (!alone) return text;
  const [before, changed, after] = middle(text, lines[sign === "-" ? i + 1 : i - 1][1]);
  return [before, changed && h(sign === "-" ? "del" : "ins", {}, changed), after];
}

function diffTable(caption, a, b) {
  const [left, right] = [a.split("\n"), b.split("\n")];
  if (left.length > MOST || right.length > MOST) return h("p", { class: "rows-limit" }, "Too long to compare here.");
  const lines = difference(left, right);
  if (lines.every(([sign]) => sign === " ")) return h("p", { class: "rows-limit" }, "No difference.");
  const shown = condensed(lines);
  const kinds = { "+": "add", "-": "cut", " ": null };
  const words = { "+": "added", "-": "removed", " ": "" };
  return tableBox(h("table", { class: "diff" }, h("caption", { class: "vh" }, caption),
    h("colgroup", {}, ["ln", "ln", "sign", null].map((kind) => h("col", { class: kind }))),
    h("thead", { class: "vh" }, h("tr", {}, ["Line before", "Line after", "Change", "Text"].map((t) => h("th", { scope: "col" }, t)))),
    h("tbody", {}, shown.map(([sign, text, l, r], i) => (sign === "gap" ? h("tr", { class: "gap" }, h("td", { colspan: 4 }, text))
      : h("tr", { class: kinds[sign] }, h("td", { class: "ln" }, String(l)), h("td", { class: "ln" }, String(r)),
        h("td", { class: "sign" }, sign, h("span", { class: "vh" }, words[sign])), h("td", {}, marked(shown, i))))))));
}

const described = (v) => JSON.stringify({
  runtime: v.runtimeType, owner: v.versionPublishedBy, description: v.description, alias: v.operationId,
  inputs: v.inputParameterDefinitions, outputs: v.outputParameterDefinitions, files: v.outputFileNames,
}, null, 2);

/** Columns of the model matter more than metadata, so they come first. */
async function compare(name, left, right) {
  const [a, b] = await Promise.all([left, right].map((v) => api.swagger(name, v.version).catch(() => ({}))));
  const schema = (s) => JSON.stringify({ inputs: s.definitions?.InputParameters, outputs: s.definitions?.OutputParameters }, null, 2);
  const title = `${left.version} and ${right.version}`;
  return [
    panel(`Schema of ${title}`, {}, diffTable("Differences of the schema", schema(a), schema(b))),
    panel(`Metadata of ${title}`, {}, diffTable("Differences of the metadata", described(left), described(right))),
    (left.code || right.code) && panel(`Code of ${title}`, {}, diffTable("Differences of the code", left.code || "", right.code || "")),
  ];
}

async function remove(version, versions) {
  const only = versions.length === 1;
  const used = offers("/admin/api/usage") ? (await api.usage().catch(() => null))?.items.find((i) => i.name === version.name && i.version === version.version) : null;
  const sure = await confirmTyped({
    title: `Delete ${version.name} ${version.version}?`, word: version.version, action: "Delete this version",
    consequences: h("ul", {}, h("li", {}, "Calls of this version get 404 from now on.", used?.requests > 0 && ` It was called ${whole(used.requests)} times since the server started.`),
      only ? h("li", {}, "It is the only version: the service goes with it.") : h("li", {}, "Other versions are not touched."),
      h("li", {}, "There is no undo; publish the model again to bring it back.")),
  });
  if (!sure) return;
  try {
    await api.remove(version.name, version.version);
    toast("ok", `Deleted ${version.name} ${version.version}.`);
    go(only ? to("services") : to("services", version.name, versions.filter((v) => v !== version).at(-1).version, "versions"));
  } catch (error) {
    toast("fail", `Not deleted. ${error.message}`);
  }
}

export async function open({ service, versions }) {
  const result = h("div", { class: "stack", "aria-live": "polite" });
  const chosen = [];
  const usage = offers("/admin/api/usage") ? (await api.usage().catch(() => null))?.items : null;
  const used = (v) => usage?.find((i) => i.name === v.name && i.version === v.version);
  const check = (version) => h("input", { type: "checkbox", "aria-label": `Compare ${version.version}`, onchange: async (event) => {
    if (event.target.checked) chosen.push([version, event.target]);
    else chosen.splice(chosen.findIndex(([v]) => v === version), 1);
    if (chosen.length > 2) chosen.shift()[1].checked = false;
    const [left, right] = chosen.map(([v]) => v).sort((x, y) => versions.indexOf(x) - versions.indexOf(y));
    result.replaceChildren(...(right ? (await compare(service.name, left, right)).filter(Boolean) : []));
  } });
  const list = table({ caption: "Versions, newest first", sort: "published", descending: true, columns: [
    { key: "compare", title: "Compare", hidden: true, render: check },
    { key: "version", title: "Version", header: true, value: (v) => v.version, render: (v) => [h("a", { class: "name", href: to("services", v.name, v.version) }, v.version), v.description && h("span", { class: "below clip", title: v.description }, v.description)] },
    { key: "runtime", title: "Runtime", class: "p2", value: (v) => v.runtimeType, render: (v) => v.runtimeType },
    { key: "owner", title: "Owner", class: "p3", value: (v) => v.versionPublishedBy, render: (v) => h("span", { class: "clip", title: v.versionPublishedBy }, v.versionPublishedBy) },
    { key: "published", title: "Published", value: (v) => parseTime(v.creationTime)?.getTime(), descending: true, render: (v) => when(v.creationTime) },
    usage && { key: "calls", title: "Calls", class: "num p1", descending: true, value: (v) => used(v)?.requests ?? 0, render: (v) => whole(used(v)?.requests ?? 0) },
    usage && { key: "errors", title: "Errors", class: "num p2", descending: true, value: (v) => used(v)?.errors ?? 0, render: (v) => { const u = used(v); return u?.requests ? `${percent(u.errors, u.requests)}\u00a0%` : h("span", { class: "quiet" }, "–"); } },
    { key: "acts", title: "Actions", hidden: true, class: "acts", render: (v) => mayChange(v) && [
      h("a", { class: "icon-button", href: `${to("publish", v.name)}?version=${encodeURIComponent(v.version)}`, "aria-label": `Replace ${v.version}`, title: "Replace" }, icon("refresh")),
      h("button", { class: "icon-button icon-button--danger", type: "button", "aria-label": `Delete ${v.version}`, title: "Delete", onclick: () => remove(v, versions) }, icon("trash"))] },
  ].filter(Boolean) });
  list.show(versions);
  return h("div", { class: "stack" }, panel("Versions", { aside: versions.length > 1 && h("p", {}, "Tick two to compare them."), actions: session.may("publish") && h("a", { class: "button", href: to("publish", service.name) }, icon("publish"), "New version") }, list.element), result);
}
