// SPDX-License-Identifier: Apache-2.0
// Publish a model file, looked at before it goes live, or code with its inputs and outputs.

import { api, base, consumePath, offers, publishPath, upload } from "../api.js";
import { session } from "../auth.js";
import { go, to } from "../router.js";
import { bytes, whole } from "../ui/format.js";
import { button, copyButton, dropZone, facts, failure, field, fieldError, h, icon, note, panel, segment, select, state, tableBox } from "../ui/h.js";
import { toast } from "../ui/toast.js";
import { columnTable } from "./service-overview.js";

const types = ["numeric", "integer", "logical", "character", "vector", "matrix", "data.frame"];

/** The next version after the newest: its last number plus one. */
export function suggest(versions) {
  if (!versions.length) return "1.0";
  const newest = versions[versions.length - 1].version;
  const taken = new Set(versions.map((v) => v.version));
  const match = newest.match(/^(.*?)(\d+)(\D*)$/);
  if (!match) return "";
  for (let n = Number(match[2]) + 1; n < Number(match[2]) + 1000; n += 1) {
    const next = `${match[1]}${n}${match[3]}`;
    if (!taken.has(next)) return next;
  }
  return "";
}


// --- a model file ---

/** What the server read in the file; nothing is published by looking. */
function inspected(data) {
  const v = data.verification;
  const good = v && v.result === "passed";
  const list = (columns) => (columns || []).map((c) => ({ ...c, levels: c.levels || null, required: !c.optional }));
  const inputs = list(data.columns), outputs = list(data.outputs);
  return [
    facts([["Format", [h("strong", {}, data.format), data.kind && `, ${data.kind}`]], data.producer && ["Made by", data.producer], ["Size", [bytes(data.bytes), data.imageBytes && `, ${bytes(data.imageBytes)} compiled`]],
      ["Verification", v && v.result !== "none" ? [state(good ? "ok" : "wait", v.result), v.cases && ` ${whole(v.cases)} ${v.cases === 1 ? "case" : "cases"}`, v.maximumDifference !== undefined && v.maximumDifference !== null && `, differs by at most ${v.maximumDifference}`] : "no rows with known answers came with it"]]),
    h("h3", {}, `${whole(inputs.length)} ${inputs.length === 1 ? "input" : "inputs"}`), columnTable("Inputs of the model", inputs, { inputs: true }),
    outputs.length > 0 && [h("h3", {}, `${whole(outputs.length)} ${outputs.length === 1 ? "output" : "outputs"}`), columnTable("Outputs of the model", outputs)],
  ];
}

function modelPart(replacing) {
  const bar = h("progress", { max: 100, value: 0, "aria-label": "Upload", hidden: true });
  const status = h("p", { class: "quiet", role: "status" });
  const cancel = button("Cancel", { hidden: true, onclick: () => stop?.abort() });
  const outcome = h("div", { class: "stack" });
  const mark = h("span");
  let model = null, verify = null, stop = null, good = true;

  function form(more = {}) {
    const data = new FormData();
    for (const [name, value] of Object.entries(more)) data.append(name, value);
    if (verify) data.append("verify", verify);
    if (model) data.append("model", model, "model");
    return data;
  }
  /** Run one upload with its progress; returns the answer, or null after showing what went wrong. */
  async function sending(send, doing, title) {
    stop?.abort();
    const mine = stop = new AbortController();
    bar.hidden = cancel.hidden = false;
    bar.value = 0;
    try {
      return await send({ signal: mine.signal, progress: (sent, all) => {
        bar.value = (100 * sent) / all;
        status.textContent = sent < all ? `${bytes(sent)} of ${bytes(all)}` : doing;
      } });
    } catch (error) {
      if (mine === stop) outcome.replaceChildren(error.name === "AbortError" ? note("wait", "Cancelled.", "Nothing was published.") : failure(title, error));
      return null;
    } finally {
      if (mine === stop) {
        bar.hidden = cancel.hidden = true;
        status.textContent = "";
      }
    }
  }
  async function inspect() {
    if (!model || !offers("/admin/api/models/inspect")) return;
    outcome.replaceChildren();
    mark.replaceChildren(state("wait", "Being read"));
    const data = await sending((options) => api.inspect(form(), options), "Uploaded. The server reads the model.", "The model cannot be read.");
    good = Boolean(data);
    mark.replaceChildren(data ? state("ok", "Read") : state("fail", "Not read"));
    if (data) outcome.replaceChildren(...inspected(data).flat().filter(Boolean));
  }
  const element = [
    panel("Model file", { aside: mark }, h("div", { class: "panel__body" },
      dropZone("Model file", "Drop a PMML, ONNX, XGBoost or LightGBM file here, or choose one.", (file) => { model = file; inspect(); }),
      bar, h("div", { class: "actions" }, cancel, status), outcome)),
    panel("Verification", { aside: h("p", {}, "optional") }, h("div", { class: "panel__body" },
      dropZone("Rows to verify", "Rows with their expected outputs, as CSV or JSON. The server scores them and refuses the model when they differ.", (file) => { verify = file; inspect(); }))),
  ];
  return {
    element,
    missing() {
      if (model || replacing) return good ? "" : "The model cannot be read; choose another file.";
      outcome.replaceChildren(note("fail", "No file yet.", "Choose the model\u2019s file first."));
      return "no file";
    },
    send: (name, version, { description, alias }) => sending((options) => upload(replacing ? "PATCH" : "POST", publishPath(name, version),
      form({ ...(description || replacing ? { description } : {}), ...(alias ? { operationId: alias } : {}) }), options), "Uploaded. The server compiles and checks the model.", "Not published."),
  };
}

