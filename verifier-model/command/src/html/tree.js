// SPDX-License-Identifier: GPL-2.0-only
// The path, with calls and rounds folded: a tree, as ARIA has it.

const tree = {
  list: find("path"),
  top: [],
  active: undefined,

  show(path) {
    this.active = undefined;
    this.top = path.rows();
    this.list.replaceChildren(...this.items(this.top, 1, undefined));
  },

  items(rows, level, above) {
    return rows.map((row, n) => this.item(Object.assign(row, { level, above, previous: rows[n - 1] })));
  },

  item(row) {
    const { level } = row;
    const leaf = row.kind === "step";
    const step = here.path.steps[row.from];
    const label = element("div", { class: "row" },
      element("span", { class: "number" }, leaf ? String(step.insn) : ""),
      element("span", { class: leaf ? "text" : "text fold" }, this.text(row)),
      element("span", { class: "note" }, this.note(row)));
    row.item = element("div", { role: "treeitem", id: `row-${row.kind}-${row.from}-${level}`, "aria-level": level,
      "aria-selected": "false", "aria-expanded": leaf ? undefined : "false" }, label);
    label.addEventListener("click", () => {
      this.pick(row);
      if (!leaf) this.toggle(row);
    });
    return row.item;
  },

  text(row) {
    const step = here.path.steps[row.from];
    const insn = walk.insn(step.insn);
    switch (row.kind) {
      case "call": return `${walk.function(step.insn)}, ${plural(row.to - row.from, "step")}`;
      case "loop": return `loop, ${plural(row.rounds, "time")} at its start${here.path.before > 0 ? ", as far as shown" : ""}`;
      case "round": return `round ${row.n}, ${plural(row.to - row.from, "step")}`;
      default: return step.arrives ? `arrives: ${insn?.text ?? ""}` : insn?.text ?? "";
    }
  },

  /* The source line, where it is not that of the row above. */
  note(row) {
    const line = (of) => of && walk.line(here.path.steps[of.from].insn);
    const own = line(row);
    if (!own || row.kind === "step" && own === line(row.previous)) return "";
    return `${base(own[0])}:${own[1]}`;
  },

  open(row) {
    if (row.kind === "step" || row.children) return;
    row.children = row.rows();
    const items = this.items(row.children, row.level + 1, row);
    row.item.append(element("div", { role: "group" }, ...items));
    row.item.setAttribute("aria-expanded", "true");
    search.paint(row.children);
  },

  close(row) {
    if (!row.children) return;
    row.children = undefined;
    row.item.lastElementChild.remove();
    row.item.setAttribute("aria-expanded", "false");
    this.mark(row);
  },

  toggle(row) {
    if (row.children) this.close(row);
    else this.open(row);
  },

  /* Makes the row current; the step is its first one. */
  pick(row) {
    this.mark(row);
    go(row.from, { fold: true });
  },

  mark(row) {
    this.active?.item.setAttribute("aria-selected", "false");
    this.active = row;
    row.item.setAttribute("aria-selected", "true");
    this.list.setAttribute("aria-activedescendant", row.item.id);
    within(this.list, row.item.firstElementChild);
  },

  /* Opens what folds a step away, and makes its row current. */
  reveal(at) {
    let rows = this.top;
    for (;;) {
      const row = rows.find((row) => row.from <= at && at < row.to);
      if (row.kind === "step") return this.mark(row);
      this.open(row);
      rows = row.children;
    }
  },

  /* The rows that show, from top to bottom. */
  visible(rows = this.top) {
    return rows.flatMap((row) => (row.children ? [row, ...this.visible(row.children)] : [row]));
  },

  move(by) {
    const rows = this.visible();
    const row = rows[rows.indexOf(this.active) + by];
    if (row) this.pick(row);
  },

  key(event) {
    const row = this.active;
    const rows = () => this.visible();
    const keys = {
      ArrowDown: () => this.move(1),
      ArrowUp: () => this.move(-1),
      ArrowRight: () => (row.children ? this.pick(row.children[0]) : this.open(row)),
      ArrowLeft: () => (row.children ? this.close(row) : row.above && this.pick(row.above)),
      Enter: () => this.toggle(row),
      Home: () => this.pick(rows()[0]),
      End: () => this.pick(rows().at(-1)),
      j: () => go(here.at + 1),
      k: () => go(here.at - 1),
      b: back,
      "/": () => find("search").focus(),
    };
    if (event.ctrlKey || event.altKey || event.metaKey || !(event.key in keys)) return;
    keys[event.key]();
    event.preventDefault();
  },
};
