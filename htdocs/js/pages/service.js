// SPDX-License-Identifier: Apache-2.0
// One version of a service; its tabs are links, each a module.

import { api, offers } from "../api.js";
import { session } from "../auth.js";
import { go, to } from "../router.js";
import { h, tabs } from "../ui/h.js";

const realtime = (service) => service.runtimeType === "Realtime";
export const mayChange = (service) => service.myPermissionOnService === "read/write" && session.me?.role !== "Reader";

const pages = [
  ["overview", "Overview", () => import("./service-overview.js"), () => true],
  ["try", "Try it", () => import("./service-try.js"), () => true],
  ["score", "Score a file", () => import("./service-score.js"), realtime],
  ["versions", "Versions", () => import("./service-versions.js"), () => true],
  ["code", "Code", () => import("./service-code.js"), (service) => Boolean(service.code)],
  ["access", "Access", () => import("./service-access.js"), () => offers("/admin/api/services/{name}/{version}/permissions")],
  ["pool", "Pool", () => import("./service-pool.js"), (service) => !realtime(service) && mayChange(service) && offers("/services/{name}/{version}/pool")],
  ["usage", "Usage", () => import("./service-usage.js"), () => offers("/admin/api/usage/{name}/{version}")],
  ["api", "API", () => import("./service-api.js"), () => true],
];

function versionChoice(name, version, versions, tab) {
  return h("select", { "aria-label": "Version", class: "version", onchange: (event) => go(to("services", name, event.target.value, tab)) },
    [...versions].reverse().map((v) => h("option", { value: v.version, selected: v.version === version }, v.version)));
}

export async function open({ name, version, tab = "overview" }) {
  const versions = await api.versions(name);
  if (!versions.length) throw new Error(`There is no service '${name}'. It may have been deleted, or its name may be different.`);
  const latest = versions[versions.length - 1];
  const wanted = version ?? latest.version;
  const service = versions.find((v) => v.version === wanted);
  if (!service) throw new Error(`'${name}' has no version '${wanted}'. It has ${versions.map((v) => v.version).join(", ")}.`);
  const chosen = pages.find(([id]) => id === tab);
  if (!chosen) throw new Error(`A service has no page '${tab}'.`);
  const [, label, load, there] = chosen;
  if (!there(service)) throw new Error(tab === "code" ? "Its publisher and Owners see the code of a service; realtime services have none." : `${label} is not for this service, or not for your role.`);
  const page = await load();
  const opened = await page.open({ service, versions });
  const body = opened.body || opened;

  const head = h("header", { class: "page-head" }, h("div", { class: "page-head__text" },
    h("div", { class: "title" }, h("h1", {}, name), versionChoice(name, wanted, versions, tab),
      service === latest && h("span", { class: "chip chip--accent" }, "latest"), h("span", { class: "chip" }, service.runtimeType)),
    service.description && h("p", { class: "clip-2", title: service.description }, service.description)));
  const links = tabs(`${name} ${wanted}`, pages.filter(([, , , ok]) => ok(service)).map(([id, text]) => [id, text, to("services", name, wanted, id)]), tab);
  return {
    title: `${name} ${wanted}, ${label}`,
    crumbs: [["Services", to("services")], [name, to("services", name)], [wanted, to("services", name, wanted)]],
    body: [head, links, body],
    leave: opened.leave,
  };
}
