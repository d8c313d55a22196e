// SPDX-License-Identifier: Apache-2.0
// Roles and directory: who is what here and why, and what that lets them do.

import { api, offers } from "../api.js";
import { session } from "../auth.js";
import { go, remember, to } from "../router.js";
import { confirm, open as openDialog } from "../ui/dialog.js";
import { download, writeForSpreadsheet } from "../ui/csv.js";
import { clock, duration, when } from "../ui/format.js";
import { button, empty, failure, field, fieldError, h, icon, note, panel, state, tableBox, tabs } from "../ui/h.js";
import { plain } from "../ui/table.js";
import { toast } from "../ui/toast.js";

const roles = ["Owner", "Contributor", "Reader"];
const rank = (role) => { const i = roles.indexOf(role); return i < 0 ? roles.length : i; };

/** Add or change one mapping. A change that would lock oneself out is refused by the server; it says why here. */
function editor(mapping, saved) {
  const role = h("select", {}, roles.map((name) => h("option", { selected: name === (mapping?.role || "Reader") }, name)));
  const condition = h("input", { type: "text", value: mapping?.condition || "", required: true, spellcheck: "false", autocomplete: "off", placeholder: "group data-science" });
  const comment = h("input", { type: "text", value: mapping?.comment || "", autocomplete: "off" });
  const problem = h("div");
  const submit = h("button", { type: "submit", class: "button button--primary" }, mapping ? "Save" : "Add");
  const form = h("form", { class: "stack", novalidate: true, onsubmit: async (event) => {
    event.preventDefault();
    fieldError(condition, condition.value.trim() ? "" : "Say whom it is for, such as: user alice, or ldap-group CN=data-science,OU=Groups,DC=example,DC=test");
    if (!condition.value.trim()) { condition.focus(); return; }
    submit.disabled = true;
    try {
      const body = { role: role.value, condition: condition.value.trim(), comment: comment.value };
      await (mapping ? api.changeMapping(mapping.id, body) : api.addMapping(body));
      dialog.close();
      toast("ok", mapping ? "The mapping is changed." : "The mapping is added.");
      saved();
    } catch (error) {
      problem.replaceChildren(failure(error.status === 409 ? "This would take your own Owner role away." : "Not saved.", error));
    } finally {
      submit.disabled = false;
    }
  } }, field("Role", role), field("Condition", condition, { hint: "As in httpd’s Require: user, group, ldap-group, ldap-attribute, expr and what else is loaded." }), field("Comment", comment), problem,
  h("div", { class: "actions" }, button("Cancel", { onclick: () => dialog.close() }), submit));
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "mapping-title" }, h("h2", { id: "mapping-title" }, mapping ? "Change a mapping" : "Add a mapping"), form);
  openDialog(dialog);
  (mapping ? condition : role).focus();
}

async function remove(mapping, done) {
  const sure = await confirm({ title: `Remove ${mapping.role}: ${mapping.condition}?`, action: "Remove the mapping", consequences: h("p", {}, `People who are ${mapping.role} only through it lose that role with their next call. Add it again to undo.`) });
  if (!sure) return;
  try {
    await api.removeMapping(mapping.id);
    toast("ok", "The mapping is removed.");
    done();
  } catch (error) {
    toast("fail", `Not removed. ${error.message}`);
  }
}

