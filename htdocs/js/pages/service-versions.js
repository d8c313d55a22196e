// SPDX-License-Identifier: Apache-2.0
// All versions of a service: compare two, publish again, delete one.

import { api } from "../api.js";
import { go, to } from "../router.js";
import { confirmTyped } from "../ui/dialog.js";
import { parseTime, when } from "../ui/format.js";
import { h, icon, panel } from "../ui/h.js";
import { table } from "../ui/table.js";
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

function diffTable(caption, a, b) {
  const lines = difference(a.split("\n"), b.split("\n"));
  const kinds = { "+": "add", "-": "cut", " ": null };
  return h("div", { class: "table-wrap", tabindex: "0", role: "region", "aria-label": caption }, h("table", { class: "diff" }, h("caption", { class: "vh" }, caption),
    h("tbody", {}, lines.map(([sign, text, left, right]) => h("tr", { class: kinds[sign] }, h("th", { class: "ln" }, String(left)), h("th", { class: "ln" }, String(right)),
      h("td", { class: "sign" }, sign), h("td", {}, text))))));
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
  const sure = await confirmTyped({
    title: `Delete ${version.name} ${version.version}?`, word: version.version, action: "Delete this version",
    consequences: h("ul", {}, h("li", {}, "Calls of this version get 404 from now on."),
      only ? h("li", {}, "It is the only version: the service goes with it.") : h("li", {}, "Other versions are not touched."),
      h("li", {}, "There is no undo; publish the model again to bring it back.")),
  });
  if (!sure) return;
  try {
    await api.remove(version.name, version.version);
    toast("ok", `Deleted ${version.name} ${version.version}.`);
    go(only ? to("services") : to("services", version.name));
    if (location.hash === to("services", version.name)) window.dispatchEvent(new HashChangeEvent("hashchange"));
  } catch (error) {
    toast("fail", `Not deleted. ${error.message}`);
  }
}

export async function open({ service, versions }) {
  const result = h("div", { class: "stack", "aria-live": "polite" });
  const chosen = [];
  const check = (version) => h("input", { type: "checkbox", "aria-label": `Compare ${version.version}`, onchange: async (event) => {
    if (event.target.checked) chosen.push([version, event.target]);
    else chosen.splice(chosen.findIndex(([v]) => v === version), 1);
    if (chosen.length > 2) chosen.shift()[1].checked = false;
    const [left, right] = chosen.map(([v]) => v).sort((x, y) => versions.indexOf(x) - versions.indexOf(y));
    result.replaceChildren(...(right ? (await compare(service.name, left, right)).filter(Boolean) : []));
  } });
  const may = (v) => v.myPermissionOnService === "read/write";
  const list = table({ caption: "Versions, newest first", sort: "published", descending: true, columns: [
    { key: "compare", title: "Compare", hidden: true, render: check },
    { key: "version", title: "Version", header: true, value: (v) => v.version, render: (v) => [h("a", { class: "name", href: to("services", v.name, v.version) }, v.version), v.description && h("span", { class: "below clip", title: v.description }, v.description)] },
    { key: "runtime", title: "Runtime", class: "p2", value: (v) => v.runtimeType, render: (v) => v.runtimeType },
    { key: "owner", title: "Owner", class: "p3", value: (v) => v.versionPublishedBy, render: (v) => v.versionPublishedBy },
    { key: "published", title: "Published", value: (v) => parseTime(v.creationTime)?.getTime(), descending: true, render: (v) => when(v.creationTime) },
    { key: "acts", title: "Actions", hidden: true, class: "acts", render: (v) => may(v) && [
      v.runtimeType === "Realtime" && h("a", { class: "icon-button", href: `${to("publish", v.name)}?version=${encodeURIComponent(v.version)}`, "aria-label": `Replace ${v.version}`, title: "Replace" }, icon("refresh")),
      h("button", { class: "icon-button icon-button--danger", type: "button", "aria-label": `Delete ${v.version}`, title: "Delete", onclick: () => remove(v, versions) }, icon("trash"))] },
  ] });
  list.show(versions);
  return h("div", { class: "stack" }, panel("Versions", { aside: h("p", {}, "Tick two to compare them."), actions: h("a", { class: "button", href: to("publish", service.name) }, icon("publish"), "New version") }, list.element), result);
}
