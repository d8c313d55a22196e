// SPDX-License-Identifier: Apache-2.0
// All services: the latest version of each, how much it is called, found by search and filters.

import { api, base, offers } from "../api.js";
import { session } from "../auth.js";
import { remember, to } from "../router.js";
import { download, writeForSpreadsheet } from "../ui/csv.js";
import { latency, parseTime, percent, rate, when, whole, withUnit } from "../ui/format.js";
import { button, codeBlock, field, figures, h, icon, panel } from "../ui/h.js";
import { table } from "../ui/table.js";

const FAILING = 0.01; // share of calls that fail
const FEW = 20; // calls, below which a share says nothing

/** One entry a service: its newest version, how many there are, and what was counted of all. */
export function grouped(versions, usage = []) {
  const services = new Map();
  for (const version of versions) {
    const entry = services.get(version.name) || { name: version.name, count: 0, requests: 0, errors: 0, perSecond: 0, p95: null, busiest: 0 };
    Object.assign(entry, { latest: version, count: entry.count + 1 });
    services.set(version.name, entry);
  }
  for (const item of usage) {
    const entry = services.get(item.name);
    if (!entry) continue;
    entry.requests += item.requests;
    entry.errors += item.errors;
    entry.perSecond += item.requestsPerSecond;
    if (item.requests > entry.busiest) Object.assign(entry, { busiest: item.requests, p95: item.p95Milliseconds });
  }
  return [...services.values()];
}

const failing = (s) => s.requests >= FEW && s.errors / s.requests >= FAILING;

function columns(counted) {
  const used = [
    { key: "rate", title: "Requests", class: "c-rate num", descending: true, value: (s) => s.perSecond, render: (s) => (s.requests ? withUnit(rate(s.perSecond), "/s") : h("span", { class: "quiet" }, "none")) },
    { key: "p95", title: "p95", class: "c-p95 p1 num", descending: true, value: (s) => s.p95, render: (s) => withUnit(s.requests ? latency(s.p95) : "–", "ms") },
    { key: "errors", title: "Errors", class: "c-err num", descending: true, value: (s) => (s.requests ? s.errors / s.requests : null), render: (s) => (failing(s) ? h("span", { class: "state state--fail" }, icon("fail"), percent(s.errors, s.requests), "\u00a0%") : withUnit(percent(s.errors, s.requests), "%")) },
  ];
  return [
    { key: "name", title: "Service", header: true, value: (s) => s.name, render: (s) => [
      h("a", { class: "name", href: to("services", s.name, s.latest.version) }, s.name),
      s.latest.description && h("span", { class: "below clip below--text", title: s.latest.description }, s.latest.description),
      h("span", { class: "below fold3" }, h("span", { class: "fold2" }, `${s.latest.version}, ${s.latest.runtimeType}, `), s.latest.versionPublishedBy, counted && s.requests > 0 && h("span", { class: "fold1" }, ", p95 ", latency(s.p95), "\u00a0ms"))] },
    { key: "version", title: "Latest", class: "c-version p2", value: (s) => s.latest.version, render: (s) => h("span", { class: "clip", title: s.latest.version }, s.latest.version) },
    { key: "count", title: "Versions", class: "c-all p3 num", value: (s) => s.count, descending: true, render: (s) => whole(s.count) },
    { key: "runtime", title: "Runtime", class: "c-runtime p2", value: (s) => s.latest.runtimeType, render: (s) => s.latest.runtimeType },
    { key: "owner", title: "Owner", class: "c-owner p3", value: (s) => s.latest.versionPublishedBy, render: (s) => h("span", { class: "clip", title: s.latest.versionPublishedBy }, s.latest.versionPublishedBy) },
    { key: "published", title: "Published", class: "c-when p3", value: (s) => parseTime(s.latest.creationTime)?.getTime(), descending: true, render: (s) => when(s.latest.creationTime) },
    ...(counted ? used : []),
  ];
}

function select(label, values) {
  return h("select", { "aria-label": label }, h("option", { value: "" }, "All"), values.map((v) => h("option", {}, v)));
}

function teach() {
  const curl = `curl -H "Authorization: Bearer $TOKEN" -F model=@model.pmml ${base}/realtime-services/my-model/1.0`;
  const python = `from azureml.deploy import DeployClient\nfrom azureml.deploy.server import MLServer\nclient = DeployClient("${base}", use=MLServer, auth=("${session.user || "user"}", "password"))\nclient.realtime_service("my-model").version("1.0").serialized_model(b"blob" + open("model.pmml", "rb").read()).deploy()`;
  return panel("Publish the first one", {}, h("div", { class: "panel__body" }, h("ul", { class: "ways", role: "list" },
    h("li", {}, h("h3", {}, "Here"), h("p", {}, "Upload a model file and see its columns before it goes live."), h("p", {}, h("a", { class: "button button--primary", href: to("publish") }, icon("publish"), "Publish a service"))),
    h("li", {}, h("h3", {}, "With curl"), codeBlock("curl command", curl)),
    h("li", {}, h("h3", {}, "From Python"), codeBlock("Python lines", python)))));
}

