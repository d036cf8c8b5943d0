// SPDX-License-Identifier: GPL-2.0-only
// Searching the path.

const search = {
  hits: [],

  /* Steps whose instruction, line, or change has the words in it. */
  look() {
    const wanted = find("search").value.trim().toLowerCase();
    const has = (text) => text?.toLowerCase().includes(wanted);
    const { path } = here;
    this.hits = wanted === "" ? [] : path.steps.flatMap((step, at) => {
      const changes = () => path.changes(at).some((name) => has(`${short(name)} ${path.after(at).get(name) ?? ""}`));
      return has(walk.insn(step.insn)?.text) || has(walk.line(step.insn)?.[2]) || changes() ? [at] : [];
    });
    for (const entry of source.rows) entry.row.classList.toggle("hit", wanted !== "" && has(entry.text));
    this.paint(tree.visible());
    this.count();
  },

  paint(rows) {
    const hits = new Set(this.hits);
    for (const row of rows) {
      const hit = row.kind === "step" && hits.has(row.from);
      row.item.firstElementChild.classList.toggle("hit", hit);
    }
  },

  count() {
    const n = this.hits.indexOf(here.at) + 1;
    const of = this.hits.length;
    find("hits").textContent = find("search").value.trim() === "" ? "" : n > 0 ? `${n} of ${of} steps` : plural(of, "step");
  },

  go(backwards) {
    const { at } = here;
    const hit = backwards
      ? this.hits.findLast((hit) => hit < at) ?? this.hits.at(-1)
      : this.hits.find((hit) => hit > at) ?? this.hits[0];
    if (hit !== undefined) jump(hit);
    this.count();
  },
};
