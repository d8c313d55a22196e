// SPDX-License-Identifier: Apache-2.0
// One version of a service; its tabs are links, each a module.

import { api } from "../api.js";
import { go, to } from "../router.js";
import { h } from "../ui/h.js";

const tabs = [
  ["overview", "Overview", () => import("./service-overview.js")],
  ["try", "Try it", () => import("./service-try.js")],
  ["score", "Score a file", () => import("./service-score.js")],
  ["versions", "Versions", () => import("./service-versions.js")],
  ["code", "Code", () => import("./service-code.js")],
  ["api", "API", () => import("./service-api.js")],
];

function versionChoice(name, version, versions, tab) {
  const choice = h("select", { "aria-label": "Version", onchange: (event) => go(to("services", name, event.target.value, tab)) },
    [...versions].reverse().map((v) => h("option", { value: v.version, selected: v.version === version }, v.version)));
  return h("span", {}, choice);
}

export async function open({ name, version, tab = "overview" }) {
  const versions = await api.versions(name);
  if (!versions.length) throw new Error(`There is no service '${name}'. It may have been deleted, or its name may be different.`);
  const latest = versions[versions.length - 1];
  const wanted = version ?? latest.version;
  const service = versions.find((v) => v.version === wanted);
  if (!service) throw new Error(`'${name}' has no version '${wanted}'. It has ${versions.map((v) => v.version).join(", ")}.`);
  const [, label, load] = tabs.find(([id]) => id === tab) || tabs[0];
  const page = await load();
  const body = await page.open({ service, versions });

  const head = h("header", { class: "page-head" }, h("div", { class: "page-head__text" },
    h("div", { class: "title" }, h("h1", {}, name), versionChoice(name, wanted, versions, tab),
      service === latest && h("span", { class: "chip chip--accent" }, "latest"), h("span", { class: "chip" }, service.runtimeType)),
    service.description && h("p", {}, service.description)));
  const visible = tabs.filter(([id]) => !(id === "code" && !service.code) && !(id === "score" && service.runtimeType !== "Realtime"));
  const links = h("nav", { class: "tabs", "aria-label": `${name} ${wanted}` }, h("ul", {}, visible.map(([id, text]) =>
    h("li", {}, h("a", { href: to("services", name, wanted, id), "aria-current": id === tab ? "page" : null }, text)))));
  return {
    title: `${name} ${wanted}, ${label}`,
    crumbs: [["Services", to("services")], [name, to("services", name)], [wanted, to("services", name, wanted)]],
    body: [head, links, body],
  };
}