function mappingPanel(data, again) {
  const lines = [...data.declared.map((m) => ({ ...m, declared: true })), ...data.mappings].sort((a, b) => rank(a.role) - rank(b.role));
  const rows = lines.map((m) => h("tr", {}, h("th", { scope: "row" }, m.role),
    h("td", {}, h("code", {}, m.condition), m.comment && h("span", { class: "below" }, m.comment)),
    h("td", { class: "p1" }, m.declared ? h("span", { class: "quiet" }, `configuration, ${m.file ? `${m.file.split("/").pop()}:${m.line}` : "default"}`) : [m.changedBy, " ", when(m.changedAt)]),
    h("td", { class: "acts" }, m.declared ? h("span", { class: "state", title: m.file && `${m.file}:${m.line}` }, icon("lock"), h("span", { class: "vh" }, "Set in the configuration")) : [
      h("button", { class: "icon-button", type: "button", "aria-label": `Change ${m.role}: ${m.condition}`, title: "Change", onclick: () => editor(m, again) }, icon("edit")),
      h("button", { class: "icon-button icon-button--danger", type: "button", "aria-label": `Remove ${m.role}: ${m.condition}`, title: "Remove", onclick: () => remove(m, again) }, icon("trash"))])));
  const head = (text, kind) => h("th", { scope: "col", class: kind }, text);
  const list = tableBox(h("table", { class: "table table--tight" }, h("caption", { class: "vh" }, "Conditions that give a role"),
    h("thead", {}, h("tr", {}, head("Role"), head("Condition"), head("Set by", "p1"), head(h("span", { class: "vh" }, "Actions"), "acts"))), h("tbody", {}, rows)));
  const implicit = data.implicitRole && data.implicitRole !== "none"
    ? `Everybody else who can sign in is ${data.implicitRole}.` : "Everybody else has no role: every call answers 403, except signing in.";
  return panel("Mappings", { aside: h("p", {}, "The highest matching role counts."), actions: button("Add a mapping", { glyph: "plus", onclick: () => editor(null, again) }) },
    rows.length ? list : empty("roles", "No mapping", "Nobody is mapped to a role."),
    h("div", { class: "panel__foot" }, h("p", { class: "quiet" }, implicit, ` Group memberships are remembered for ${duration(data.membershipCacheSeconds)}.`)));
}

// --- explain ---

function explained(user) {
  const results = { matched: ["ok", "matches"], no: ["gone", "does not match"], error: ["fail", "could not be asked"] };
  const matches = user.conditions.filter((c) => c.result === "matched");
  return h("div", { class: "stack" },
    h("h3", { tabindex: "-1" }, user.role && user.role !== "none" ? `${user.user} is ${user.role}` : `${user.user} has no role`),
    h("ol", { class: "steps" },
      h("li", {}, h("strong", {}, user.dn ? "Found in the directory" : user.provider ? "Known by name" : "Not looked up in a directory"), user.dn && [h("br"), h("code", {}, user.dn)],
        h("span", { class: "below" }, user.provider && `provider ${user.provider}`, user.normalised && user.normalised !== user.user && `, written as ${user.normalised}`)),
      h("li", {}, h("strong", {}, user.groups?.length ? `Member of ${user.groups.length} ${user.groups.length === 1 ? "group" : "groups"}` : "Member of no group that is known"),
        user.groups?.length > 0 && h("details", {}, h("summary", {}, "Groups"), h("ul", { class: "plain" }, user.groups.map((g) => h("li", {}, h("code", {}, g)))))),
      h("li", {}, h("strong", {}, matches.length === 1 ? "1 condition matches" : `${matches.length} conditions match`)),
      h("li", { class: "steps__end" }, h("strong", {}, user.role && user.role !== "none" ? user.role : "No role"), user.reason && h("span", { class: "below" }, user.reason))),
    user.conditions.length > 0 && plain("Conditions that were asked", ["Condition", "Role", "Result"], user.conditions.map((c) => {
      const [kind, word] = results[c.result] || ["gone", c.result];
      return [[h("code", {}, c.condition), c.source && h("span", { class: "below" }, c.source)], c.role, [state(kind, word), c.detail && h("span", { class: "below" }, c.detail)]];
    })),
    user.lastFailedLogin && note("wait", "Last failed sign-in:", " ", clock(user.lastFailedLogin.time), `, ${user.lastFailedLogin.reason}`));
}

