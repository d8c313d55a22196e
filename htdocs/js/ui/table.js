// SPDX-License-Identifier: Apache-2.0
// A sortable, paged table over rows in memory: only one page is in the document, so ten thousand rows stay smooth.

import { announce, button, h, icon } from "./h.js";

/**
 * columns: [{key, title, class, value(row) to sort by, render(row) to show, header: true for the row's name}]
 * Returns {element, show(rows)}; sorting and page survive show().
 */
export function table({ caption, columns, sort, descending = false, page = 50, className = "" }) {
  const body = h("tbody");
  const head = h("tr");
  const count = h("span", { role: "status" });
  const previous = button("Previous", { glyph: "left", onclick: () => turn(-1) });
  const next = button("Next", { glyph: "right", onclick: () => turn(1) });
  const pager = h("div", { class: "pager" }, count, h("div", { class: "actions" }, previous, next));
  let rows = [], at = 0, key = sort, down = descending;

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
    draw();
    announce(`Sorted by ${column.title}, ${down ? "descending" : "ascending"}`);
  }

  function turn(by) {
    at += by * page;
    draw();
    element.scrollIntoView({ block: "nearest" });
  }

  function sorted() {
    const column = columns.find((c) => c.key === key);
    if (!column) return rows;
    const sign = down ? -1 : 1;
    return rows.map((row) => [column.value(row), row]).sort(([a], [b]) => {
      if (a === b) return 0;
      if (a === null || a === undefined) return 1;
      if (b === null || b === undefined) return -1;
      return sign * (typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b);
    }).map(([, row]) => row);
  }

  function draw() {
    for (const column of columns) {
      if (column.key === key) column.cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      else column.cell.removeAttribute("aria-sort");
    }
    if (at >= rows.length) at = Math.max(0, Math.floor((rows.length - 1) / page) * page);
    const shown = sorted().slice(at, at + page);
    body.replaceChildren(...shown.map((row) => h("tr", {}, columns.map((column) =>
      h(column.header ? "th" : "td", { class: column.class, scope: column.header ? "row" : null }, column.render(row))))));
    pager.hidden = rows.length <= page;
    count.textContent = rows.length ? `${at + 1} to ${at + shown.length} of ${rows.length}` : "";
    previous.disabled = at === 0;
    next.disabled = at + page >= rows.length;
  }

  const element = h("div", {}, h("div", { class: "table-wrap" },
    h("table", { class: `table ${className}` }, h("caption", { class: "vh" }, caption), h("thead", {}, head), body)), pager);
  return { element, show(list) { rows = list; draw(); } };
}
