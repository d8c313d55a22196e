// SPDX-License-Identifier: Apache-2.0
// A sortable, paged table over rows in memory: only one page is in the document, so ten thousand rows stay smooth.

import { announce, button, h, icon, tableBox } from "./h.js";
import { whole } from "./format.js";

const collator = new Intl.Collator("en", { numeric: true });

function compare([a], [b], sign) {
  if (a === b) return 0;
  if (a === null || a === undefined) return 1;
  if (b === null || b === undefined) return -1;
  return sign * (typeof a === "string" && typeof b === "string" ? collator.compare(a, b) : a - b);
}

/**
 * columns: [{key, title, class, value(row) to sort by, render(row) to show, header: true for the row's name}]
 * Returns {element, show(rows), state()}; sorting and page survive show(). `changed` hears of both.
 */
export function table({ caption, columns, sort, descending = false, page = 50, start = 0, className = "", none = "Nothing here.", changed }) {
  const body = h("tbody");
  const head = h("tr");
  const count = h("span", { role: "status" });
  const previous = button("Previous", { glyph: "left", onclick: () => turn(-1) });
  const next = button("Next", { glyph: "right", onclick: () => turn(1) });
  const pager = h("nav", { class: "pager", "aria-label": `Pages of ${caption}` }, count, h("div", { class: "actions" }, previous, next));
  const nothing = h("p", { class: "rows-limit", hidden: true }, none);
  let rows = [], ordered = [], at = start * page, key = sort, down = descending;

  for (const column of columns) {
    const cell = h("th", { scope: "col", class: column.class });
    if (column.value) {
      cell.append(h("button", { class: "sort", type: "button", onclick: () => order(column) }, column.title, icon("down")));
    } else cell.append(h("span", { class: column.hidden ? "vh" : null }, column.title));
    column.cell = cell;
    head.append(cell);
  }

  function order(column) {
    down = key === column.key ? !down : Boolean(column.descending);
    key = column.key;
    at = 0;
    sortRows();
    draw();
    announce(`Sorted by ${column.title}, ${down ? "descending" : "ascending"}`);
    changed?.(state());
  }

  function turn(by) {
    at += by * page;
    draw();
    const box = element.getBoundingClientRect();
    if (box.top < 0) window.scrollBy(0, box.top - 80);
    if (document.activeElement === document.body) (previous.disabled ? next : previous).focus();
    changed?.(state());
  }

  function sortRows() {
    const column = columns.find((c) => c.key === key);
    const sign = down ? -1 : 1;
    ordered = column ? rows.map((row) => [column.value(row), row]).sort((a, b) => compare(a, b, sign)).map(([, row]) => row) : rows;
  }

  const state = () => ({ sort: key === sort && down === descending ? "" : `${down ? "-" : ""}${key}`, page: at ? String(at / page + 1) : "" });

  function draw() {
    for (const column of columns) {
      if (column.key === key) column.cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      else column.cell.removeAttribute("aria-sort");
    }
    if (at >= rows.length) at = Math.max(0, Math.floor((rows.length - 1) / page) * page);
    const shown = ordered.slice(at, at + page);
    body.replaceChildren(...shown.map((row) => h("tr", {}, columns.map((column) =>
      h(column.header ? "th" : "td", { class: column.class, scope: column.header ? "row" : null }, column.render(row))))));
    pager.hidden = rows.length <= page;
    nothing.hidden = rows.length > 0;
    count.textContent = rows.length ? `${whole(at + 1)} to ${whole(at + shown.length)} of ${whole(rows.length)}` : "";
    previous.disabled = at === 0;
    next.disabled = at + page >= rows.length;
  }

  const element = h("div", {}, tableBox(h("table", { class: `table ${className}` }, h("caption", { class: "vh" }, caption), h("thead", {}, head), body)), nothing, pager);
  return {
    element,
    state,
    show(list) { rows = list; sortRows(); draw(); },
    sortBy(name) { const d = name.startsWith("-"); const k = name.replace(/^-/, ""); if (columns.some((c) => c.key === k && c.value)) { key = k; down = d; } },
  };
}

/** A plain table: heads are texts or [text, class]; rows are lists of cells, the first the row's name. */
export function plain(caption, heads, rows, { className = "table--tight" } = {}) {
  const split = heads.map((head) => (Array.isArray(head) ? head : [head, null]));
  return tableBox(h("table", { class: `table ${className}` }, h("caption", { class: "vh" }, caption),
    h("thead", {}, h("tr", {}, split.map(([text, kind]) => h("th", { scope: "col", class: kind }, text)))),
    h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell, j) => h(j ? "td" : "th", { scope: j ? null : "row", class: split[j][1] }, cell)))))));
}