// --- code ---

/** Rows of names and types: {element, list()}. */
function parameters(what, start) {
  const body = h("tbody");
  const add = (given = { name: "", type: "numeric" }) => {
    const name = h("input", { type: "text", value: given.name, "aria-label": `Name of ${what}`, spellcheck: "false", autocomplete: "off" });
    const row = h("tr", {}, h("td", {}, name), h("td", {}, select(`Type of ${what}`, types, given.type)), h("td", { class: "acts" },
      h("button", { class: "icon-button", type: "button", "aria-label": `Remove this ${what}`, onclick: () => { const next = row.nextElementSibling || row.previousElementSibling; row.remove(); (next?.querySelector("input") || more).focus(); } }, icon("close"))));
    body.append(row);
    return name;
  };
  const more = button(`Add an ${what}`, { glyph: "plus", onclick: () => add().focus() });
  for (const item of start) add(item);
  const heads = ["Name", "Type", ""].map((text, i) => h("th", { scope: "col" }, i === 2 ? h("span", { class: "vh" }, "Remove") : text));
  return {
    element: h("div", { class: "parameters" }, tableBox(h("table", { class: "table table--tight" }, h("caption", { class: "vh" }, `${what}s`), h("thead", {}, h("tr", {}, heads)), body)), more),
    list: () => [...body.rows].map((row) => ({ name: row.querySelector("input").value.trim(), type: row.querySelector("select").value })).filter((p) => p.name),
  };
}

function codePart(given, replacing) {
  const code = h("textarea", { class: "mono", rows: 12, spellcheck: "false", value: given?.code || "", placeholder: "answer = 39.4 - 0.03 * hp - 3.9 * wt", required: true });
  const init = h("textarea", { class: "mono", rows: 3, spellcheck: "false", value: given?.initCode || "" });
  const runtime = select("Runtime", ["Python"], "Python");
  const snapshot = h("input", { type: "text", spellcheck: "false", autocomplete: "off", value: "" });
  const inputs = parameters("input", given?.inputParameterDefinitions || [{ name: "", type: "numeric" }]);
  const outputs = parameters("output", given?.outputParameterDefinitions || [{ name: "", type: "numeric" }]);
  const outcome = h("div");
  const element = [
    panel("Code", { aside: h("p", {}, "Inputs are variables; so are outputs when it ends.") }, h("div", { class: "panel__body" }, field("Runs for each call", code), field("Runs once for each process, before the first call", init),
      h("div", { class: "fields" }, field("Runtime", runtime), field("Snapshot", snapshot, { hint: "Its id brings models and files along." })), outcome)),
    h("div", { class: "halves" }, panel("Inputs", {}, h("div", { class: "panel__body" }, inputs.element)), panel("Outputs", {}, h("div", { class: "panel__body" }, outputs.element))),
  ];
  return {
    element,
    missing() {
      fieldError(code, code.value.trim() ? "" : "A service needs code.");
      if (code.value.trim()) return "";
      code.focus();
      return "no code";
    },
    async send(name, version, { description, alias }) {
      outcome.replaceChildren();
      const body = { runtimeType: runtime.value, code: code.value, inputParameterDefinitions: inputs.list(), outputParameterDefinitions: outputs.list() };
      if (init.value.trim() || replacing) body.initCode = init.value;
      if (description || replacing) body.description = description;
      if (alias) body.operationId = alias;
      if (snapshot.value.trim()) body.snapshotId = snapshot.value.trim();
      try {
        await api.publishCode(replacing ? "PATCH" : "POST", name, version, body);
        return true;
      } catch (error) {
        outcome.replaceChildren(failure("Not published.", error));
        return null;
      }
    },
  };
}