/** Readings of all services, and the ones that need a look. */
function summary(services, usage) {
  const sum = (name) => services.reduce((all, s) => all + s[name], 0);
  const requests = sum("requests");
  const busiest = [...services].filter((s) => s.requests).sort((a, b) => b.requests - a.requests)[0];
  const bad = services.filter(failing).sort((a, b) => b.errors - a.errors);
  return [
    figures("All services", [
      ["Requests", rate(sum("perSecond")), "/s"],
      [["Calls since ", when(usage.since)], whole(requests)],
      ["Errors", percent(sum("errors"), requests), requests ? "%" : ""],
      ["p95 of the busiest", busiest ? latency(busiest.p95) : "–", busiest ? "ms" : ""]]),
    bad.length > 0 && h("div", { class: "note note--fail" }, icon("fail"), h("div", {}, h("p", {},
      h("strong", {}, bad.length === 1 ? "1 service needs a look. " : `${whole(bad.length)} services need a look. `),
      bad.slice(0, 3).map((s, i) => [i > 0 && ", ", h("a", { href: to("services", s.name, s.latest.version, "usage") }, s.name), ` fails ${percent(s.errors, s.requests)}\u00a0% of its calls`]),
      bad.length > 3 ? ", and others." : "."))),
  ];
}

export async function open({ query }) {
  const counted = offers("/admin/api/usage");
  const [versions, usage] = await Promise.all([api.services(), counted ? api.usage().catch(() => null) : null]);
  const services = grouped(versions, usage?.items);
  const publish = session.may("publish");
  const head = h("header", { class: "page-head" },
    h("div", { class: "page-head__text" }, h("h1", {}, "Services"), h("p", {}, `${whole(services.length)} ${services.length === 1 ? "service" : "services"}, ${whole(versions.length)} ${versions.length === 1 ? "version" : "versions"}.`)),
    publish && h("div", { class: "actions" }, h("a", { class: "button button--primary", href: to("publish") }, icon("publish"), "Publish a service")));
  if (!services.length) {
    return { title: "Services", body: [head, publish ? teach() : h("div", { class: "empty" }, icon("services"), h("h2", {}, "No services yet"), h("p", {}, "Your role lets you call services, not publish them. What others publish appears here."))] };
  }

  const search = h("input", { type: "search", autocomplete: "off", value: query.get("q") || "" });
  const runtime = select("Runtime", [...new Set(services.map((s) => s.latest.runtimeType))].sort());
  const owners = [...new Set(services.map((s) => s.latest.versionPublishedBy))].sort();
  const owner = select("Owner", owners);
  const use = select("Use", usage ? ["Called", "Never called", "Failing"] : []);
  for (const [control, name] of [[runtime, "runtime"], [owner, "owner"], [use, "use"]]) control.value = query.get(name) || "";
  const found = h("span", { class: "quiet", role: "status" });
  const list = table({ caption: "Services, newest version of each", columns: columns(usage), sort: "name", className: "services", start: Math.max(0, Number(query.get("page")) - 1 || 0),
    none: "No service matches. Clear the search or the filters.", changed: keep });
  if (query.get("sort")) list.sortBy(query.get("sort"));
  const texts = new Map(services.map((s) => [s, `${s.name} ${s.latest.versionPublishedBy} ${s.latest.description || ""}`.toLowerCase()]));
  const uses = { "": () => true, Called: (s) => s.requests > 0, "Never called": (s) => s.requests === 0, Failing: failing };
  let shown = [];

  function keep() {
    remember("#/services", { q: search.value, runtime: runtime.value, owner: owner.value, use: use.value, ...list.state() });
  }
  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = services.filter((s) => words.every((word) => texts.get(s).includes(word)) && (!runtime.value || s.latest.runtimeType === runtime.value) &&
      (!owner.value || s.latest.versionPublishedBy === owner.value) && (uses[use.value] || uses[""])(s));
    list.show(shown);
    found.textContent = shown.length === services.length ? `All ${whole(services.length)}` : `${whole(shown.length)} of ${whole(services.length)}`;
  }
  for (const control of [search, runtime, owner, use]) control.addEventListener("input", () => { filter(); keep(); });
  filter();

  const save = button("CSV", { glyph: "download", onclick: () => download("services.csv", writeForSpreadsheet([
    ["name", "version", "versions", "runtime", "owner", "published", "description", ...(usage ? ["requests", "errors", "requestsPerSecond", "p95Milliseconds"] : [])],
    ...shown.map((s) => [s.name, s.latest.version, s.count, s.latest.runtimeType, s.latest.versionPublishedBy, s.latest.creationTime, s.latest.description, ...(usage ? [s.requests, s.errors, s.perSecond, s.p95] : [])])])) });
  const section = h("section", { class: "panel", "aria-label": "List of services" },
    h("form", { class: "filters", role: "search", "aria-label": "Filter services", onsubmit: (event) => event.preventDefault() },
      field("Name, owner or description", search, { wide: true }), field("Runtime", runtime), field("Owner", owner), usage && field("Use", use)),
    h("div", { class: "filters__set" }, found, h("div", { class: "actions" }, save)), list.element);
  return { title: "Services", body: [head, ...(usage ? summary(services, usage) : []), section] };
}
