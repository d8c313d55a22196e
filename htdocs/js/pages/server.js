// SPDX-License-Identifier: Apache-2.0
// The server: state of every component, effective configuration, licences, all operations, diagnostics.

import { api, base, offers } from "../api.js";
import { session } from "../auth.js";
import { go, to } from "../router.js";
import { download, saveBlob, writeForSpreadsheet } from "../ui/csv.js";
import { when, whole } from "../ui/format.js";
import { button, codeBlock, facts, field, h, panel, state, tabs } from "../ui/h.js";
import { swaggerUi } from "../ui/swagger.js";
import { plain, table } from "../ui/table.js";
import { toast } from "../ui/toast.js";

const kinds = { pass: "ok", warn: "wait", fail: "fail" };
const words = { pass: "Working", warn: "Needs a look", fail: "Failing" };
const spoken = (name) => name.replace(/([a-z])([A-Z])/g, "$1 $2").replace(/^./, (c) => c.toUpperCase());

const names = { database: "Registry", backends: "Compiler and workers", scoring: "Scoring", authentication: "Signing in" };

/** A value as people read it: `started` is in microseconds since 1970. */
function readable(name, value) {
  if (/^started/.test(name) && value > 1e15) return when(new Date(value / 1000).toISOString());
  if (typeof value === "number") return whole(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return value === null ? "" : String(value);
}

/** Values of a component; what is nested stays JSON. */
function values(value) {
  if (value === null || typeof value !== "object") return h("p", {}, String(value));
  const entries = Object.entries(value);
  const simple = entries.filter(([, v]) => v === null || typeof v !== "object");
  const nested = entries.filter(([, v]) => v !== null && typeof v === "object" && Object.keys(v).length);
  return [simple.length > 0 && facts(simple.map(([name, v]) => [spoken(name), readable(name, v)])),
    nested.map(([name, v]) => (Array.isArray(v) && v.every((x) => typeof x !== "object") ? facts([[spoken(name), v.join(", ")]])
      : h("details", {}, h("summary", {}, spoken(name)), codeBlock(spoken(name), JSON.stringify(v, null, 2)))))];
}

async function statusTab() {
  const status = await api.status();
  const parts = Object.entries(status.components || {});
  return [h("div", { class: "parts" }, parts.map(([name, part]) =>
    panel(names[name] || spoken(name), { aside: state(kinds[part.statusCode] || "idle", words[part.statusCode] || part.statusCode) },
      h("div", { class: "panel__body" }, values({ ...part.details, ...(Object.keys(part.components || {}).length ? { components: part.components } : {}) }))))), status.statusCode, status.details?.version];
}

async function configurationTab() {
  const data = await api.configuration();
  const search = h("input", { type: "search", autocomplete: "off" });
  const only = h("input", { type: "checkbox" });
  const list = table({ caption: "Directives in effect", sort: "name", className: "table--tight directives", page: 100, none: "No directive matches.", columns: [
    { key: "name", title: "Directive", header: true, value: (d) => `${d.name.startsWith("MLServer") ? 0 : 1}${d.name}`, render: (d) => [h("code", {}, d.name), d.default && h("span", { class: "below" }, "default")] },
    { key: "value", title: "Value", value: (d) => d.value, render: (d) => h("code", { class: "pre-wrap" }, d.value) },
    { key: "file", title: "Set in", class: "p2", value: (d) => (d.file ? `${d.file}:${String(d.line).padStart(6, "0")}` : null), render: (d) => (d.file ? h("span", { class: "mono", title: d.file }, `${d.file}:${d.line}`) : h("span", { class: "quiet" }, "built in")) },
  ] });
  const filter = () => list.show(data.directives.filter((d) => `${d.name} ${d.value}`.toLowerCase().includes(search.value.toLowerCase()) && !(only.checked && d.default)));
  search.addEventListener("input", filter);
  only.addEventListener("input", filter);
  filter();
  return [panel("About", {}, h("div", { class: "panel__body" }, facts([["httpd", data.httpd], ["MPM", data.mpm], ["mod_mlserver", data.mlserver], ["Address", base]]))),
    panel("Effective configuration", { aside: h("p", {}, "Secrets are masked."), actions: button("CSV", { glyph: "download", onclick: () => download("configuration.csv", writeForSpreadsheet([["directive", "value", "file", "line", "default"], ...data.directives.map((d) => [d.name, d.value, d.file, d.line, d.default])])) }) },
      h("form", { class: "filters", role: "search", "aria-label": "Filter directives", onsubmit: (event) => event.preventDefault() }, field("Name or value", search, { wide: true }), h("label", { class: "check" }, only, "Only what is set")), list.element)];
}

async function licencesTab() {
  const { items } = await api.licences();
  return [panel("Licences", { aside: h("p", {}, "What this server is made of.") }, plain("Parts and their licences", ["Part", ["Version", "p1"], "Licence", ["Used for", "p2"]], items.map((i) => [i.name, i.version ?? "", i.licence, i.use ?? ""])))];
}

async function apiTab() {
  const openapi = await api.openapi();
  return [panel("All operations", { aside: h("p", {}, "Calls go out with this session’s token."), actions: button("Download", { glyph: "download", onclick: () => download("openapi.json", JSON.stringify(openapi, null, 2), "application/json") }) }, await swaggerUi(openapi))];
}

export async function open({ tab = "status" }) {
  const admin = session.may("admin");
  const list = [["status", "Status", to("server"), statusTab],
    admin && offers("/admin/api/configuration") && ["configuration", "Configuration", to("server", "configuration"), configurationTab],
    ["api", "API", to("server", "api"), apiTab],
    offers("/admin/api/licences") && ["licences", "Licences", to("server", "licences"), licencesTab]].filter(Boolean);
  const chosen = list.find(([id]) => id === tab);
  if (!chosen) throw new Error(tab === "configuration" ? "Owners see the configuration." : `There is no page '${tab}' about the server.`);
  let parts = await chosen[3]();
  let overall = null, version = "";
  if (tab === "status") [parts, overall, version] = [[parts[0]], parts[1], parts[2]];
  const save = admin && offers("/admin/api/diagnostics") && button("Diagnostics", { glyph: "download", title: "Status, configuration, versions and recent log lines as one file, without secrets", onclick: async () => {
    save.disabled = true;
    try {
      saveBlob("mlserver-diagnostics.zip", await api.diagnostics());
    } catch (error) {
      toast("fail", `No diagnostics. ${error.message}`);
    }
    save.disabled = false;
  } });
  const again = tab === "status" && button("Refresh", { glyph: "refresh", onclick: () => go(location.hash) });
  const head = h("header", { class: "page-head" }, h("div", { class: "page-head__text" },
    h("div", { class: "title" }, h("h1", {}, "Server"), overall && state(kinds[overall] || "idle", words[overall] || overall)), h("p", {}, base, version && `, version ${version}`)), h("div", { class: "actions" }, again, save));
  return { title: `Server, ${chosen[1]}`, crumbs: [["Server", to("server")]], body: [head, list.length > 1 && tabs("Server", list, tab), ...parts] };
}
