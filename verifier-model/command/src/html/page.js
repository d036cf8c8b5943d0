// SPDX-License-Identifier: GPL-2.0-only
// What all parts of the page share: the data, elements, words.

const data = JSON.parse(document.getElementById("data").textContent);
const walk = new Walk(data);
const why = data.explanation;
const find = (id) => document.getElementById(id);

/* An element with attributes and children. Texts are texts: nothing of the data is read as HTML. */
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === false) continue;
    if (key === "onclick") made.addEventListener("click", value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

const plural = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
const spaced = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u2009");
const base = (path) => path.split("/").pop();

/* Whether where instructions went is worth a look. */
const costly = ["too-large", "too-many-jumps"].includes(why.kind) || why.accepted || data.insns > 10000;

const place = (site) => {
  const line = site.line;
  return line && line.number > 0 ? `${line.file}:${line.number} insn ${site.insn}` : `insn ${site.insn}`;
};
const quoted = (site) => (site.line?.text ? site.line.text : site.text);

/* A button that leads to an instruction, or the place alone where no path shown goes by. */
function link(site, text = place(site)) {
  return element("button", { type: "button", class: "go", onclick: () => toInsn(site.insn) }, text);
}

function ending(path) {
  const step = path.steps.at(-1);
  const words = { exit: "ends", rejected: "rejected", pruned: "pruned", converged: "converged", goes: "goes on" };
  const n = path.before + path.steps.length;
  return `${words[path.end.end]} at insn ${step.insn}, ${plural(n, "step")}`;
}

const short = (name) => name.replace(/^\d+:/, "").replace(/^held:/, "held ");

function say(words) {
  find("status").textContent = words;
}

/* Scrolls a list, and not the page, until a row shows. */
function within(list, row) {
  if (!row) return;
  const [outer, inner] = [list.getBoundingClientRect(), row.getBoundingClientRect()];
  if (inner.top < outer.top) list.scrollTop -= outer.top - inner.top + outer.height / 4;
  else if (inner.bottom > outer.bottom) list.scrollTop += inner.bottom - outer.bottom + outer.height / 4;
}
