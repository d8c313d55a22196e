// SPDX-License-Identifier: Apache-2.0
// Workers kept ready for one standard service.

import { api } from "../api.js";
import { whole } from "../ui/format.js";
import { button, failure, field, figures, h, note, panel } from "../ui/h.js";
import { confirmTyped } from "../ui/dialog.js";
import { toast } from "../ui/toast.js";

/** The pool's numbers, whatever it counts. */
function numbers(pool) {
  const list = Object.entries(pool || {}).filter(([, v]) => typeof v === "number");
  return list.length > 0 && figures("Pool now", list.map(([name, value]) => [name.replace(/([A-Z])/g, " $1").toLowerCase().replace(/^./, (c) => c.toUpperCase()), whole(value)]));
}

export async function open({ service }) {
  const { name, version } = service;
  const box = h("div", { class: "stack" });
  const problem = h("div");
  const initial = h("input", { type: "number", min: 0, value: "1", required: true });
  const max = h("input", { type: "number", min: 1, value: "2", required: true });

  async function refresh() {
    const pool = await api.pool(name, version).catch((error) => { if (error.status === 404) return null; throw error; });
    if (pool?.initialPoolSize !== undefined) initial.value = pool.initialPoolSize;
    if (pool?.maxPoolSize !== undefined) max.value = pool.maxPoolSize;
    box.replaceChildren(numbers(pool) || note("wait", "No pool of its own.", "Calls are served from the generic workers; a pool keeps some ready for this version alone."));
  }
  await refresh();
  async function run(work, said) {
    try {
      await work();
      problem.replaceChildren();
      toast("ok", said);
      await refresh();
    } catch (error) {
      problem.replaceChildren(failure("Not changed.", error));
    }
  }
  const form = h("form", { class: "filters", onsubmit: (event) => {
    event.preventDefault();
    run(() => api.setPool(name, version, { initialPoolSize: Number(initial.value), maxPoolSize: Number(max.value) }), "The pool is being made.");
  } }, field("Ready at once", initial), field("At most", max), h("button", { class: "button button--primary", type: "submit" }, "Set the pool"),
  button("Remove the pool", { kind: "danger", onclick: async () => {
    if (await confirmTyped({ title: `Remove the pool of ${name} ${version}?`, word: version, action: "Remove the pool", consequences: h("p", {}, "Its workers end; calls are served from the generic workers, the first of them slower. Set it again to undo.") })) run(() => api.removePool(name, version), "The pool is removed.");
  } }));
  return h("div", { class: "stack" }, box, panel("Size", {}, form, problem));
}