async function explainTab(name) {
  const who = h("input", { type: "text", value: name, autocomplete: "off", spellcheck: "false", autocapitalize: "none" });
  const box = h("div", { "aria-live": "polite" });
  async function look(focus) {
    if (!who.value.trim()) return;
    remember("#/roles/explain", { name: who.value.trim() });
    try {
      box.replaceChildren(explained(await api.explain(who.value.trim())));
      if (focus) box.querySelector("h3").focus();
    } catch (error) {
      box.replaceChildren(failure("Not looked up.", error));
    }
  }
  await look(false);
  return panel("Why does someone have a role?", {}, h("div", { class: "panel__body" },
    h("form", { class: "filters", "aria-label": "Explain a user", onsubmit: (event) => { event.preventDefault(); look(true); } }, field("User name", who, { wide: true }), h("button", { class: "button button--primary", type: "submit" }, "Explain")), box));
}

// --- matrix ---

function matrixTab({ roles: names, operations }) {
  const word = (value) => (value === "no" ? h("span", { class: "state state--gone" }, icon("minus"), "no") : value === "own" ? h("span", { class: "state" }, icon("user"), "own") : state("ok", value === "any" ? "any" : value));
  const label = (name) => (name === "none" ? "No role" : name);
  const groups = Map.groupBy ? Map.groupBy(operations, (o) => o.path.split("/")[1]) : operations.reduce((map, o) => { const key = o.path.split("/")[1]; map.set(key, [...(map.get(key) || []), o]); return map; }, new Map());
  const save = button("CSV", { glyph: "download", onclick: () => download("permissions.csv", writeForSpreadsheet([["operation", "method", "path", "permission", ...names], ...operations.map((o) => [o.operation, o.method, o.path, o.permission, ...names.map((n) => o[n])])])) });
  return panel("Who may do what", { aside: h("p", {}, "own: only what they published or opened themselves."), actions: save },
    tableBox(h("table", { class: "table table--tight matrix" }, h("caption", { class: "vh" }, "Operations by role"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Operation"), names.map((n) => h("th", { scope: "col" }, label(n))))),
      [...groups].map(([group, list]) => h("tbody", {}, h("tr", { class: "group" }, h("th", { scope: "rowgroup", colspan: names.length + 1 }, `/${group}`)),
        list.map((o) => h("tr", {}, h("th", { scope: "row", class: "op" }, h("span", { class: "verb" }, o.method), " ", h("code", {}, o.path)), names.map((n) => h("td", {}, word(o[n]))))))))));
}

export async function open({ tab = "mappings", query }) {
  const list = [["mappings", "Mappings", to("roles")], offers("/admin/api/explain-user") && ["explain", "Explain a user", to("roles", "explain")], offers("/admin/api/permissions") && ["matrix", "Permissions", to("roles", "matrix")]].filter(Boolean);
  const label = list.find(([id]) => id === tab)?.[1];
  if (!label) throw new Error(`There is no page '${tab}' about roles.`);
  const again = () => go(location.hash);
  let body;
  if (tab === "mappings") body = mappingPanel(await api.roles(), again);
  else if (tab === "explain") body = await explainTab(query.get("name") || session.user || "");
  else body = matrixTab(await api.permissions());
  const flush = tab === "mappings" && offers("/admin/api/roles/flush") && button("Forget cached groups", { glyph: "refresh", onclick: async () => {
    try {
      await api.flushRoles();
      toast("ok", "Groups are asked anew with the next call.");
    } catch (error) {
      toast("fail", `Not forgotten. ${error.message}`);
    }
  } });
  const head = h("header", { class: "page-head" }, h("div", { class: "page-head__text" }, h("h1", {}, "Roles"), h("p", {}, "Who is Owner, Contributor or Reader here, and what that lets them do.")), flush && h("div", { class: "actions" }, flush));
  return { title: `Roles, ${label}`, crumbs: [["Access"], ["Roles", to("roles")]], body: [head, tabs("Roles", list, tab), body] };
}
