// SPDX-License-Identifier: GPL-2.0-only
//! An explanation as text for people.

use crate::explain::Explanation;
use crate::explain::convergence::Cost;
use crate::explain::source::Site;

/// Widest line of running text.
const WIDTH: usize = 96;

struct Page {
    out: String,
    colour: bool,
}

impl Explanation {
    /// The explanation as text, with terminal colours if wanted.
    pub fn text(&self, colour: bool) -> String {
        let mut page = Page {
            out: String::new(),
            colour,
        };
        page.verdict(self);
        page.site(self);
        page.cause(self);
        page.path(self);
        page.state(self);
        page.held(self);
        page.no_progress(self);
        page.waiting(self);
        page.stack(self);
        if let Some(cost) = &self.cost {
            page.cost(cost, self.accepted);
        }
        let of_cause = self.cause.iter().map(|cause| cause.advice);
        let advice: Vec<_> = of_cause
            .chain(self.advice.iter().map(String::as_str))
            .collect();
        if !advice.is_empty() {
            page.heading("What to do");
            for advice in advice {
                page.wrapped("  * ", advice);
            }
        }
        page.out
    }
}

impl Page {
    fn line(&mut self, text: impl AsRef<str>) {
        self.out.push_str(text.as_ref().trim_end());
        self.out.push('\n');
    }

