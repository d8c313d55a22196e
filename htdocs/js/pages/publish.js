// SPDX-License-Identifier: Apache-2.0
// Upload a model: name, version, file, rows to verify; progress and cancel.

import { api, consumePath, publishPath, upload } from "../api.js";
import { go, to } from "../router.js";
import { bytes } from "../ui/format.js";
import { button, failure, field, fieldError, h, icon, note, panel } from "../ui/h.js";
import { toast } from "../ui/toast.js";

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

function dropZone(label, hint, chosen) {
  const input = h("input", { type: "file", "aria-label": label, onchange: () => input.files[0] && take(input.files[0]) });
  const name = h("p", {}, hint);
  const zone = h("div", { class: "drop", ondragover: (event) => { event.preventDefault(); zone.classList.add("drop--over"); }, ondragleave: () => zone.classList.remove("drop--over"), ondrop: (event) => {
    event.preventDefault();
    zone.classList.remove("drop--over");
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  } }, icon("file"), name, input);
  function take(file) {
    name.replaceChildren(h("strong", {}, file.name), " ", h("span", { class: "quiet" }, bytes(file.size)));
    chosen(file);
  }
  return zone;
}

export async function open({ name: given = "", query }) {
  const replacing = query.get("version");
  const versions = given ? await api.versions(given) : [];
  const name = h("input", { type: "text", value: given, required: true, spellcheck: "false", autocomplete: "off" });
  const version = h("input", { type: "text", value: replacing || suggest(versions), required: true, spellcheck: "false", autocomplete: "off" });
  const description = h("textarea", { rows: 3, value: replacing ? versions.find((v) => v.version === replacing)?.description || "" : "" });
  const alias = h("input", { type: "text", spellcheck: "false", autocomplete: "off" });
  const path = h("code");
  const bar = h("progress", { max: 100, value: 0, "aria-label": "Upload", hidden: true });
  const status = h("p", { class: "quiet", role: "status" });
  const outcome = h("div");
  let model = null, verify = null, stop = null;

  const showPath = () => { path.textContent = consumePath(name.value || "name", version.value || "version"); };
  name.addEventListener("input", showPath);
  version.addEventListener("input", showPath);
  name.addEventListener("change", async () => {
    const found = name.value ? await api.versions(name.value).catch(() => []) : [];
    if (found.length && !replacing) version.value = suggest(found);
    showPath();
  });
  showPath();

  const submit = h("button", { class: "button button--primary button--wide", type: "submit" }, icon("publish"), replacing ? "Replace this version" : "Publish");
  const cancel = button("Cancel", { hidden: true, onclick: () => stop?.abort() });

  function complete() {
    fieldError(name, name.value ? "" : "A service needs a name.");
    fieldError(version, version.value ? "" : "Give a version, such as 1.0.");
    if (!model && !replacing) outcome.replaceChildren(note("fail", "No file yet.", "Choose the model's file first."));
    const first = [name, version].find((i) => i.getAttribute("aria-invalid"));
    first?.focus();
    return !first && (model || replacing);
  }

  async function publish(event) {
    event.preventDefault();
    outcome.replaceChildren();
    if (!complete()) return;
    const form = new FormData();
    if (description.value || replacing) form.append("description", description.value);
    if (alias.value) form.append("operationId", alias.value);
    if (verify) form.append("verify", verify);
    if (model) form.append("model", model, "model");
    stop = new AbortController();
    submit.disabled = true;
    bar.hidden = cancel.hidden = false;
    try {
      await upload(replacing ? "PATCH" : "POST", publishPath(name.value, version.value), form, { signal: stop.signal, progress: (sent, all) => {
        bar.value = (100 * sent) / all;
        status.textContent = sent < all ? `${bytes(sent)} of ${bytes(all)}` : "Uploaded. The server compiles and checks the model.";
      } });
      toast("ok", `${name.value} ${version.value} is live.`);
      go(to("services", name.value, version.value));
    } catch (error) {
      outcome.replaceChildren(error.name === "AbortError" ? note("wait", "Cancelled.", "Nothing was published.") : failure("Not published.", error));
    } finally {
      submit.disabled = false;
      bar.hidden = cancel.hidden = true;
      status.textContent = "";
    }
  }

  const head = h("header", { class: "page-head" }, h("div", { class: "page-head__text" }, h("h1", {}, replacing ? `Replace ${given} ${replacing}` : "Publish a service"), h("p", {}, "Nothing is live until you press the button; a model that cannot be read, or whose verification differs, is refused.")));
  const form = h("form", { class: "split", onsubmit: publish, novalidate: true },
    h("div", { class: "stack" },
      panel("Model file", {}, h("div", { class: "panel__body" }, dropZone("Model file", "Drop a PMML, ONNX, XGBoost or LightGBM file here, or choose one.", (file) => { model = file; outcome.replaceChildren(); }), bar, h("div", { class: "actions" }, cancel, status), outcome)),
      panel("Verification", { aside: h("p", {}, "optional") }, h("div", { class: "panel__body" }, dropZone("Rows to verify", "Rows with their expected outputs, as CSV or JSON. The server scores them and refuses the model when they differ.", (file) => { verify = file; })))),
    h("aside", { class: "stack", "aria-label": "Name and version" }, panel("Goes live as", {}, h("div", { class: "panel__body" },
      field("Name", name), field("Version", version, { hint: versions.length && !replacing ? `Newest is ${versions.at(-1).version}.` : null }),
      field("Description", description), field("Alias", alias, { hint: "The method's name in generated clients; consume when empty." }), path, submit))));
  return { title: replacing ? `Replace ${given} ${replacing}` : "Publish", crumbs: [["Publish"]], body: [head, form] };
}
