// SPDX-License-Identifier: Apache-2.0
// All services: the latest version of each, found by search and filters.

import { api, base } from "../api.js";
import { session } from "../auth.js";
import { to } from "../router.js";
import { download, writeForSpreadsheet } from "../ui/csv.js";
import { parseTime, when, whole } from "../ui/format.js";
import { button, codeBlock, field, h, icon, panel } from "../ui/h.js";
import { table } from "../ui/table.js";

/** One entry a service: its newest version and how many there are. */
export function grouped(versions) {
  const services = new Map();
  for (const version of versions) {
    const entry = services.get(version.name) || { name: version.name, count: 0 };
    Object.assign(entry, { latest: version, count: entry.count + 1 });
    services.set(version.name, entry);
  }
  return [...services.values()];
}

function columns() {
  return [
    { key: "name", title: "Service", header: true, value: (s) => s.name, render: (s) => [
      h("a", { class: "name", href: to("services", s.name, s.latest.version) }, s.name),
      s.latest.description && h("span", { class: "below clip below--text", title: s.latest.description }, s.latest.description),
      h("span", { class: "below fold3" }, h("span", { class: "fold2" }, `${s.latest.version}, ${s.latest.runtimeType}, `), s.latest.versionPublishedBy)] },
    { key: "version", title: "Latest", class: "c-version p2", value: (s) => s.latest.version, render: (s) => h("span", { class: "clip", title: s.latest.version }, s.latest.version) },
    { key: "count", title: "Versions", class: "c-all p3 num", value: (s) => s.count, descending: true, render: (s) => whole(s.count) },
    { key: "runtime", title: "Runtime", class: "c-runtime p2", value: (s) => s.latest.runtimeType, render: (s) => s.latest.runtimeType },
    { key: "owner", title: "Owner", class: "c-owner p3", value: (s) => s.latest.versionPublishedBy, render: (s) => h("span", { class: "clip", title: s.latest.versionPublishedBy }, s.latest.versionPublishedBy) },
    { key: "published", title: "Published", class: "c-when p3", value: (s) => parseTime(s.latest.creationTime)?.getTime(), descending: true, render: (s) => when(s.latest.creationTime) },
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

export async function open({ query }) {
  const versions = await api.services();
  const services = grouped(versions);
  const head = h("header", { class: "page-head" },
    h("div", { class: "page-head__text" }, h("h1", {}, "Services"), h("p", {}, `${whole(services.length)} services, ${whole(versions.length)} versions.`)),
    h("div", { class: "actions" }, h("a", { class: "button button--primary", href: to("publish") }, icon("publish"), "Publish a service")));
  if (!services.length) return { title: "Services", body: [head, teach()] };

  const search = h("input", { type: "search", autocomplete: "off", value: query.get("q") || "" });
  const runtime = select("Runtime", [...new Set(services.map((s) => s.latest.runtimeType))].sort());
  const owner = select("Owner", [...new Set(services.map((s) => s.latest.versionPublishedBy))].sort());
  const found = h("span", { class: "quiet", role: "status" });
  const list = table({ caption: "Services, newest version of each", columns: columns(), sort: "name", className: "services" });
  let shown = [];

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = services.filter((s) => {
      const text = `${s.name} ${s.latest.versionPublishedBy} ${s.latest.description || ""}`.toLowerCase();
      return words.every((word) => text.includes(word)) && (!runtime.value || s.latest.runtimeType === runtime.value) &&
        (!owner.value || s.latest.versionPublishedBy === owner.value);
    });
    list.show(shown);
    found.textContent = `${whole(shown.length)} of ${whole(services.length)}`;
  }
  search.addEventListener("input", () => {
    filter();
    history.replaceState(null, "", search.value ? `#/services?q=${encodeURIComponent(search.value)}` : "#/services");
  });
  runtime.addEventListener("change", filter);
  owner.addEventListener("change", filter);
  filter();

  const save = button("CSV", { glyph: "download", onclick: () => download("services.csv", writeForSpreadsheet([
    ["name", "version", "versions", "runtime", "owner", "published", "description"],
    ...shown.map((s) => [s.name, s.latest.version, s.count, s.latest.runtimeType, s.latest.versionPublishedBy, s.latest.creationTime, s.latest.description])])) });
  const section = h("section", { class: "panel", "aria-label": "List of services" },
    h("form", { class: "filters", role: "search", "aria-label": "Filter services", onsubmit: (event) => event.preventDefault() },
      field("Name, owner or description", search, { wide: true }), field("Runtime", runtime), field("Owner", owner)),
    h("div", { class: "filters__set" }, found, h("div", { class: "actions" }, save)), list.element);
  return { title: "Services", body: [head, section] };
}
