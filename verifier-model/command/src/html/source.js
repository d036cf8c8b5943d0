// SPDX-License-Identifier: GPL-2.0-only
// The left side: source lines, or instructions where there are none.

const source = {
  list: find("source"),
  rows: [],
  active: 0,

  /* What there is to show, whatever the path. */
  entries(byInsn) {
    const insns = data.program.insns;
    if (byInsn) {
      return insns.map((insn) => ({ number: insn.insn, text: insn.text, insns: new Set([insn.insn]), visits: insn.visits }));
    }
    const entries = data.program.lines.map(([file, number, text]) => ({ file, number, text, insns: new Set(), visits: 0 }));
    for (const insn of insns.filter((insn) => insn.line !== undefined)) {
      entries[insn.line].insns.add(insn.insn);
      entries[insn.line].visits += insn.visits;
    }
    return entries;
  },

  show() {
    const onPath = new Set(here.path.steps.map((step) => step.insn));
    const heat = find("heat").getAttribute("aria-pressed") === "true";
    let file;
    this.rows = [];
    this.list.replaceChildren();
    for (const entry of this.entries(find("by-insn").checked)) {
      if (entry.file !== file) {
        file = entry.file;
        this.list.append(element("div", { class: "row file", role: "presentation" }, file.replace(/^\.\//, "")));
      }
      const passes = [...entry.insns].some((insn) => onPath.has(insn));
      const part = 100 * entry.visits / Math.max(1, data.insns);
      const note = heat && entry.visits > 0 ? `${part.toFixed(1)} %` : "";
      const row = element("div", { class: passes ? "row" : "row off", role: "option", id: `line-${this.rows.length}`,
        "aria-selected": "false", title: `walked ${spaced(entry.visits)} times, on all paths` },
        element("span", { class: "number" }, String(entry.number)),
        element("span", { class: "text" }, entry.text),
        element("span", { class: "note" }, note));
      if (heat && part > 0) {
        row.classList.add("heated");
        row.style.setProperty("--part", `${part}%`);
      }
      const n = this.rows.length;
      row.addEventListener("click", () => this.enter(n));
      this.rows.push({ ...entry, row });
      this.list.append(row);
    }
  },

  /* Marks the line of the step. */
  follow() {
    const insn = here.path.steps[here.at].insn;
    const n = this.rows.findIndex((entry) => entry.insns.has(insn));
    if (n >= 0) this.mark(n);
  },

  mark(n) {
    this.rows[this.active]?.row.setAttribute("aria-selected", "false");
    this.active = Math.max(0, Math.min(n, this.rows.length - 1));
    const row = this.rows[this.active]?.row;
    row?.setAttribute("aria-selected", "true");
    this.list.setAttribute("aria-activedescendant", row?.id ?? "");
    within(this.list, row);
  },

  enter(n) {
    const entry = this.rows[n];
    if (!entry) return;
    const at = here.path.next(here.at, entry.insns);
    if (at !== undefined) jump(at);
    else {
      this.mark(n);
      say("No step of this path is at this line.");
    }
  },

  key(event) {
    const moves = { ArrowDown: this.active + 1, ArrowUp: this.active - 1, Home: 0, End: this.rows.length - 1 };
    if (event.key in moves) this.mark(moves[event.key]);
    else if (event.key === "Enter" || event.key === " ") this.enter(this.active);
    else return;
    event.preventDefault();
  },
};
