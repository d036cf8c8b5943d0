// SPDX-License-Identifier: GPL-2.0-only
// Why a program is rejected, or what it costs: the explanation, with links into the path.

/* Sections of the explanation that have something to say. */
function reasons() {
  const cost = data.cost;
  const percent = (n) => `${(100 * n / Math.max(1, cost.insns)).toFixed(1)} %`;
  const named = (site) => [link(site), " ", element("code", {}, quoted(site))];
  return [
    section("What it means", why.what ? [[why.what]] : []),
    section("Where", why.site ? [[...named(why.site), why.check ? `, said by ${why.check}` : ""]] : []),
    section("Cause", why.cause ? [[...named(why.cause.site)], [why.cause.what]] : []),
    section("What to do", [why.cause?.advice, ...why.advice].filter(Boolean).map((advice) => [advice])),
    section("Held", why.held.map(({ what, site }) => [what, ...(site ? [", acquired at ", ...named(site)] : [])])),
    section("Why the loop makes no progress", (why.no_progress?.conditions ?? []).map((one) => [...named(one.site), `: ${one.why}`])),
    section("Where paths wait", why.waiting.map(([site, n]) => [`${spaced(n)} at `, ...named(site)])),
    section("Stack", why.stack.map((one) => [`${plural(one.bytes, "byte")}: ${one.function}`,
      ...(one.calls_at ? [", calls at ", ...named(one.calls_at)] : [])])),
    section("How it comes there", why.path.map((event) => [link(event.site), ` ${event.branch ? "→ " : ""}${event.what}`]), why.path_left_out),
    section(`Where ${spaced(data.insns)} instructions went`, cost && costly ? [
      ...cost.loops.map((loop) => [`${percent(loop.insns)} in the loop at `, link(loop.site), `, ${spaced(loop.rounds)} rounds`]),
      ...cost.lines.map((line) => [`${percent(line.insns)} at `, ...named(line.site)]),
    ] : []),
    section("Why states did not prune", costly ? (cost?.differences ?? []).map(difference) : []),
  ].filter((section) => section !== undefined);
}

function section(title, entries, leftOut = 0) {
  if (entries.length === 0) return undefined;
  const items = entries.map((entry) => element("li", {}, ...entry.flatMap(spoken)));
  if (leftOut > 0) items.splice(1, 0, element("li", {}, `… ${leftOut} more`));
  return element("section", {}, element("h3", {}, title), element("ul", {}, ...items));
}

/* Words, with what stands between backticks as code. */
function spoken(part) {
  if (typeof part !== "string") return [part];
  return part.split("`").map((words, n) => (n % 2 === 1 ? element("code", {}, words) : words));
}

function difference(one) {
  const values = one.old === "" ? [] : [`: kept ${one.old}; now ${one.new}`];
  const needed = one.needed_by.flatMap((site) => [", needed at ", link(site)]);
  return [`${spaced(one.count)} times at `, link(one.site), ` in ${one.place}`, ...values, ...needed];
}