    fn paint(&self, code: &str, text: &str) -> String {
        match self.colour {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }

    fn heading(&mut self, text: &str) {
        let text = self.paint("1", text);
        self.line(format!("\n{text}"));
    }

    /// Running text behind a label, broken at spaces.
    fn wrapped(&mut self, label: &str, text: &str) {
        for line in wrap(label, text) {
            self.line(line);
        }
    }

    fn verdict(&mut self, e: &Explanation) {
        let name = self.paint("1", &e.program);
        if let Some(what) = &e.not_modelled {
            self.line(format!("{name}: no verdict, this is not modelled: {what}"));
            return;
        }
        if e.accepted {
            let word = self.paint("32", "accepted");
            self.line(format!("{name}: {word}"));
            return;
        }
        let word = self.paint("31", "rejected");
        let class = e.kind.map_or(String::new(), |c| format!(" [{c}]"));
        // A log does not have the number.
        let errno = match e.errno {
            0 => String::new(),
            errno => format!(", error {errno}"),
        };
        self.line(format!("{name}: {word}{errno}{class}"));
        let message = self.paint("31", &e.message);
        self.line(format!("\n  {message}"));
        if let Some(what) = &e.what {
            self.out.push('\n');
            self.wrapped("", what);
        }
    }

    fn site(&mut self, e: &Explanation) {
        if e.not_modelled.is_some() || e.accepted {
            return;
        }
        if e.site.is_some() || e.check.is_some() {
            self.heading("Where");
        }
        if let Some(site) = &e.site {
            if let Some(line) = &site.line {
                let text = self.source(site);
                match (line.is_placed(), site.column) {
                    (false, _) => self.line(format!("  {text}")),
                    (true, 0) => self.line(format!("  {}  {text}", line.place())),
                    (true, column) => self.line(format!("  {}:{column}  {text}", line.place())),
                }
            }
            let last = e.around.last().map_or(0, |near| near.insn);
            let width = last.to_string().len();
            for near in &e.around {
                let mark = if near.insn == site.insn { "→" } else { " " };
                self.line(format!("  {mark} insn {:width$}: {}", near.insn, near.text));
            }
        }
        if let Some(check) = &e.check {
            self.line(format!("  said by {check}"));
        }
        if let Some(rule) = &e.rule {
            self.line(format!("  rule {rule} (see `verifier-model rules`)"));
        }
    }

    /// What would have to be another way.
    fn cause(&mut self, e: &Explanation) {
        let Some(cause) = &e.cause else { return };
        self.heading("Cause");
        let (place, source) = (self.place(&cause.site), self.source(&cause.site));
        let gap = if source.is_empty() { "" } else { "   " };
        self.line(format!("  {place}  {}{gap}{source}", cause.site.text));
        self.wrapped("  ", cause.what);
    }

    /// A column of places, then what is said of each.
    fn rows(&mut self, rows: &[(String, String)]) {
        let width = rows
            .iter()
            .map(|(p, _)| p.chars().count())
            .max()
            .unwrap_or(0);
        for (place, what) in rows {
            self.line(format!("  {place:width$}  {what}"));
        }
    }

    fn path(&mut self, e: &Explanation) {
        if e.path.is_empty() {
            return;
        }
        self.heading("Path");
        let row = |i: usize| {
            let p = &e.path[i];
            let indent = "  ".repeat(p.depth);
            let what = match p.branch {
                true => format!("{indent}{}  → {}", self.quote(&p.site), p.what),
                false => format!("{indent}{}", p.what),
            };
            (self.place(&p.site), what)
        };
        let mut rows: Vec<_> = (0..e.path.len()).map(row).collect();
        if e.path_left_out > 0 {
            let what = format!("… {} more branches, calls and loops …", e.path_left_out);
            rows.insert(1, (String::new(), what));
        }
        self.rows(&rows);
    }

    /// File, line and instruction.
    fn place(&self, site: &Site) -> String {
        match &site.line {
            Some(line) if line.is_placed() => format!("{} insn {}", line.place(), site.insn),
            _ => format!("insn {}", site.insn),
        }
    }

    /// The source line, if there is one.
    fn source(&self, site: &Site) -> String {
        let line = site.line.as_ref().filter(|l| l.says_something());
        line.map_or(String::new(), |l| self.paint("36", &l.text))
    }

    /// The source line, or the instruction.
    fn quote(&self, site: &Site) -> String {
        match &site.line {
            Some(line) if line.says_something() => self.paint("36", &line.text),
            _ => self.paint("36", &site.text),
        }
    }

    fn state(&mut self, e: &Explanation) {
        if e.state.is_empty() {
            return;
        }
        self.heading("State before");
        let width = e.state.iter().map(|v| v.place.len()).max().unwrap_or(0);
        for v in &e.state {
            self.line(format!("  {:width$}  {}", v.place, v.holds));
            let mut rows = Vec::new();
            let mut line = None;
            for l in &v.origin {
                let mut what = format!("{}: {}", l.what, l.site.text);
                if l.site.line != line {
                    what += &format!("   {}", self.source(&l.site));
                }
                line.clone_from(&l.site.line);
                rows.push((self.place(&l.site), what));
                for o in l.operand.iter().flat_map(|operand| &operand.origin) {
                    let of = l.operand.as_ref().map_or("", |operand| &operand.place);
                    let mut what = format!("  {of} {}: {}", o.what, o.site.text);
                    if o.site.line != line {
                        what += &format!("   {}", self.source(&o.site));
                    }
                    line.clone_from(&o.site.line);
                    rows.push((self.place(&o.site), what));
                }
            }
            let place = rows.iter().map(|r| r.0.chars().count()).max().unwrap_or(0);
            for (at, what) in rows {
                self.line(format!("  {:width$}    {at:place$}  {what}", ""));
            }
        }
    }

    fn held(&mut self, e: &Explanation) {
        if e.held.is_empty() {
            return;
        }
        self.heading("Held");
        for h in &e.held {
            let from = match &h.site {
                Some(site) => format!(", acquired at {}: {}", self.place(site), self.quote(site)),
                None => String::new(),
            };
            self.line(format!("  {}{from}", h.what));
        }
    }

    fn no_progress(&mut self, e: &Explanation) {
        let Some(n) = &e.no_progress else { return };
        self.heading("Why the loop makes no progress");
        for c in &n.conditions {
            self.line(format!(
                "  {}: {}",
                self.place(&c.site),
                self.quote(&c.site)
            ));
            self.wrapped("    ", &c.why);
        }
        if n.same.is_empty() {
            self.line("  No register or stack slot carries anything from one round to the next.");
            return;
        }
        self.line(format!(
            "  The same before and after a round of {} instructions:",
            n.round
        ));
        let rows: Vec<_> = n
            .same
            .iter()
            .map(|(p, w)| (format!("  {p}"), w.clone()))
            .collect();
        self.rows(&rows);
    }

    fn waiting(&mut self, e: &Explanation) {
        if e.waiting.is_empty() {
            return;
        }
        self.heading("Where paths wait");
        for (site, n) in &e.waiting {
            self.line(format!(
                "  {n:6}  {}  {}",
                self.place(site),
                self.quote(site)
            ));
        }
    }

    fn stack(&mut self, e: &Explanation) {
        if e.stack.is_empty() {
            return;
        }
        self.heading("Stack");
        for l in &e.stack {
            let calls = match &l.calls_at {
                Some(site) => format!(", calls at {}", self.place(site)),
                None => String::new(),
            };
            self.line(format!("  {:4} bytes  {}{calls}", l.bytes, l.function));
        }
    }

    fn cost(&mut self, cost: &Cost, accepted: bool) {
        self.heading(&format!("Where {} instructions went", cost.insns));
        let percent = |n: u32| f64::from(n) * 100.0 / f64::from(cost.insns.max(1));
        for l in &cost.loops {
            self.line(format!(
                "  {:5.1} %  loop at {}, {} rounds",
                percent(l.insns),
                self.place(&l.site),
                l.rounds
            ));
        }
        for l in &cost.lines {
            let place = l.site.place();
            let quote = self.quote(&l.site);
            self.line(format!("  {:5.1} %  {place}  {quote}", percent(l.insns)));
        }
        if cost.differences.is_empty() || accepted && cost.insns < 10_000 {
            return;
        }
        self.heading("Why states did not prune");
        for d in &cost.differences {
            self.line(format!(
                "  {:5} times  {}  {}",
                d.count,
                self.place(&d.site),
                d.place
            ));
            if !d.old.is_empty() {
                self.line(format!("               kept: {}; now: {}", d.old, d.new));
            }
            for site in &d.needed_by {
                let (at, quote) = (self.place(site), self.quote(site));
                self.line(format!("               needed at {at}: {quote}"));
            }
        }
    }
}

/// Running text behind a label, as lines broken at spaces.
pub(super) fn wrap(label: &str, text: &str) -> Vec<String> {
    let indent = " ".repeat(label.chars().count());
    let mut lines = Vec::new();
    let mut line = label.to_owned();
    let mut empty = true;
    for word in text.split(' ') {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, indent.clone()));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.push(line);
    lines
}
