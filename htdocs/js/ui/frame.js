// SPDX-License-Identifier: Apache-2.0
// The frame around every page: top bar, rail, one main column.

import { session } from "../auth.js";
import { go, to } from "../router.js";
import { bones, copyButton, h, icon } from "./h.js";

const rail = [
  ["", [["services", "Services", "services"], ["publish", "Publish", "publish"]]],
  ["", [["server", "Server", "server"]]],
];

function railLinks() {
  return rail.map(([title, links]) => h("div", { class: "rail__group" },
    title && h("p", { class: "rail__head" }, title),
    h("ul", {}, links.map(([section, label, glyph]) =>
      h("li", {}, h("a", { href: to(section), "data-section": section }, icon(glyph), h("span", { class: "rail__label" }, label)))))));
}

function minutes(seconds) {
  return seconds >= 60 ? `${Math.round(seconds / 60)} min left` : `${seconds} s left`;
}

function accountMenu(theme) {
  const left = h("p", { class: "quiet" });
  const choose = (value, label) => h("label", {}, h("input", { type: "radio", name: "theme", checked: (localStorage.getItem("theme") || "") === value, onchange: () => {
    if (value) localStorage.setItem("theme", value);
    else localStorage.removeItem("theme");
    theme(value);
  } }), label);
  const keys = h("input", { type: "checkbox", checked: localStorage.getItem("shortcuts") !== "off", onchange: (event) => localStorage.setItem("shortcuts", event.target.checked ? "on" : "off") });
  const menu = h("div", { class: "menu account-menu", id: "account-menu", popover: "auto" },
    h("p", {}, h("strong", {}, session.user || "Signed in by the server")), left,
    h("div", { class: "segment", role: "radiogroup", "aria-label": "Theme" }, choose("", "System"), choose("light", "Light"), choose("dark", "Dark")),
    h("label", { class: "check" }, keys, "Keyboard shortcut ", h("kbd", {}, "/"), " for search"),
    h("hr"),
    session.token && h("button", { type: "button", class: "button", onclick: async () => { await session.refresh(); update(); } }, icon("refresh"), "Renew the session"),
    session.token && h("button", { type: "button", class: "button", onclick: () => session.signOut() }, icon("lock"), "Sign out"));
  const update = () => { left.textContent = session.token ? minutes(session.left) : "httpd has authenticated you; this console holds no token."; };
  menu.addEventListener("toggle", update);
  return menu;
}

export function frame({ theme }) {
  const crumbs = h("ol");
  const copy = h("span");
  const search = h("input", { type: "search", "aria-label": "Find a service", placeholder: "Find a service", autocomplete: "off" });
  const main = h("main", { class: "main", id: "main", tabindex: "-1" });
  const nav = h("nav", { class: "rail", id: "rail", "aria-label": "Main" }, railLinks());
  const form = h("form", { class: "find", role: "search", onsubmit: (event) => {
    event.preventDefault();
    go(`#/services?q=${encodeURIComponent(search.value)}`);
  } }, icon("search"), search, h("kbd", { "aria-hidden": "true" }, "/"));
  const narrow = window.matchMedia("(max-width: 40rem)");
  const fitRail = () => { if (narrow.matches) nav.setAttribute("popover", "auto"); else nav.removeAttribute("popover"); };
  narrow.addEventListener("change", fitRail);
  fitRail();
  nav.addEventListener("click", () => { if (nav.matches("[popover]:popover-open")) nav.hidePopover(); });

  const element = h("div", { class: "app" },
    h("a", { class: "skip", href: "#main", onclick: (event) => { event.preventDefault(); main.focus(); } }, "Skip to content"),
    h("header", { class: "topbar" },
      h("button", { class: "icon-button topbar__menu", type: "button", popovertarget: "rail", "aria-label": "Menu" }, icon("menu")),
      h("a", { class: "brand", href: to("services") }, icon("mark"), h("span", { class: "brand__name" }, "Model server")),
      h("nav", { class: "crumbs", "aria-label": "Path" }, crumbs, copy),
      form,
      h("button", { class: "account", type: "button", popovertarget: "account-menu", "aria-label": `Account ${session.user || ""}` }, icon("user"),
        h("span", { class: "account__text" }, h("b", {}, session.user || "Signed in"))),
      accountMenu(theme)),
    nav, main);

  function mark(section) {
    for (const link of nav.querySelectorAll("a")) {
      if (link.dataset.section === section) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  function setCrumbs(list) {
    crumbs.replaceChildren(...list.map(([text, address], i) => h("li", {}, address && i < list.length - 1
      ? h("a", { href: address }, text) : h("span", { "aria-current": i === list.length - 1 ? "page" : null }, text))));
    copy.replaceChildren(...(list.length > 1 ? [copyButton("path", () => list.slice(1).map(([text]) => text).join("/"))] : []));
  }

  let waiting = 0;
  return {
    element,
    find() { search.focus(); search.select(); },
    loading({ section }) {
      mark(section);
      clearTimeout(waiting);
      waiting = setTimeout(() => main.replaceChildren(bones()), 150);
    },
    show({ section }, { title, crumbs: list, body }) {
      clearTimeout(waiting);
      mark(section);
      setCrumbs(list && list.length ? list : [[title]]);
      main.replaceChildren(...[body].flat());
      window.scrollTo(0, 0);
      if (document.activeElement === document.body) main.focus({ preventScroll: true });
    },
    missing() {
      setCrumbs([["Not found"]]);
      main.replaceChildren(h("div", { class: "empty" }, icon("info"), h("h1", {}, "There is no such page"), h("p", {}, h("a", { href: to("services") }, "All services"))));
    },
  };
}
