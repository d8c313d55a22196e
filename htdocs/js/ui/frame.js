// SPDX-License-Identifier: Apache-2.0
// The frame around every page: top bar, rail, one main column.

import { offers } from "../api.js";
import { session } from "../auth.js";
import { go, to } from "../router.js";
import { bones, copyButton, h, icon } from "./h.js";
import { showShortcuts, shortcutsOn, switchShortcuts } from "./keys.js";

const always = () => true;
const rail = [
  ["", [
    ["services", "Services", "services", always],
    ["publish", "Publish", "publish", () => session.may("publish")],
    ["batches", "Batches", "batches", () => offers("/admin/api/batches")],
    ["sessions", "Sessions", "sessions", () => session.may("sessions")],
    ["pools", "Pools and nodes", "pools", () => session.may("admin") && (offers("/admin/api/pools") || offers("/computenodes"))],
  ]],
  ["Access", [
    ["roles", "Roles", "roles", () => offers("/admin/api/roles") && session.may("admin")],
    ["tokens", "Tokens", "tokens", () => offers("/admin/api/tokens")],
    ["audit", "Audit", "audit", () => offers("/admin/api/audit") && session.may("admin")],
  ]],
  ["", [["server", "Server", "server", always]]],
];

function railLinks() {
  return rail.map(([title, links]) => [title, links.filter(([, , , there]) => there())]).filter(([, links]) => links.length)
    .map(([title, links]) => h("div", { class: "rail__group" },
      title && h("p", { class: "rail__head", id: `rail-${title}` }, title),
      h("ul", { role: "list", "aria-labelledby": title ? `rail-${title}` : null }, links.map(([section, label, glyph]) =>
        h("li", {}, h("a", { href: to(section), "data-section": section }, icon(glyph), h("span", { class: "rail__label" }, label)))))));
}

function left() {
  if (!session.token) return "signed in by the server";
  const seconds = session.left;
  return seconds >= 90 ? `${Math.round(seconds / 60)} min left` : `${seconds} s left`;
}

function accountMenu(theme) {
  const time = h("p", { class: "quiet" });
  const choose = (value, label) => h("label", {}, h("input", { type: "radio", name: "theme", checked: (localStorage.getItem("theme") || "") === value, onchange: () => {
    if (value) localStorage.setItem("theme", value);
    else localStorage.removeItem("theme");
    theme(value);
  } }), label);
  const keys = h("input", { type: "checkbox", checked: shortcutsOn(), onchange: () => switchShortcuts(keys.checked) });
  const update = () => { time.textContent = session.token ? `The session ends in ${left().replace(" left", "")} and renews while you work.` : "httpd has authenticated you; this console holds no token."; };
  const menu = h("div", { class: "menu account-menu", id: "account-menu", popover: "auto" },
    h("p", {}, h("strong", {}, session.user || "Signed in by the server"), session.me?.role && [h("br"), h("span", { class: "quiet" }, session.me.role, session.me.roleReason && `: ${session.me.roleReason}`)]), time,
    session.token && h("div", { class: "actions" },
      h("button", { type: "button", class: "button", onclick: async () => { await session.refresh(); update(); } }, icon("refresh"), "Renew"),
      h("button", { type: "button", class: "button", onclick: () => session.signOut() }, icon("lock"), "Sign out")),
    h("hr"),
    h("div", { class: "segment", role: "radiogroup", "aria-label": "Theme" }, choose("", "System"), choose("light", "Light"), choose("dark", "Dark")),
    h("label", { class: "check" }, keys, "Keyboard shortcuts"),
    h("div", { class: "actions" }, h("button", { type: "button", class: "button", onclick: () => { menu.hidePopover(); showShortcuts(); } }, "List them ", h("kbd", {}, "?"))));
  menu.addEventListener("toggle", () => { keys.checked = shortcutsOn(); update(); });
  return menu;
}

function account() {
  const words = h("small");
  const tell = () => { words.textContent = [session.me?.role, left()].filter(Boolean).join(", "); };
  tell();
  session.addEventListener("change", tell);
  const timer = setInterval(() => (words.isConnected || !document.hidden ? tell() : clearInterval(timer)), 15000);
  return h("button", { class: "account", type: "button", popovertarget: "account-menu" }, icon("user"),
    h("span", { class: "account__text" }, h("b", { class: "clip", title: session.user }, session.user || "Signed in"), words), h("span", { class: "vh" }, "Account menu"), icon("down"));
}

export function frame({ theme }) {
  const crumbs = h("ol");
  const copy = h("span");
  const search = h("input", { type: "search", "aria-label": "Find a service", placeholder: "Find a service", autocomplete: "off" });
  const main = h("main", { class: "main", id: "main", tabindex: "-1" });
  const nav = h("nav", { class: "rail", id: "rail", "aria-label": "Main" }, railLinks());
  const form = h("form", { class: "find", role: "search", "aria-label": "Find a service", onsubmit: (event) => {
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
      h("a", { class: "brand", href: to("services"), "aria-label": "Model server, home" }, icon("mark"), h("span", { class: "brand__name" }, "Model server")),
      h("nav", { class: "crumbs", "aria-label": "Path" }, crumbs, copy),
      form,
      h("a", { class: "icon-button topbar__find", href: to("services"), "aria-label": "Find a service" }, icon("search")),
      account(), accountMenu(theme)),
    nav, main);

  function mark(section) {
    for (const link of nav.querySelectorAll("a")) {
      if (link.dataset.section === section) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  function setCrumbs(list) {
    crumbs.replaceChildren(...list.map(([text, address], i) => h("li", {}, address && i < list.length - 1
      ? h("a", { href: address, title: text }, text) : h("span", { "aria-current": i === list.length - 1 ? "page" : null, title: text }, text))));
    copy.replaceChildren(...(list.length > 2 ? [copyButton("path", () => list.slice(1).map(([text]) => text).join("/"))] : []));
  }

  let waiting = 0;
  return {
    element,
    find() { search.focus(); search.select(); },
    loading({ section }) {
      mark(section);
      clearTimeout(waiting);
      main.setAttribute("aria-busy", "true");
      waiting = setTimeout(() => main.replaceChildren(bones()), 150);
    },
    show({ section }, { title, crumbs: list, body }, scroll = 0) {
      clearTimeout(waiting);
      const onTab = document.activeElement?.closest(".tabs");
      mark(section);
      setCrumbs(list && list.length ? list : [[title]]);
      main.replaceChildren(...[body].flat().filter(Boolean));
      main.removeAttribute("aria-busy");
      main.querySelector('.tabs [aria-current="page"]')?.scrollIntoView({ inline: "center", block: "nearest" });
      window.scrollTo(0, scroll);
      const heading = main.querySelector("h1") || main;
      heading.setAttribute("tabindex", "-1");
      const place = (onTab && main.querySelector('.tabs [aria-current="page"]')) || main.querySelector("[data-autofocus]") || heading;
      place.focus({ preventScroll: true });
    },
    missing() {
      clearTimeout(waiting);
      mark("");
      setCrumbs([["Not found"]]);
      const heading = h("h1", { tabindex: "-1" }, "There is no such page");
      main.removeAttribute("aria-busy");
      main.replaceChildren(h("div", { class: "empty" }, icon("info"), heading, h("p", {}, h("a", { href: to("services") }, "All services"))));
      heading.focus();
    },
  };
}
