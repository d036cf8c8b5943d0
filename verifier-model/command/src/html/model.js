// SPDX-License-Identifier: GPL-2.0-only
// What was walked: paths, what is known before each step of one, and where a value was made.
// Nothing here knows of the page.

"use strict";

/* One step of a path: an instruction in a frame. */
class Step {
  constructor(way, insn, state) {
    this.way = way;
    this.insn = insn;
    this.frame = way.frame;
    this.state = state; // before it: place -> words
  }

  /* The path ends here without walking the instruction. */
  get arrives() {
    return Boolean(this.way.arrives);
  }
}

/* A path from where the walk of it is written down to its end. */
class Path {
  constructor(walk, end) {
    this.walk = walk;
    this.end = walk.ways[end];
    this.steps = [];
    this.starts = new Map(); // way -> its first step
    let state = new Map();
    for (const way of walk.chain(end)) {
      this.starts.set(way, this.steps.length);
      let insn = way.first;
      for (const changes of way.steps) {
        state = changed(state, changes);
        this.steps.push(new Step(way, insn, state));
        insn += walk.insn(insn)?.slots ?? 1;
      }
    }
    this.before = this.steps[0]?.way.before ?? 0;
  }

  /* What is known after a step; nothing where the path ends. */
  after(at) {
    return this.steps[at + 1]?.state;
  }

  /* Places whose words the step changes, of `before` and `after` each. */
  changes(at) {
    const [before, after] = [this.steps[at].state, this.after(at)];
    if (!after || before === after) return [];
    const places = new Set([...before.keys(), ...after.keys()]);
    return [...places].filter((place) => before.get(place) !== after.get(place));
  }

  /* The step before `at` that made what `place` holds, and how: its step, words, and the place that
     it was made from. */
  made(at, place) {
    for (let step = at - 1; step >= 0; step--) {
      const how = this.how(step, place);
      if (how) return { step, ...how };
    }
    return undefined;
  }

  how(at, place) {
    const [step, next] = [this.steps[at], this.steps[at + 1]];
    const [frame, name] = place.split(/:(.*)/s);
    const differs = step.state.get(place) !== next.state.get(place);
    if (frame === "held") return differs ? { what: "acquired" } : undefined;
    if (next.frame > step.frame && Number(frame) === next.frame) {
      const argument = /^R[1-5]$/.test(name);
      return { what: argument ? "passed to the function" : "there when the function starts",
        from: argument ? `${step.frame}:${name}` : undefined };
    }
    if (next.frame < step.frame && name === "R0" && Number(frame) === next.frame) {
      return { what: "returned by the function", from: `${step.frame}:R0` };
    }
    const writes = this.walk.insn(step.insn)?.writes ?? [];
    const write = Number(frame) === step.frame && next.frame === step.frame
      ? writes.find(([to]) => to === name) : undefined;
    if (write) {
      const [, what, from] = write;
      return { what, from: from === null ? undefined : `${frame}:${from}` };
    }
    if (!differs) return undefined;
    const jumps = this.walk.insn(step.insn)?.text.startsWith("if ");
    return { what: jumps ? "narrowed by the branch" : "changed here" };
  }

  /* The first step at one of `insns` behind `at`, or else the first of all. */
  next(at, insns) {
    const hits = this.steps.flatMap((step, n) => (insns.has(step.insn) ? [n] : []));
    return hits.find((n) => n > at) ?? hits[0];
  }

  /* The last step at an instruction. */
  last(insn) {
    return this.steps.findLastIndex((step) => step.insn === insn);
  }

  /* Rows: steps, with calls and the rounds of loops folded. */
  rows() {
    return this.fold(0, this.steps.length, []);
  }

  fold(from, to, inside) {
    const rows = [];
    const frame = this.steps[from]?.frame;
    for (let at = from; at < to;) {
      const row = this.call(at, to, frame) ?? this.loop(at, to, inside) ??
        { kind: "step", from: at, to: at + 1 };
      rows.push(row);
      at = row.to;
    }
    return rows;
  }

  call(at, to, frame) {
    if (this.steps[at].frame <= frame) return undefined;
    let end = at;
    while (end < to && this.steps[end].frame > frame) end++;
    return { kind: "call", from: at, to: end, rows: () => this.fold(at, end, []) };
  }

  loop(at, to, inside) {
    const { insn, frame } = this.steps[at];
    const loop = this.walk.loops.get(insn);
    if (!loop || inside.includes(insn)) return undefined;
    const leaves = (step) => step.frame < frame || step.frame === frame && !loop.has(step.insn);
    const heads = [];
    let end = at;
    for (; end < to && !leaves(this.steps[end]); end++) {
      if (this.steps[end].insn === insn && this.steps[end].frame === frame) heads.push(end);
    }
    if (heads.length < 2) return undefined;
    const round = (head, n) => {
      const next = heads[n + 1] ?? end;
      return { kind: "round", n: n + 1, from: head, to: next,
        rows: () => this.fold(head, next, [...inside, insn]) };
    };
    return { kind: "loop", from: at, to: end, rounds: heads.length, rows: () => heads.map(round) };
  }
}

/* All that was written down. */
class Walk {
  constructor(data) {
    this.data = data;
    this.ways = data.ways;
    this.insns = new Map(data.program.insns.map((insn) => [insn.insn, insn]));
    this.loops = new Map(data.program.loops.map((loop) => [loop.header, new Set(loop.body)]));
    const parents = new Set(this.ways.map((way) => way.parent));
    const leaves = this.ways.flatMap((_, n) => (parents.has(n) ? [] : [n]));
    this.ends = leaves.sort((a, b) => (b === data.shown) - (a === data.shown));
    for (const way of this.ways) {
      way.steps = way.steps.map((pairs) => this.named(pairs));
    }
  }

  insn(at) {
    return this.insns.get(at);
  }

  /* The source line of an instruction: file, number, text. */
  line(at) {
    return this.data.program.lines[this.insn(at)?.line];
  }

  /* The function that an instruction is in. */
  function(at) {
    return this.data.program.functions.findLast(([start]) => start <= at)?.[1] ?? "";
  }

  path(end) {
    return new Path(this, end);
  }

  /* Pieces of the path that ends with `end`, the first one first. */
  chain(end) {
    const chain = [];
    for (let n = end; n !== undefined; n = this.ways[n].parent) chain.unshift(this.ways[n]);
    return chain;
  }

  /* The end of the first path that has a piece for which `wanted` holds. */
  endWith(wanted) {
    return this.ends.find((end) => this.chain(end).some(wanted));
  }

  named(pairs) {
    const changes = [];
    for (let n = 0; n < pairs.length; n += 2) {
      changes.push([this.data.places[pairs[n]], this.data.words[pairs[n + 1]]]);
    }
    return changes;
  }
}

/* The state with changes: of a place without words nothing is known any more. */
function changed(state, changes) {
  if (changes.length === 0) return state;
  const next = new Map(state);
  for (const [place, words] of changes) {
    if (words === undefined) next.delete(place);
    else next.set(place, words);
  }
  return next;
}