// --- both ---

export async function open({ name: given = "", query }) {
  if (!session.may("publish")) throw new Error(`Publishing is for Contributors and Owners${session.me?.role ? `; you are ${session.me.role}` : ""}. An Owner can change that under Roles.`);
  const replacing = query.get("version");
  const versions = given ? await api.versions(given) : [];
  const old = replacing ? versions.find((v) => v.version === replacing) : versions.at(-1);
  if (replacing && !old) throw new Error(`'${given}' has no version '${replacing}'.`);
  let what = query.get("what") || (old && old.runtimeType !== "Realtime" ? "code" : "model");
  const parts = {};
  const part = () => (parts[what] ??= what === "code" ? codePart(old?.runtimeType === "Realtime" ? null : old, replacing) : modelPart(replacing));

  const name = h("input", { type: "text", value: given, required: true, spellcheck: "false", autocomplete: "off", readonly: replacing ? true : null });
  const version = h("input", { type: "text", value: replacing || suggest(versions), required: true, spellcheck: "false", autocomplete: "off", readonly: replacing ? true : null });
  const description = h("textarea", { rows: 3, value: old?.description || "" });
  const alias = h("input", { type: "text", spellcheck: "false", autocomplete: "off" });
  const path = h("code");
  const known = h("p", { class: "hint hint--two", role: "status" }); // keeps its place: the button below must not move under the pointer
  const left = h("div", { class: "stack" });
  const fill = () => left.replaceChildren(...part().element);
  const address = () => consumePath(name.value || "name", version.value || "version");
  const showPath = () => { path.textContent = address(); };

  function tell(found) {
    known.textContent = !found.length ? (name.value ? "A new service." : "")
      : replacing ? "Callers get the new one with their next call; what runs finishes on the old one." : `Exists, newest is ${found.at(-1).version} by ${found.at(-1).versionPublishedBy}. It keeps answering.`;
  }
  name.addEventListener("input", showPath);
  version.addEventListener("input", showPath);
  // A late answer about a name must change neither what was typed nor what is being published.
  let asked = 0, chosen = false;
  version.addEventListener("input", () => { chosen = true; });
  name.addEventListener("change", async () => {
    const mine = ++asked;
    const found = name.value ? await api.versions(name.value).catch(() => []) : [];
    if (mine !== asked) return;
    if (!replacing && !chosen) version.value = suggest(found);
    tell(found);
    showPath();
  });
  tell(versions);
  showPath();
  fill();

  const submit = h("button", { class: "button button--primary button--wide", type: "submit" }, icon("publish"), replacing ? "Replace this version" : "Publish");
  async function publish(event) {
    event.preventDefault();
    fieldError(name, name.value ? "" : "A service needs a name.");
    fieldError(version, version.value ? "" : "Give a version, such as 1.0.");
    const first = [name, version].find((i) => i.getAttribute("aria-invalid"));
    const missing = part().missing();
    if (first || missing) {
      if (!missing) first.focus();
      return;
    }
    asked += 1;
    const [service, number] = [name.value, version.value];
    submit.disabled = true;
    const done = await part().send(service, number, { description: description.value, alias: alias.value }).finally(() => { submit.disabled = false; });
    if (done === null) return;
    toast("ok", `${service} ${number} is live at ${base}${consumePath(service, number)}.`);
    go(to("services", service, number));
  }

  const head = h("header", { class: "page-head" }, h("div", { class: "page-head__text" }, h("h1", {}, replacing ? `Replace ${given} ${replacing}` : "Publish a service"), h("p", {}, "Nothing is live until you press the button.")),
    !replacing && h("div", { class: "actions" }, segment("What to publish", [["model", "Model file"], ["code", "Python code"]], what, (value) => { what = value; fill(); })));
  const form = h("form", { class: "split", onsubmit: publish, novalidate: true }, left,
    h("aside", { class: "stack", "aria-label": "Name and version" }, panel("Goes live as", {}, h("div", { class: "panel__body" },
      h("div", {}, field("Name", name), known), field("Version", version), field("Description", description), field("Alias", alias, { hint: "The method\u2019s name in generated clients; consume when empty." }),
      h("div", { class: "copyline" }, path, copyButton("path", address)), submit))));
  return { title: replacing ? `Replace ${given} ${replacing}` : "Publish", crumbs: [["Publish"]], body: [head, form] };
}
