// SPDX-License-Identifier: Apache-2.0
// Who may do what with this version, and why.

import { api, offers } from "../api.js";
import { session } from "../auth.js";
import { to } from "../router.js";
import { h, panel, state } from "../ui/h.js";
import { plain } from "../ui/table.js";

const words = { read: "see it", consume: "call it", change: "update it", delete: "delete it", code: "read its code" };

export async function open({ service }) {
  const { owner, rows } = await api.access(service.name, service.version);
  const can = (row, what) => (row.may.includes(what) ? state("ok", "yes") : h("span", { class: "state state--gone" }, "no"));
  const columns = Object.entries(words);
  return h("div", { class: "stack" }, panel("Who may do what", { aside: h("p", {}, "Published by ", h("strong", {}, owner), ".") },
    plain("Who may do what with this version", ["Who", ["Role", "p2"], ...columns.map(([, text]) => text[0].toUpperCase() + text.slice(1)), ["Why", "p1"]],
      rows.map((row) => [[row.who, h("span", { class: "below fold2" }, row.role), h("span", { class: "below fold1" }, row.why)], row.role, ...columns.map(([what]) => can(row, what)), row.why])),
    session.may("admin") && offers("/admin/api/roles") && h("div", { class: "panel__foot" }, h("p", { class: "quiet" }, "Roles come from groups and conditions: ", h("a", { href: to("roles") }, "Roles"), "."))));
}
