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
export function failure(title, error, retry) {
  return h("div", { class: "note note--fail", role: "alert" }, icon("fail"), h("div", {},
    h("p", {}, h("strong", {}, title), " ", error.message),
    error.requestId && h("p", { class: "quiet" }, "Request ", h("code", {}, error.requestId)),
    retry && h("div", { class: "actions" }, button("Try again", { glyph: "refresh", onclick: retry }))));
}

export function bones(lines = 5) {
  return h("div", { class: "bones", "aria-busy": "true", "aria-label": "Loading" },
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
    await copyText(text());
    announce(`Copied ${what}`);
    event.currentTarget?.focus();
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
