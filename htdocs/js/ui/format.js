// SPDX-License-Identifier: Apache-2.0
// Numbers with units and sensible precision, times with the exact instant.

import { h } from "./h.js";

const digits = new Intl.NumberFormat("en");

export const whole = (value) => digits.format(value);

export function bytes(size) {
  if (!Number.isFinite(size)) return "–";
  const units = ["bytes", "kB", "MB", "GB"];
  let i = 0;
  while (size >= 1000 && i < units.length - 1) { size /= 1000; i += 1; }
  return `${i ? size.toPrecision(3) : size}\u00a0${units[i]}`;
}

export function milliseconds(value) {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)}\u00a0ms`;
}

/** The contract's times have no zone; they are UTC. */
export function parseTime(text) {
  if (!text) return null;
  const time = new Date(/[zZ]|[+-]\d\d:\d\d$/.test(text) ? text : `${text.replace(/(\.\d{3})\d+$/, "$1")}Z`);
  return Number.isNaN(time.getTime()) ? null : time;
}

function ago(seconds) {
  const steps = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [Infinity, 86400, "d"]];
  const [, size, unit] = steps.find(([limit]) => seconds < limit);
  return `${Math.max(0, Math.floor(seconds / size))}\u00a0${unit} ago`;
}

export function when(text) {
  const time = parseTime(text);
  if (!time) return h("span", { class: "quiet" }, "–");
  const exact = `${time.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  return h("time", { datetime: time.toISOString(), title: exact }, ago((Date.now() - time) / 1000));
}

/** A value of an answer as people read it. */
export function cell(value) {
  if (value === null || value === undefined) return h("span", { class: "cell-missing" }, "missing");
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(7)));
  return String(value);
}

/** A share, such as of errors: [text, unit]. */
export function percent(part, all) {
  if (!all) return "–";
  const value = (100 * part) / all;
  return `${value === 0 ? "0" : value < 1 ? value.toFixed(2) : value.toFixed(1)}`;
}

/** Requests a second: two digits that matter. */
export function rate(value) {
  if (!Number.isFinite(value)) return "–";
  if (value >= 100) return whole(Math.round(value));
  return value === 0 ? "0" : value >= 0.1 ? value.toFixed(1) : value.toFixed(2);
}

/** Milliseconds without their unit. */
export function latency(value) {
  if (!Number.isFinite(value)) return "–";
  if (value >= 100) return whole(Math.round(value));
  return value >= 10 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(2);
}

export function withUnit(text, unit) {
  return text === "–" ? h("span", { class: "quiet" }, text) : [text, "\u00a0", h("span", { class: "unit" }, unit)];
}

/** How long: 3 min, 2 h 5 min. */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 60) return `${Math.round(seconds)}\u00a0s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}\u00a0min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}\u00a0h ${Math.floor((seconds % 3600) / 60)}\u00a0min`;
  return `${Math.floor(seconds / 86400)}\u00a0d ${Math.floor((seconds % 86400) / 3600)}\u00a0h`;
}

/** A time that is still to come. */
export function until(text) {
  const time = parseTime(text);
  if (!time) return h("span", { class: "quiet" }, "–");
  const exact = `${time.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  const seconds = (time - Date.now()) / 1000;
  return h("time", { datetime: time.toISOString(), title: exact }, seconds > 0 ? `in ${duration(seconds)}` : "ended");
}

/** The exact time of a log line, short when it is today. */
export function clock(text) {
  const time = parseTime(text);
  if (!time) return h("span", { class: "quiet" }, "–");
  const exact = time.toISOString().slice(0, 19).replace("T", " ");
  const today = exact.slice(0, 10) === new Date().toISOString().slice(0, 10);
  return h("time", { datetime: time.toISOString(), title: `${exact} UTC` }, today ? exact.slice(11) : exact.slice(5));
}
