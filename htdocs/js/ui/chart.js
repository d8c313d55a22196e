// SPDX-License-Identifier: Apache-2.0
// Charts: uPlot where it is installed, always with a sentence and a table.

import { plain } from "./table.js";
import { h } from "./h.js";

const SVG = "http://www.w3.org/2000/svg";
let loading = null;

/** The constructor, or null where uPlot is not installed. */
function library() {
  loading ??= (async () => {
    try {
      const module = await import("../../vendor/uPlot.esm.js");
      if (!document.querySelector("link[data-uplot]")) {
        await new Promise((done) => {
          document.head.append(h("link", { rel: "stylesheet", href: "vendor/uPlot.min.css", "data-uplot": "", onload: done, onerror: done }));
        });
      }
      return module.default;
    } catch {
      return null;
    }
  })();
  return loading;
}

/** A line without axes, beside a number: what it says is in `label`. */
export function spark(values, label, { kind = "", width = 64, height = 20 } = {}) {
  const svg = document.createElementNS(SVG, "svg");
  const set = (element, attributes) => { for (const [k, v] of Object.entries(attributes)) element.setAttribute(k, v); return element; };
  set(svg, { class: `spark ${kind && `spark--${kind}`}`, viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
  const top = Math.max(...values, 0) || 1;
  const x = (i) => (values.length > 1 ? (i * width) / (values.length - 1) : width).toFixed(1);
  const y = (v) => (height - 2 - (v / top) * (height - 4)).toFixed(1);
  const line = values.map((v, i) => `${i ? "L" : "M"}${x(i)} ${y(v)}`).join("");
  svg.append(set(document.createElementNS(SVG, "path"), { class: "spark__area", d: `${line}L${width} ${height}L0 ${height}z` }),
    set(document.createElementNS(SVG, "path"), { class: "spark__line", d: line }),
    set(document.createElementNS(SVG, "circle"), { class: "spark__now", cx: x(values.length - 1), cy: y(values.at(-1) ?? 0), r: 1.75 }));
  return svg;
}

/** What a token looks like now, for a canvas. */
function colour(token) {
  const probe = h("span", { class: `probe probe--${token}`, hidden: true });
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

const lines = ["accent", "ink-3", "wait"];
const short = (date) => date.toISOString().slice(11, 16);

/**
 * A chart of times (Date) and series [{label, values, kind}] in one unit, and its table.
 * Charts with the same `group` show the same instant when the pointer is over one of them.
 */
export function chart({ title, unit, times, series, group, describe, format = String, bars = false }) {
  const box = h("div", { class: "chart-box", role: "img", "aria-label": describe });
  const legend = h("ul", { class: "legend", role: "list" });
  const readings = series.map((s, k) => {
    const value = h("b");
    legend.append(h("li", {}, h("span", { class: `key key--${s.kind || lines[k]}` }), s.label, " ", value));
    return value;
  });
  const at = h("span", { class: "hint" });
  const tell = (i) => {
    const index = i ?? times.length - 1;
    series.forEach((s, k) => { readings[k].textContent = s.values[index] === null || s.values[index] === undefined ? "–" : `${format(s.values[index])}\u00a0${unit}`; });
    at.textContent = times[index] ? `${short(times[index])} UTC` : "";
  };
  tell(null);
  const details = h("details", {}, h("summary", {}, `${title} as a table`));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) {
      details.append(h("div", { class: "chart-table", tabindex: "0", role: "region", "aria-label": `${title} as a table` }, plain(title, ["Time (UTC)", ...series.map((s) => [`${s.label}, ${unit}`, "num"])],
        times.map((time, i) => [time.toISOString().slice(0, 16).replace("T", " "), ...series.map((s) => (s.values[i] === null || s.values[i] === undefined ? "–" : format(s.values[i])))]).reverse())));
    }
  });
  draw({ box, times, series, group, tell, bars, format });
  return h("figure", { class: "chart-figure" }, h("figcaption", {}, h("div", { class: "chart-title" }, h("h3", {}, title, " ", h("span", { class: "unit" }, unit)), at), legend), box, details);
}

async function draw({ box, times, series, group, tell, bars, format }) {
  const Plot = await library();
  if (!Plot) {
    box.hidden = true;
    return;
  }
  let plot = null;
  const build = () => {
    if (!box.isConnected && plot) return;
    plot?.destroy();
    const quiet = colour("ink-3");
    const axis = { stroke: quiet, font: "12px system-ui, sans-serif", grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
    plot = new Plot({
      width: Math.max(box.clientWidth, 200), height: 150, legend: { show: false }, tzDate: (ts) => Plot.tzDate(new Date(ts * 1e3), "UTC"),
      cursor: { sync: { key: group }, points: { size: 6 }, drag: { x: false, y: false } },
      scales: { y: { range: (u, low, high) => [0, high > 0 ? high * 1.1 : 1] } },
      axes: [{ ...axis, size: 28, values: (u, splits) => splits.map((v) => short(new Date(v * 1000))) }, { ...axis, size: 52, values: (u, splits) => splits.map((v) => String(Number(v.toPrecision(3)))) }],
      series: [{}, ...series.map((s, k) => ({ stroke: colour(s.kind || lines[k]), width: 1.5, dash: k === 1 && !s.kind ? [4, 3] : undefined, points: { show: !bars && s.values.filter((v) => v !== null && v !== undefined).length < 20, size: 4, width: 1, fill: colour(s.kind || lines[k]) },
        fill: bars ? colour(s.kind) : k === 0 ? colour("accent-soft") : undefined, paths: bars ? Plot.paths.bars({ size: [0.7, 24] }) : undefined }))],
      hooks: { setCursor: [(u) => tell(u.cursor.idx)] },
    }, [times.map((t) => t.getTime() / 1000), ...series.map((s) => s.values)], box);
  };
  // Wait until the box is on the page: only then its width is known.
  const seen = new ResizeObserver(() => {
    if (!box.clientWidth) return;
    if (!plot) build();
    else plot.setSize({ width: box.clientWidth, height: 150 });
  });
  seen.observe(box);
  const themed = () => (box.isConnected ? build() : forget());
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const forget = () => { window.removeEventListener("theme", themed); system.removeEventListener("change", themed); seen.disconnect(); };
  window.addEventListener("theme", themed);
  system.addEventListener("change", themed);
}
