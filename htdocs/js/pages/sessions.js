// SPDX-License-Identifier: Apache-2.0
// Sessions and snapshots: one's own; Owners see everybody's sessions and can end them.

import { api, offers } from "../api.js";
import { session as me } from "../auth.js";
import { go, remember, to } from "../router.js";
import { confirm } from "../ui/dialog.js";
import { bytes, duration, parseTime, when, whole } from "../ui/format.js";
import { copyButton, empty, figures, h, icon, panel, segment, state } from "../ui/h.js";
import { table } from "../ui/table.js";
import { toast } from "../ui/toast.js";

/** Own sessions as the contract has them, in the words of /admin/api/sessions. */
function own(item) {
  const time = (seconds) => (seconds ? new Date(seconds * 1000).toISOString() : null);
  return { id: item.id, name: item.name, runtimeType: item.runtimeType, state: item.state, user: item.owner ?? me.user, createdAt: time(item.started), lastUsedAt: time(item.used), memoryBytes: item.memory, diskBytes: item.disk };
}

async function everybodys() {
  const items = [];
  let cursor = "";
  do {
    const page = await api.allSessions({ limit: 1000, cursor });
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor && items.length < 10000);
  return items;
}

function stateOf(s) {
  const word = s.state || "open";
  const kind = word === "busy" ? "wait" : word === "down" ? "fail" : "ok";
  return state(kind, word);
}

async function act(what, work, after) {
  try {
    await work();
    toast("ok", what);
    after();
  } catch (error) {
    toast("fail", `Not done. ${error.message}`);
  }
}

function sessionTable(items, whole_, again) {
  const end = async (s) => {
    if (await confirm({ title: `End session ${s.name || s.id}?`, action: "End the session", consequences: h("p", {}, s.user && s.user !== me.user ? `It is ${s.user}’s. ` : "", "Its workspace and files are lost; a snapshot taken before stays.") })) {
      act("The session has ended.", () => api.endSession(s.id, whole_), again);
    }
  };
  const known = (name) => items.some((s) => s[name] !== undefined && s[name] !== null);
  const list = table({ caption: "Sessions", sort: known("createdAt") ? "age" : "id", descending: known("createdAt"), className: "table--tight", columns: [
    { key: "id", title: "Session", header: true, value: (s) => s.name || s.id, render: (s) => [s.name && h("span", { class: "name" }, s.name), h("span", { class: `copyline ${s.name ? "below" : ""}` }, h("code", { class: "clip", title: s.id }, s.id), copyButton("session id", () => s.id))] },
    whole_ && { key: "user", title: "User", value: (s) => s.user, render: (s) => h("span", { class: "clip", title: s.user }, s.user) },
    known("runtimeType") && { key: "runtime", title: "Runtime", class: "p2", value: (s) => s.runtimeType, render: (s) => s.runtimeType ?? "" },
    known("state") && { key: "state", title: "State", value: (s) => s.state, render: stateOf },
    known("createdAt") && { key: "age", title: "Age", class: "num p1", descending: true, value: (s) => parseTime(s.createdAt)?.getTime(), render: (s) => when(s.createdAt) },
    known("lastUsedAt") && { key: "used", title: "Last used", class: "num p2", descending: true, value: (s) => parseTime(s.lastUsedAt)?.getTime(), render: (s) => when(s.lastUsedAt) },
    known("memoryBytes") && { key: "memory", title: "Memory", class: "num p2", descending: true, value: (s) => s.memoryBytes, render: (s) => bytes(s.memoryBytes) },
    known("diskBytes") && { key: "disk", title: "Files", class: "num p3", descending: true, value: (s) => s.diskBytes, render: (s) => bytes(s.diskBytes) },
    { key: "acts", title: "Actions", hidden: true, class: "acts", render: (s) => h("button", { class: "icon-button icon-button--danger", type: "button", "aria-label": `End session ${s.name || s.id}`, title: "End", onclick: () => end(s) }, icon("close")) },
  ].filter(Boolean) });
  list.show(items);
  return list.element;
}

function snapshotTable(items, again) {
  const remove = async (s) => {
    if (await confirm({ title: `Delete snapshot ${s.name || s.id}?`, action: "Delete the snapshot", consequences: h("p", {}, "Services published with it keep their copy; sessions cannot load it any more.") })) {
      act("The snapshot is deleted.", () => api.removeSnapshot(s.id), again);
    }
  };
  const list = table({ caption: "Snapshots", sort: "time", descending: true, className: "table--tight", columns: [
    { key: "name", title: "Snapshot", header: true, value: (s) => s.name || s.id, render: (s) => [s.name && h("span", { class: "name" }, s.name), h("span", { class: `copyline ${s.name ? "below" : ""}` }, h("code", { class: "clip", title: s.id }, s.id), copyButton("snapshot id", () => s.id))] },
    { key: "owner", title: "Owner", class: "p2", value: (s) => s.owner, render: (s) => s.owner ?? "" },
    { key: "size", title: "Size", class: "num p1", descending: true, value: (s) => s.contentSize, render: (s) => bytes(s.contentSize) },
    { key: "time", title: "Taken", class: "num", descending: true, value: (s) => parseTime(s.creationTime)?.getTime(), render: (s) => when(s.creationTime) },
    { key: "acts", title: "Actions", hidden: true, class: "acts", render: (s) => h("button", { class: "icon-button icon-button--danger", type: "button", "aria-label": `Delete snapshot ${s.name || s.id}`, title: "Delete", onclick: () => remove(s) }, icon("trash")) },
  ] });
  list.show(items);
  return list.element;
}

export async function open({ query }) {
  const mayAll = me.may("admin") && offers("/admin/api/sessions");
  const all = mayAll && query.get("of") === "all";
  const [sessions, snapshots] = await Promise.all([
    all ? everybodys() : api.sessions().then((list) => (list || []).map(own)),
    api.snapshots().catch(() => [])]);
  const again = () => go(location.hash);
  const sum = (name) => sessions.reduce((total, s) => total + (s[name] || 0), 0);
  const oldest = sessions.map((s) => parseTime(s.createdAt)).filter(Boolean).sort((a, b) => a - b)[0];
  const head = h("header", { class: "page-head" }, h("div", { class: "page-head__text" }, h("h1", {}, "Sessions"), h("p", {}, "Interpreters of their own that keep state between calls, and snapshots of them.")),
    mayAll && h("div", { class: "actions" }, segment("Whose", [["own", "Mine"], ["all", "Everybody’s"]], all ? "all" : "own", (value) => { remember("#/sessions", { of: value === "all" ? "all" : "" }); again(); })));
  return { title: "Sessions", crumbs: [["Sessions", to("sessions")]], body: [head,
    all && figures("All sessions", [["Sessions", whole(sessions.length)], ["Users", whole(new Set(sessions.map((s) => s.user)).size)], ["Memory", bytes(sum("memoryBytes"))], ["Files", bytes(sum("diskBytes"))], ["Oldest", oldest ? duration((Date.now() - oldest) / 1000) : "–"]]),
    panel(all ? "Everybody’s sessions" : "My sessions", { aside: h("p", {}, whole(sessions.length)) }, sessions.length ? sessionTable(sessions, all, again)
      : empty("sessions", "No session is open", "A client opens one with ", h("code", {}, "POST /sessions"), "; it ends when it is closed or idle too long.")),
    panel("My snapshots", { aside: h("p", {}, whole(snapshots.length)) }, snapshots.length ? snapshotTable(snapshots, again)
      : empty("file", "No snapshot", "A snapshot keeps a session’s workspace and files; publish code with it to bring models along."))] };
}
