// SPDX-License-Identifier: Apache-2.0
// Elements without markup strings: text is always text.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else if (name in { checked: 1, disabled: 1, selected: 1, hidden: 1, required: 1, multiple: 1, open: 1 }) element[name] = Boolean(value);
    else element.setAttribute(name === "className" ? "class" : name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** h("p", {class: "x", onclick}, "text", child, [children]) */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `img/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** A state: shape and word. Kind is ok, wait, fail, gone or idle. */
export function state(kind, ...words) {
  return h("span", { class: `state state--${kind}` }, icon(kind), words);
}

export function button(text, { kind = "", glyph, ...attributes } = {}) {
  return h("button", { type: "button", class: `button ${kind ? `button--${kind}` : ""}`, ...attributes }, glyph && icon(glyph), text);
}

export function panel(title, { aside, actions, level = "h2", ...attributes } = {}, ...body) {
  const id = `h${Math.random().toString(36).slice(2, 9)}`;
  return h("section", { class: "panel", "aria-labelledby": id, ...attributes },
    h("div", { class: "panel__head" }, h(level, { id }, title), aside, actions && h("div", { class: "actions" }, actions)), body);
}

export function note(kind, title, ...body) {
  return h("div", { class: `note note--${kind}`, role: kind === "fail" ? "alert" : null },
    icon(kind === "wait" ? "warn" : kind), h("div", {}, h("p", {}, h("strong", {}, title), " ", body)));
}

/** What went wrong, with what the server said and the id to quote. */
export function failure(title, error, retry, level = "strong") {
  return h("div", { class: "note note--fail", role: "alert" }, icon("fail"), h("div", {},
    level === "strong" ? h("p", {}, h("strong", {}, title), " ", error.message) : [h(level, {}, title), h("p", {}, error.message)],
    error.requestId && h("p", { class: "quiet copyline" }, "Request ", h("code", {}, error.requestId), copyButton("request id", () => error.requestId)),
    retry && h("div", { class: "actions" }, button("Try again", { glyph: "refresh", onclick: retry }))));
}

export function bones(lines = 5) {
  return h("div", { class: "bones" }, h("p", { class: "vh" }, "Loading"),
    Array.from({ length: lines }, (_, i) => h("span", { class: `bone ${i % 2 ? "bone--short" : ""}` })));
}

let counter = 0;
/** A labelled control: field("Name", input, {hint, error}). */
export function field(label, control, { hint, wide } = {}) {
  control.id ||= `f${++counter}`;
  const description = hint && h("p", { class: "hint", id: `${control.id}-hint` }, hint);
  if (hint) control.setAttribute("aria-describedby", description.id);
  return h("div", { class: `field ${wide ? "field--wide" : ""}` }, h("label", { for: control.id }, label), control, description);
}

/** Show or clear an error below a field's control. */
export function fieldError(control, message) {
  const box = control.closest(".field");
  box.querySelector(".field__error")?.remove();
  control.toggleAttribute("aria-invalid", Boolean(message));
  if (!message) return;
  control.setAttribute("aria-invalid", "true");
  const line = h("p", { class: "field__error", id: `${control.id}-error` }, icon("fail"), message);
  control.setAttribute("aria-describedby", line.id);
  box.append(line);
}

export function copyButton(what, text) {
  return h("button", { class: "icon-button", type: "button", "aria-label": `Copy ${what}`, title: "Copy", onclick: async (event) => {
    const self = event.currentTarget;
    await copyText(text());
    announce(`Copied ${what}`);
    self.focus();
    self.replaceChildren(icon("ok"));
    setTimeout(() => self.replaceChildren(icon("copy")), 1500);
  } }, icon("copy"));
}

async function copyText(text) {
  if (navigator.clipboard) {
    try { await navigator.clipboard.writeText(text); return; } catch { /* the older way */ }
  }
  const area = h("textarea", { class: "vh", value: text });
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function codeBlock(label, text) {
  return h("div", { class: "code code--one" }, h("pre", { tabindex: "0", "aria-label": label }, h("code", {}, text)), copyButton(label, () => text));
}

/** Say it to people who do not see the screen. */
export function announce(text) {
  const region = document.getElementById("announcer");
  region.textContent = "";
  setTimeout(() => { region.textContent = text; }, 30);
}

/** One choice of several that are all in view: segment("Theme", [["", "System"]], value, changed). */
export function segment(label, choices, value, changed) {
  const name = `s${++counter}`;
  return h("div", { class: "segment", role: "radiogroup", "aria-label": label }, choices.map(([v, text]) =>
    h("label", {}, h("input", { type: "radio", name, checked: v === value, onchange: () => changed(v) }), text)));
}

/** Readings in a strip: [[label, value, unit, extra]]. */
export function figures(label, list) {
  return h("dl", { class: "figures", "aria-label": label }, list.filter(Boolean).map(([name, value, unit, extra]) =>
    h("div", {}, h("dt", {}, name), h("dd", {}, value, unit && ["\u00a0", h("span", { class: "unit" }, unit)]), extra && h("dd", {}, extra))));
}

/** Names and values of a card: [[name, value]]; empty ones are left out. */
export function facts(list) {
  return h("dl", { class: "facts" }, list.filter((line) => line && line[1] !== null && line[1] !== undefined && line[1] !== "")
    .map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** Links between the parts of one page. */
export function tabs(label, list, current) {
  return h("nav", { class: "tabs", "aria-label": label }, h("ul", { role: "list" }, list.map(([id, text, address]) =>
    h("li", {}, h("a", { href: address, "aria-current": id === current ? "page" : null }, text)))));
}

export function select(label, choices, value, changed) {
  return h("select", { "aria-label": label, onchange: (event) => changed && changed(event.target.value) },
    choices.map((choice) => { const [v, text] = Array.isArray(choice) ? choice : [choice, choice]; return h("option", { value: v, selected: v === value }, text); }));
}

export function empty(glyph, title, ...body) {
  return h("div", { class: "empty" }, icon(glyph), h("h2", {}, title), h("p", {}, body));
}

/** A place to drop a file on, or to choose one: dropZone(label, hint, chosen(file)). */
export function dropZone(label, hint, chosen, accept = null) {
  const input = h("input", { type: "file", accept, class: "vh", "aria-label": label, onchange: () => { if (input.files[0]) take(input.files[0]); } });
  const name = h("p", {}, hint);
  const zone = h("div", { class: "drop", ondragover: (event) => { event.preventDefault(); zone.classList.add("drop--over"); }, ondragleave: () => zone.classList.remove("drop--over"), ondrop: (event) => {
    event.preventDefault();
    zone.classList.remove("drop--over");
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  } }, icon("file"), name, h("label", { class: "button" }, input, "Choose a file"));
  function take(file) {
    const size = file.size < 1000 ? `${file.size} bytes` : `${(file.size / (file.size < 1e6 ? 1e3 : 1e6)).toPrecision(3)} ${file.size < 1e6 ? "kB" : "MB"}`;
    name.replaceChildren(h("strong", { class: "mono" }, file.name), " ", h("span", { class: "quiet" }, size));
    chosen(file);
  }
  return zone;
}

/** A table in a box that scrolls sideways when it must; then the keyboard reaches it, too. */
export function tableBox(table) {
  const box = h("div", { class: "table-wrap" }, table);
  new ResizeObserver(() => {
    const wide = box.scrollWidth > box.clientWidth + 1;
    if (wide === box.hasAttribute("tabindex")) return;
    for (const [name, value] of [["tabindex", "0"], ["role", "region"], ["aria-label", table.caption?.textContent || "Table"]]) {
      if (wide) box.setAttribute(name, value);
      else box.removeAttribute(name);
    }
  }).observe(box);
  return box;
}
