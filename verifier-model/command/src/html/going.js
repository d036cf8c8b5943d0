// SPDX-License-Identifier: GPL-2.0-only
// Where the page is, and how it gets elsewhere.

/* Where the page is. */
const here = { path: undefined, end: undefined, at: 0, back: [] };

/* Looks at another path. */
function choose(end, at) {
  here.end = end;
  here.path = walk.path(end);
  find("paths").value = String(end);
  tree.show(here.path);
  source.show();
  search.look();
  go(at ?? here.path.steps.length - 1);
}

/* Goes to a step of the path. */
function go(at, { fold = false } = {}) {
  here.at = Math.max(0, Math.min(at, here.path.steps.length - 1));
  if (!fold) tree.reveal(here.at);
  source.follow();
  state.show();
  const all = here.path.before + here.path.steps.length;
  find("count").textContent = `step ${here.path.before + here.at + 1} of ${all}`;
  find("first").disabled = find("previous").disabled = here.at === 0;
  find("last").disabled = find("next").disabled = here.at === here.path.steps.length - 1;
}

/* The same, so that "Back" leads here again. */
function jump(at, end = here.end) {
  here.back.push([here.end, here.at]);
  find("back").disabled = false;
  if (end === here.end) go(at);
  else choose(end, at);
}

function back() {
  const [end, at] = here.back.pop() ?? [];
  if (end === undefined) return;
  find("back").disabled = here.back.length === 0;
  if (end === here.end) go(at);
  else choose(end, at);
}

/* To the last step at an instruction, on another path if need be. */
function toInsn(insn) {
  const at = here.path.last(insn);
  if (at >= 0) return jump(at);
  const end = walk.ends.find((end) => walk.path(end).last(insn) >= 0);
  if (end !== undefined) jump(walk.path(end).last(insn), end);
  return undefined;
}

/* To where a way begins. */
function toWay(n) {
  const way = walk.ways[n];
  const end = walk.chain(here.end).includes(way) ? here.end : walk.endWith((one) => one === way);
  const path = end === here.end ? here.path : walk.path(end);
  jump(path.starts.get(way), end);
}
