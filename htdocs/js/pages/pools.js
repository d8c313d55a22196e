// SPDX-License-Identifier: Apache-2.0
// Workers of the standard services: ready, busy, waiting; and what interpreters there are.

import { api, offers } from "../api.js";
import { to } from "../router.js";
import { bytes, whole } from "../ui/format.js";
import { button, empty, failure, figures, h, icon, panel, state } from "../ui/h.js";
import { plain, table } from "../ui/table.js";

const EVERY = 3000; // milliseconds
const MOST = 24; // slots drawn one by one
const SVG = "http://www.w3.org/2000/svg";

function slots(pool) {
  const kinds = [["busy", pool.busy], ["idle", pool.idle], ["start", pool.starting]];
  const words = [pool.busy && `${pool.busy} busy`, pool.idle && `${pool.idle} idle`, pool.starting && `${pool.starting} starting`, pool.waiting && `${pool.waiting} waiting`].filter(Boolean).join(", ");
  if (!words) return h("span", { class: "quiet" }, "starts with the first call");
  const marks = kinds.flatMap(([kind, n]) => Array.from({ length: n || 0 }, () => kind));
  if (marks.length > MOST) return words;
  const svg = document.createElementNS(SVG, "svg");
  const width = Math.max(12, marks.length * 12);
  for (const [name, value] of Object.entries({ class: "slots", viewBox: `0 0 ${width} 16`, width, height: 16, role: "img", "aria-label": words })) svg.setAttribute(name, value);
  marks.forEach((kind, i) => {
    const rect = document.createElementNS(SVG, "rect");
    for (const [name, value] of Object.entries({ class: `slot slot--${kind}`, x: i * 12 + 0.5, y: 0.5, width: 9, height: 15 })) rect.setAttribute(name, value);
    svg.append(rect);
  });
  return [svg, h("span", { class: "below" }, words)];
}

const stateOf = (pool) => (pool.waiting > 0 ? state("wait", "Waiting") : pool.busy ? state("ok", "Running") : pool.idle ? state("ok", "Ready") : state("idle", "Empty"));

export async function open() {
  const runtimes = offers("/admin/api/runtimes") ? await api.runtimes().then((d) => d.items, () => []) : [];
  const figuresBox = h("div");
  const problem = h("div");
  const list = table({ caption: "Workers by service", sort: "waiting", descending: true, className: "pools", none: "No pool has started.", columns: [
    { key: "name", title: "Service", header: true, value: (p) => p.name, render: (p) => [h("a", { class: "name", href: to("services", p.name, p.version, "pool") }, p.name), h("span", { class: "below" }, `${p.version}, ${p.runtime}`),
      p.failure && h("span", { class: "below" }, h("span", { class: "state state--fail" }, icon("fail"), h("span", { title: p.failure }, "Its code could not be loaded")))] },
    { key: "slots", title: "Workers", class: "c-slots", render: slots },
    { key: "mode", title: "Mode", class: "p2", value: (p) => p.mode, render: (p) => [p.mode ?? "", p.dedicated && h("span", { class: "below" }, "own pool")] },
    { key: "size", title: "Size", class: "num p1", value: (p) => p.starting + p.idle + p.busy, render: (p) => `${whole(p.starting + p.idle + p.busy)}${p.limit ? ` of ${whole(p.limit)}` : ""}` },
    { key: "waiting", title: "Waiting", class: "num p2", descending: true, value: (p) => p.waiting, render: (p) => whole(p.waiting ?? 0) },
    { key: "memory", title: "Memory", class: "num p3", descending: true, value: (p) => p.memoryBytes, render: (p) => bytes(p.memoryBytes) },
    { key: "state", title: "State", class: "c-state", render: stateOf },
  ] });

  async function refresh() {
    const { items } = await api.pools();
    const sum = (name) => items.reduce((all, p) => all + (p[name] || 0), 0);
    figuresBox.replaceChildren(figures("All pools, now", [["Busy", whole(sum("busy"))], ["Idle", whole(sum("idle"))], ["Starting", whole(sum("starting"))], ["Waiting requests", whole(sum("waiting"))], ["Memory", bytes(sum("memoryBytes"))]]));
    if (!list.element.contains(document.activeElement)) list.show(items);
    problem.replaceChildren();
  }
  await refresh();
  let paused = false;
  const timer = setInterval(() => {
    if (!paused && !document.hidden) refresh().catch((error) => problem.replaceChildren(failure("Not refreshed.", error)));
  }, EVERY);
  const pause = button("Pause", { "aria-pressed": "false", onclick: () => { paused = !paused; pause.setAttribute("aria-pressed", String(paused)); } });
  const head = h("header", { class: "page-head" }, h("div", { class: "page-head__text" }, h("h1", {}, "Pools and nodes"), h("p", {}, "Workers of the standard services. Live, every 3 s.")), h("div", { class: "actions" }, pause));
  const packages = runtimes.map((r) => panel(`${r.name} ${r.version}`, { aside: h("p", {}, h("code", {}, r.interpreter)) },
    r.packages?.length ? h("details", { class: "panel__body" }, h("summary", {}, `${whole(r.packages.length)} packages`), plain(`Packages of ${r.name}`, ["Package", ["Version", "num"]], r.packages.map((p) => [p.name, p.version]))) : empty("info", "No list of packages", "The interpreter did not answer.")));
  return { title: "Pools and nodes", crumbs: [["Pools and nodes", to("pools")]], body: [head, figuresBox, problem, panel("By service", { actions: legend() }, list.element), ...packages], leave: () => clearInterval(timer) };
}

function legend() {
  return h("ul", { class: "legend", role: "list" }, [["busy", "busy"], ["idle", "idle"], ["start", "starting"]].map(([kind, text]) => h("li", {}, h("span", { class: `slot-key slot-key--${kind}` }), text)));
}
