// SPDX-License-Identifier: Apache-2.0
// Refresh tokens: where people are signed in, and how to end that.

import { api } from "../api.js";
import { session } from "../auth.js";
import { go, remember, to } from "../router.js";
import { confirm } from "../ui/dialog.js";
import { parseTime, until, when, whole } from "../ui/format.js";
import { button, copyButton, empty, field, h, icon, panel, segment } from "../ui/h.js";
import { table } from "../ui/table.js";
import { toast } from "../ui/toast.js";

export async function open({ query }) {
  const mayAll = session.may("admin");
  const all = mayAll && query.get("of") === "all";
  const who = all ? query.get("user") || "" : "";
  const items = [];
  let cursor = "";
  do {
    const page = await api.tokens({ all: all ? "true" : "", user: who, limit: 1000, cursor });
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor && items.length < 10000);
  const again = () => go(location.hash);

  async function end(work, said) {
    try {
      await work();
      toast("ok", said);
      again();
    } catch (error) {
      toast("fail", `Not revoked. ${error.message}`);
    }
  }
  async function revoke(token) {
    const self = token.current;
    if (await confirm({ title: self ? "Revoke the token of this session?" : `Revoke this token of ${token.user}?`, action: "Revoke", consequences: h("p", {}, self ? "You are signed out here." : "Whoever holds it must sign in again within minutes: access tokens already given out end by themselves.") })) {
      end(() => api.revoke(token.id), "The token is revoked.");
    }
  }
  async function revokeAll(user) {
    if (await confirm({ title: `Revoke all tokens of ${user}?`, action: "Revoke all", consequences: h("p", {}, user === session.user ? "You are signed out everywhere, here too." : `${user} must sign in again everywhere.`) })) {
      end(() => api.revokeAll(user), `All tokens of ${user} are revoked.`);
    }
  }

  const list = table({ caption: "Tokens", sort: "used", descending: true, className: "tokens", none: "No token.", columns: [
    { key: "id", title: "Token", header: true, value: (t) => t.id, render: (t) => [h("span", { class: "copyline" }, h("code", { class: "clip", title: t.id }, t.id), copyButton("token id", () => t.id)), t.current && h("span", { class: "chip chip--accent" }, "this session")] },
    all && { key: "user", title: "User", value: (t) => t.user, render: (t) => h("span", { class: "clip", title: t.user }, t.user) },
    { key: "from", title: "From", class: "p2", value: (t) => t.address, render: (t) => [h("span", {}, t.address || ""), t.userAgent && h("span", { class: "below clip", title: t.userAgent }, t.userAgent)] },
    { key: "created", title: "Signed in", class: "num p2", descending: true, value: (t) => parseTime(t.createdAt)?.getTime(), render: (t) => when(t.createdAt) },
    { key: "used", title: "Last used", class: "num p1", descending: true, value: (t) => parseTime(t.lastUsedAt ?? t.createdAt)?.getTime(), render: (t) => when(t.lastUsedAt ?? t.createdAt) },
    { key: "ends", title: "Ends", class: "num", value: (t) => parseTime(t.expiresAt)?.getTime(), render: (t) => until(t.expiresAt) },
    { key: "acts", title: "Actions", hidden: true, class: "acts", render: (t) => h("button", { class: "icon-button icon-button--danger", type: "button", "aria-label": `Revoke token ${t.id}`, title: "Revoke", onclick: () => revoke(t) }, icon("close")) },
  ].filter(Boolean) });
  list.show(items);

  const user = h("input", { type: "search", value: who, autocomplete: "off", spellcheck: "false" });
  const filter = all && h("form", { class: "filters", role: "search", "aria-label": "Filter tokens", onsubmit: (event) => {
    event.preventDefault();
    remember("#/tokens", { of: "all", user: user.value });
    again();
  } }, field("User", user, { wide: true }), h("button", { class: "button", type: "submit" }, icon("search"), "Find"), who && button(`Revoke all of ${who}`, { kind: "danger", onclick: () => revokeAll(who) }));
  const head = h("header", { class: "page-head" }, h("div", { class: "page-head__text" }, h("h1", {}, "Tokens"), h("p", {}, "Each sign-in gets a token that renews until it is revoked or unused too long.")),
    h("div", { class: "actions" }, mayAll && segment("Whose", [["own", "Mine"], ["all", "Everybody’s"]], all ? "all" : "own", (value) => { remember("#/tokens", { of: value === "all" ? "all" : "" }); again(); }),
      !all && items.length > 0 && button("Sign out everywhere", { kind: "danger", onclick: () => revokeAll(session.user) })));
  return { title: "Tokens", crumbs: [["Access"], ["Tokens", to("tokens")]], body: [head,
    panel(all ? "Everybody’s tokens" : "My tokens", { aside: h("p", {}, whole(items.length)) }, filter, items.length || all ? list.element : empty("tokens", "No token", "httpd itself signs you in, so there is nothing to revoke here."))] };
}
