// SPDX-License-Identifier: Apache-2.0
// Workers kept ready for one standard service.

import { api } from "../api.js";
import { bytes, whole } from "../ui/format.js";
import { button, failure, field, figures, h, note, panel, state } from "../ui/h.js";
import { confirmTyped } from "../ui/dialog.js";
import { toast } from "../ui/toast.js";

function shown(pool) {
  const own = pool.Status !== "NotFound";
  return [figures("Workers now", [["Busy", whole(pool.Busy)], ["Idle", whole(pool.Idle)], ["Starting", whole(pool.Starting)], ["Waiting calls", whole(pool.Waiting)], ["Memory", bytes(pool.MemoryBytes)]]),
    pool.Failure && note("fail", "Its code could not be loaded the last time.", pool.Failure),
    own ? h("p", { class: "bar" }, pool.Status === "Pending" ? state("wait", "Workers are being started") : state("ok", `At least ${whole(pool.InitialPoolSize)} kept ready`), pool.MaxPoolSize > 0 && `, at most ${whole(pool.MaxPoolSize)}`)
      : h("p", { class: "quiet" }, "It has no pool of its own: workers come with the calls and go when nobody calls for a while.")];
}

export async function open({ service }) {
  const { name, version } = service;
  const box = h("div", { class: "stack" });
  const problem = h("div");
  const initial = h("input", { type: "number", min: 0, value: "1", required: true });
  const max = h("input", { type: "number", min: 0, value: "0", required: true });
  const remove = button("Remove the pool", { kind: "danger", onclick: async () => {
    if (await confirmTyped({ title: `Remove the pool of ${name} ${version}?`, word: version, action: "Remove the pool", consequences: h("p", {}, "Its workers end when nobody calls; the first call after that is slower. Set it again to undo.") })) run(() => api.removePool(name, version), "The pool is removed.");
  } });

  async function refresh() {
    const [pool] = await api.pool(name, version);
    const own = pool.Status !== "NotFound";
    if (own) [initial.value, max.value] = [pool.InitialPoolSize, pool.MaxPoolSize];
    remove.hidden = !own;
    box.replaceChildren(...shown(pool).filter(Boolean));
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
    run(() => api.setPool(name, version, { InitialPoolSize: Number(initial.value), MaxPoolSize: Number(max.value) }), "The pool is being made.");
  } }, field("Kept ready", initial), field("At most (0: as any service)", max), h("button", { class: "button button--primary", type: "submit" }, "Set the pool"), remove);
  return h("div", { class: "stack" }, box, panel("Size", {}, form, problem));
}
