// SPDX-License-Identifier: GPL-2.0-only
// What happens when the page opens, and what its buttons do.

function start() {
  find("program").textContent = why.program;
  const verdict = find("verdict");
  const kind = why.kind ? ` [${why.kind}]` : "";
  const errno = why.errno ? `, error ${why.errno}` : "";
  verdict.textContent = why.accepted ? "accepted" : why.not_modelled ? "not modelled" : `rejected${errno}${kind}`;
  verdict.className = why.accepted ? "accepted" : "rejected";
  find("message").textContent = why.not_modelled ?? why.message;
  find("reasons").append(...reasons());

  find("paths").append(...walk.ends.map((end, n) => element("option", { value: end }, `${n + 1}: ${ending(walk.path(end))}`)));
  if (data.left_out > 0) find("paths").append(element("option", { disabled: true }, `… ${plural(data.left_out, "more path")} not on this page`));
  find("paths").addEventListener("change", (event) => choose(Number(event.target.value), 0));

  const clicks = { first: () => go(0), previous: () => go(here.at - 1), next: () => go(here.at + 1), last: () => go(Infinity), back, heat, theme };
  for (const [id, click] of Object.entries(clicks)) find(id).addEventListener("click", click);
  find("source").addEventListener("keydown", (event) => source.key(event));
  find("path").addEventListener("keydown", (event) => tree.key(event));
  find("by-insn").addEventListener("change", again);
  find("search").addEventListener("input", () => search.look());
  find("search").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    search.go(event.shiftKey);
  });
  find("searching").addEventListener("submit", (event) => event.preventDefault());

  if (data.program.lines.length === 0) find("by-insn").checked = true;
  find("heat").setAttribute("aria-pressed", String(costly && data.insns > 10000));
  if (walk.ends.length > 0) choose(walk.ends[0], why.accepted ? 0 : undefined);
  else find("tools").hidden = document.querySelector("main").hidden = true;
}

function heat() {
  const pressed = find("heat").getAttribute("aria-pressed") === "true";
  find("heat").setAttribute("aria-pressed", String(!pressed));
  again();
}

/* Draws the left side anew. */
function again() {
  source.show();
  source.follow();
  search.look();
}

function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
}

start();
