// SPDX-License-Identifier: Apache-2.0
// Who did what, newest first: filter, look at one record, take the whole as CSV.

import { api } from "../api.js";
import { remember, to } from "../router.js";
import { saveBlob } from "../ui/csv.js";
import { clock, milliseconds, whole } from "../ui/format.js";
import { bones, button, copyButton, failure, field, h, icon, panel, state, tableBox } from "../ui/h.js";

const names = ["user", "service", "operation", "outcome", "from", "to"];
const PAGE = 100; // records shown at a time
const EXPORT = 1000; // records asked for at a time

/** The local time that people type, as the interface has it. */
const instant = (text) => (text ? new Date(text).toISOString() : "");

function outcome(item) {
  const good = item.status ? item.status < 400 : /^(ok|success|done|allowed)$/i.test(item.outcome);
  return state(good ? "ok" : "fail", item.outcome || String(item.status));
}

/** The record's object; a version of a service is a link. */
function target(item) {
  const text = item.target;
  const match = /service/i.test(item.operation) && /^([^/]+)\/([^/]+)$/.exec(text || "");
  if (!match) return h("span", { class: "clip", title: text }, text || h("span", { class: "quiet" }, "none"));
  const [, name, version] = match;
  return [h("a", { href: to("services", name, version) }, name), ` ${version}`];
}

function row(item) {
  const detail = item.detail && (typeof item.detail === "string" ? item.detail : JSON.stringify(item.detail, null, 1));
  return h("tr", {},
    h("td", { class: "num" }, clock(item.time)),
    h("th", { scope: "row" }, item.user ? h("span", { class: "clip", title: item.user }, item.user) : h("span", { class: "quiet" }, "nobody"), item.role && h("span", { class: "below" }, item.role), h("span", { class: "below fold2" }, item.operation)),
    h("td", { class: "p2" }, h("code", { class: "clip", title: item.operation }, item.operation)),
    h("td", {}, target(item), detail && h("details", {}, h("summary", {}, "Detail"), h("p", { class: "pre-wrap" }, detail)), h("span", { class: "below fold3" }, item.address, ", ", item.requestId)),
    h("td", { class: "p3" }, item.address),
    h("td", {}, outcome(item), h("span", { class: "below" }, item.status && `${item.status}`, item.durationMilliseconds !== undefined && item.durationMilliseconds !== null && [", ", milliseconds(item.durationMilliseconds)])),
    h("td", { class: "p3" }, h("span", { class: "copyline" }, h("code", { class: "clip", title: item.requestId }, item.requestId), item.requestId && copyButton("request id", () => item.requestId))));
}

export async function open({ query }) {
  const inputs = Object.fromEntries(names.map((name) => [name, h("input", { type: name === "from" || name === "to" ? "datetime-local" : "text", value: query.get(name) || "", autocomplete: "off", spellcheck: "false" })]));
  inputs.outcome = h("select", {}, [["", "Any"], ["success", "Success"], ["refused", "Refused"], ["failed", "Failed"]].map(([v, t]) => h("option", { value: v, selected: v === (query.get("outcome") || "") }, t)));
  const chosen = () => Object.fromEntries(names.map((name) => [name, inputs[name].value.trim()]));
  const asked = () => { const c = chosen(); return { ...c, from: instant(c.from), to: instant(c.to) }; };
  const body = h("tbody");
  const count = h("span", { role: "status" });
  const problem = h("div");
  const more = button("Older", { glyph: "down", hidden: true, onclick: () => load(false) });
  let cursor = null, shown = 0;

  async function load(fresh) {
    more.disabled = true;
    try {
      const data = await api.audit({ ...asked(), limit: PAGE, cursor: fresh ? "" : cursor });
      if (fresh) { body.replaceChildren(); shown = 0; }
      body.append(...data.items.map(row));
      shown += data.items.length;
      cursor = data.nextCursor;
      problem.replaceChildren();
      count.textContent = shown ? `Newest ${whole(shown)}${cursor ? ", there are more" : ", that is all"}` : "No record matches.";
      more.hidden = !cursor;
    } catch (error) {
      problem.replaceChildren(failure("The records could not be read.", error, () => load(fresh)));
    }
    more.disabled = false;
  }
  await load(true);

  // All records that match, page by page; the button cancels meanwhile.
  let stop = null;
  const save = button("CSV", { glyph: "download", onclick: async () => {
    if (stop) { stop.abort(); return; }
    stop = new AbortController();
    const texts = [];
    let next = "", lines = 0;
    try {
      do {
        const page = await api.auditCsv({ ...asked(), limit: EXPORT, cursor: next }, { signal: stop.signal });
        const text = texts.length ? page.text.slice(page.text.indexOf("\n") + 1) : page.text;
        texts.push(text);
        lines += text.split("\n").length - 1;
        next = page.next;
        count.textContent = `Exporting, ${whole(lines)} lines. Press CSV again to cancel.`;
      } while (next);
      saveBlob("audit.csv", new Blob(texts, { type: "text/csv" }));
      count.textContent = `Exported ${whole(Math.max(0, lines - 1))} records.`;
    } catch (error) {
      if (error.name === "AbortError") count.textContent = "The export is cancelled.";
      else problem.replaceChildren(failure("Not exported.", error));
    }
    stop = null;
  } });
  const search = async (event) => {
    event?.preventDefault();
    remember("#/audit", chosen());
    if (!body.children.length) problem.replaceChildren(bones(2));
    await load(true);
  };
  const form = h("form", { class: "filters", role: "search", "aria-label": "Filter records", onsubmit: search },
    field("User", inputs.user), field("Service", inputs.service), field("Operation", inputs.operation), field("Outcome", inputs.outcome), field("From", inputs.from), field("To", inputs.to),
    h("button", { class: "button", type: "submit" }, icon("search"), "Find"));
  inputs.outcome.addEventListener("change", search);
  const heads = [["Time", "num c-time"], ["User", "c-who"], ["Operation", "p2 c-op"], ["Object", ""], ["From", "p3 c-ip"], ["Outcome", "c-res"], ["Request", "p3 c-rid"]];
  const list = tableBox(h("table", { class: "table table--tight audit" }, h("caption", { class: "vh" }, "Audit records, newest first"),
    h("thead", {}, h("tr", {}, heads.map(([text, kind]) => h("th", { scope: "col", class: kind, "aria-sort": text === "Time" ? "descending" : null }, text)))), body));
  const head = h("header", { class: "page-head" }, h("div", { class: "page-head__text" }, h("h1", {}, "Audit"), h("p", {}, "Sign-ins, refusals and every change, times in UTC.")), h("div", { class: "actions" }, save));
  return { title: "Audit", crumbs: [["Access"], ["Audit", to("audit")]], body: [head, h("section", { class: "panel", "aria-label": "Records" }, form, problem, list,
    h("nav", { class: "pager", "aria-label": "Pages of records" }, count, h("div", { class: "actions" }, more)))] };
}
