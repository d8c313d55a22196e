// SPDX-License-Identifier: Apache-2.0
// How much a version is called, how fast it answers, where the time goes, and what failed.

import { api, offers } from "../api.js";
import { remember, to } from "../router.js";
import { clock, latency, parseTime, percent, rate, whole } from "../ui/format.js";
import { button, codeBlock, copyButton, failure, figures, h, panel, segment, state } from "../ui/h.js";
import { chart } from "../ui/chart.js";
import { plain } from "../ui/table.js";
import { mayChange } from "./service.js";

const EVERY = 10000; // milliseconds between looks
const ranges = [["60", "1 h"], ["360", "6 h"], ["1440", "24 h"]];
const stages = [["authorise", "Authorise"], ["parse", "Parse the request"], ["wait", "Wait for a worker"], ["run", "Run"], ["write", "Write the answer"]];

const span = (values, unit, format) => {
  const known = values.filter((v) => Number.isFinite(v));
  return known.length ? `${format(Math.min(...known))} to ${format(Math.max(...known))} ${unit}, last ${format(known.at(-1))} ${unit}` : "no calls";
};

/** Requests a second of each point, from the distance between points. */
function perSecond(points) {
  const step = points.length > 1 ? (parseTime(points[1].time) - parseTime(points[0].time)) / 1000 : 60;
  return (value) => value / (step || 60);
}

function charts({ points }, minutes) {
  const times = points.map((p) => parseTime(p.time));
  const each = perSecond(points);
  const requests = points.map((p) => each(p.requests));
  const errors = points.map((p) => each(p.errors));
  const p = (name) => points.map((point) => (point.requests ? point[name] : null));
  const range = `the last ${ranges.find(([v]) => v === minutes)?.[1] || `${minutes} min`}`;
  return h("div", { class: "charts" },
    chart({ title: "Requests", unit: "/s", group: "usage", times, format: rate, series: [{ label: "all", values: requests }], describe: `Requests a second over ${range}: ${span(requests, "/s", rate)}. The table below has the numbers.` }),
    chart({ title: "Latency", unit: "ms", group: "usage", times, format: latency, series: [{ label: "p95", values: p("p95Milliseconds") }, { label: "p50", values: p("p50Milliseconds") }, { label: "p99", values: p("p99Milliseconds") }], describe: `Latency over ${range}, p95: ${span(p("p95Milliseconds"), "ms", latency)}. The table below has the numbers.` }),
    chart({ title: "Errors", unit: "/s", group: "usage", times, format: rate, bars: true, series: [{ label: "failed or refused", kind: "fail", values: errors }], describe: `Errors a second over ${range}: ${span(errors, "/s", rate)}. The table below has the numbers.` }));
}

function readings(data) {
  const sum = (name) => data.points.reduce((all, point) => all + point[name], 0);
  const requests = sum("requests"), errors = sum("errors");
  const last = [...data.points].reverse().find((point) => point.requests);
  return figures("In this range", [
    ["Calls", whole(requests)], ["Errors", percent(errors, requests), requests ? "%" : ""],
    ["p50", last ? latency(last.p50Milliseconds) : "–", last ? "ms" : ""], ["p95", last ? latency(last.p95Milliseconds) : "–", last ? "ms" : ""]]);
}

function stageTable(data) {
  const rows = stages.filter(([id]) => data.stages?.[id]);
  return rows.length > 0 && panel("Where the time goes", {}, plain("Time of each stage", ["Stage", ["p50, ms", "num"], ["p95, ms", "num"]],
    rows.map(([id, label]) => [label, latency(data.stages[id].p50Milliseconds), latency(data.stages[id].p95Milliseconds)])));
}

function codeTable(data) {
  const codes = Object.entries(data.statusCodes || {}).filter(([, n]) => n > 0);
  const all = codes.reduce((sum, [, n]) => sum + n, 0);
  return codes.length > 0 && panel("Answers", {}, plain("Answers by status", ["Status", ["Calls", "num"], ["Share", "num"]],
    codes.map(([code, n]) => [state(code < 400 ? "ok" : "fail", code), whole(n), `${percent(n, all)}\u00a0%`])));
}

/** What failing calls said, newest first, with their console output. */
function failureList(items) {
  if (!items.length) return h("p", { class: "rows-limit" }, "No call has failed since the server started.");
  return h("ul", { class: "failures", role: "list" }, items.map((item) => h("li", {},
    h("p", { class: "title" }, state("fail", String(item.status)), clock(item.time), h("span", { class: "copyline" }, h("code", {}, item.requestId), copyButton("request id", () => item.requestId))),
    h("p", { class: "pre-wrap" }, item.message),
    (item.consoleOutput || item.traceback) && h("details", {}, h("summary", {}, "What it printed"),
      h("div", { class: "stack" }, item.consoleOutput && [h("h3", {}, "Console output"), codeBlock("console output", item.consoleOutput)],
        item.traceback && [h("h3", {}, "Traceback"), codeBlock("traceback", item.traceback)])))));
}

export async function open({ service }) {
  const { name, version } = service;
  const address = to("services", name, version, "usage");
  let minutes = new URLSearchParams(location.hash.split("?")[1] || "").get("minutes") || "60";
  const box = h("div", { class: "stack" });
  const failures = h("div");
  const mine = mayChange(service) && offers("/admin/api/services/{name}/{version}/failures");
  let seen = "", paused = false;

  async function refresh() {
    const data = await api.usageOf(name, version, minutes);
    if (box.contains(document.activeElement) || box.querySelector("details[open]")) return;
    box.replaceChildren(...[readings(data), panel("Over time", {}, h("div", { class: "panel__body" }, data.points.length ? charts(data, minutes) : h("p", { class: "quiet" }, "No calls in this range."))),
      h("div", { class: "halves" }, stageTable(data), codeTable(data))].filter(Boolean));
  }
  async function refreshFailures() {
    if (!mine) return;
    const items = (await api.failures(name, version)).items;
    const now = items.map((item) => item.requestId).join();
    if (now === seen && failures.children.length) return;
    seen = now;
    if (!failures.querySelector("details[open]")) failures.replaceChildren(failureList(items));
  }
  await Promise.all([refresh(), refreshFailures()]);

  const problem = h("div");
  const timer = setInterval(() => {
    if (paused || document.hidden) return;
    Promise.all([refresh(), refreshFailures()]).then(() => problem.replaceChildren(), (error) => problem.replaceChildren(failure("Not refreshed.", error)));
  }, EVERY);
  const choose = segment("Range", ranges, minutes, async (value) => {
    minutes = value;
    remember(address, { minutes: value === "60" ? "" : value });
    box.replaceChildren();
    await refresh();
  });
  const pause = button("Pause", { "aria-pressed": "false", onclick: () => { paused = !paused; pause.setAttribute("aria-pressed", String(paused)); } });
  const body = h("div", { class: "stack" }, h("div", { class: "actions bar" }, choose, h("p", { class: "quiet" }, "Live, every 10 s."), pause), problem, box,
    mine && panel("Failing calls", { aside: h("p", {}, "The newest ones, as their callers did not see them. For the publisher and Owners.") }, failures));
  return { body, leave: () => clearInterval(timer) };
}
