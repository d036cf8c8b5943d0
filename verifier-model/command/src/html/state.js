// SPDX-License-Identifier: GPL-2.0-only
// Registers and stack before and after the step.

const state = {
  show() {
    const { path, at } = here;
    const step = path.steps[at];
    const line = walk.line(step.insn);
    const text = walk.insn(step.insn)?.text ?? "";
    find("now").textContent = `insn ${step.insn}: ${text}`;
    find("notes").replaceChildren(...this.notes(step, line).map((note) => element("li", {}, ...note)));
    const after = path.after(at);
    const changes = new Set(path.changes(at));
    const places = [...new Set([...step.state.keys(), ...(after?.keys() ?? [])])].sort(inOrder(step.frame));
    const rows = [];
    let group;
    for (const name of places) {
      const [frame, short] = name.split(/:(.*)/s);
      if (frame !== group) {
        group = frame;
        rows.push(element("tr", {}, element("th", { colspan: 3, scope: "rowgroup" }, this.heading(frame, step.frame))));
      }
      rows.push(this.row(name, short, step.state.get(name), after, changes.has(name)));
    }
    find("state").tBodies[0].replaceChildren(...rows);
    const told = [...changes].map((name) => `${short(name)} is now ${after.get(name) ?? "gone"}`);
    say(`insn ${step.insn}: ${text}. ${told.join("; ")}`);
  },

  heading(frame, current) {
    if (frame === "held") return "Held";
    if (Number(frame) === current) return `Frame ${frame}, running`;
    return `Frame ${frame}, ${Number(frame) < current ? "waits for its call" : "called here"}`;
  },

  row(name, short, before, after, changes) {
    const value = before === undefined ? "" : element("button", { type: "button", class: "go", "data-place": name,
      title: "To the step that made it", onclick: () => this.trace(name) }, before);
    const then = after === undefined ? "" : after.get(name) ?? "—";
    return element("tr", { class: changes ? "changed" : undefined, "data-place": name },
      element("th", { scope: "row" }, short, changes ? element("span", { class: "only-read" }, " changes") : undefined),
      element("td", {}, value),
      element("td", {}, changes || after === undefined ? then : element("span", { class: "same" }, then)));
  },

  /* Goes to the step that made what a place holds. */
  trace(name) {
    const made = here.path.made(here.at, name);
    if (!made) {
      say(here.path.before > 0 ? `What made ${short(name)} is not on this page.` : `${short(name)} is there from the start.`);
      return;
    }
    jump(made.step);
    const told = !made.from || made.what.includes(short(made.from));
    const from = told ? "" : `, with ${short(made.from)}`;
    const words = `${short(name)}: ${made.what}${from}`;
    find("notes").prepend(element("li", {}, words));
    find("state").querySelector(`tr[data-place="${CSS.escape(name)}"]`)?.classList.add("asked");
    // The next value to follow, so that the keyboard goes on from here.
    const follow = find("state").querySelector(`button[data-place="${CSS.escape(made.from ?? name)}"]`);
    (follow ?? find("path")).focus();
    say(words);
  },

  notes(step, line) {
    const notes = [];
    if (line) notes.push([`${base(line[0])}:${line[1]}  ${line[2].trim()}`]);
    const first = here.path.starts.get(step.way) === here.at;
    if (here.at === 0 && here.path.before > 0) notes.push([`${plural(here.path.before, "step")} before this one are not on this page.`]);
    if (first && step.way.kept) notes.push(["A state is kept here, and later ones are compared with it."]);
    for (const miss of data.cost?.differences ?? []) {
      if (miss.site.insn === step.insn) notes.push([`States compared here differed ${plural(miss.count, "time")} in ${miss.place}.`]);
    }
    if (here.at + 1 < here.path.steps.length) return notes;
    const end = step.way;
    if (end.end === "rejected") notes.push([element("span", { class: "rejected" }, `Rejected: ${why.message}`)]);
    if (end.end === "exit") notes.push(["The path ends here."]);
    if (end.end === "pruned" || end.end === "converged") {
      const words = end.end === "pruned" ? "Pruned: as safe as a path that was explored" : "Converged: no worse than earlier in the loop";
      const to = end.like === undefined ? undefined
        : element("button", { type: "button", class: "go", onclick: () => toWay(end.like) }, "that state");
      notes.push(to ? [`${words}, from `, to, " on."] : [`${words}.`]);
    }
    return notes;
  },
};

/* The running frame first, then those that called it; registers before slots. */
function inOrder(current) {
  const key = (name) => {
    const [frame, short] = name.split(/:(.*)/s);
    const group = frame === "held" ? 2000 : Number(frame) > current ? -1 : current - Number(frame);
    const register = /^R(\d+)$/.exec(short);
    const slot = /^fp-(\d+)$/.exec(short);
    return group * 10000 + (register ? Number(register[1]) : slot ? 100 + Number(slot[1]) : 9000);
  };
  return (a, b) => key(a) - key(b) || a.localeCompare(b);
}
