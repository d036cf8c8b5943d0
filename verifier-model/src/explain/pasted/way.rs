// SPDX-License-Identifier: GPL-2.0-only
//! The path that a log ends in: its instructions, what is known before each, and where values come from.

use std::collections::BTreeMap;

use crate::explain::Explanation;
use crate::explain::origin::Link;
use crate::explain::pasted::lines::{Known, Line};
use crate::explain::path::{PathEvent, SECTIONS, branch_of, keep_last};
use crate::explain::source::{self, Site};
use crate::explain::state_before::Value;

/// Instructions told of one value.
const MAX_LINKS: usize = 5;

/// An instruction of the path.
#[derive(Debug)]
struct Step<'l> {
    at: usize,
    text: &'l str,
    line: Option<source::Line>,
    /// What the log says of the state right before it.
    before: Vec<Known<'l>>,
    after: Vec<Known<'l>>,
}

impl Step<'_> {
    fn site(&self) -> Site {
        Site {
            insn: self.at,
            text: self.text.to_owned(),
            line: self.line.clone(),
            column: 0,
        }
    }

    /// The register that it writes, by number.
    fn writes(&self) -> Option<&str> {
        if self.text.starts_with("call ") {
            return Some("0");
        }
        let (left, rest) = self.text.split_once(' ')?;
        let number = left.strip_prefix(['r', 'w'])?;
        let assigns = rest.split(' ').next()?;
        let whole = number.chars().all(|c| c.is_ascii_digit());
        (whole && assigns.ends_with('=')).then_some(number)
    }
}

/// The path.
#[derive(Debug)]
pub(super) struct Way<'l> {
    steps: Vec<Step<'l>>,
    /// What is known before the last instruction.
    known: BTreeMap<&'l str, &'l str>,
    /// All instructions of the log, whatever their path.
    all: BTreeMap<usize, Site>,
}

impl<'l> Way<'l> {
    /// The last path of a log. At level 1 there is no other; at level 2 the walk goes back to where
    /// it forked.
    pub(super) fn of(lines: &[Line<'l>]) -> Self {
        let mut steps: Vec<Step<'l>> = Vec::new();
        let mut all = BTreeMap::new();
        let (mut line, mut before) = (None, Vec::new());
        for l in lines {
            match l {
                Line::Source { text, file, number } => {
                    line = Some(source::Line {
                        file: (*file).to_owned(),
                        path: (*file).to_owned(),
                        number: *number,
                        text: (*text).to_owned(),
                    });
                }
                Line::State(state) => before.clone_from(state),
                Line::From { jump, state } => {
                    if let Some(i) = steps.iter().rposition(|s| s.at == *jump) {
                        steps.truncate(i + 1);
                    }
                    before.clone_from(state);
                }
                Line::Insn { at, text, after } => {
                    let step = Step {
                        at: *at,
                        text,
                        line: line.clone(),
                        before: std::mem::take(&mut before),
                        after: after.clone(),
                    };
                    all.insert(*at, step.site());
                    steps.push(step);
                }
                Line::Message(_) | Line::Note => {}
            }
        }
        let known = known_before_last(&steps);
        Self { steps, known, all }
    }

    /// What is known of a register before the last instruction.
    pub(super) fn value(&self, register: &str) -> Option<&'l str> {
        self.known.get(register).copied()
    }

    /// Tells of the path, the place and the state.
    pub(super) fn tell(&self, program: &str, message: &str, e: &mut Explanation) {
        let Some(last) = self.steps.last() else {
            return;
        };
        let named = message.split_once(" insn ").map(|(_, rest)| rest);
        let named = named.and_then(|rest| rest.split(' ').next()?.parse::<usize>().ok());
        let named = named.and_then(|at| self.all.get(&at).cloned());
        let site = named.unwrap_or_else(|| last.site());
        let near = |s: &&Site| s.insn.abs_diff(site.insn) <= 3;
        let before = self.all.range(..site.insn).rev().map(|(_, s)| s);
        let mut around: Vec<Site> = before.filter(near).take(2).cloned().collect();
        around.reverse();
        let behind = self.all.range(site.insn..).map(|(_, s)| s);
        around.extend(behind.filter(near).take(3).cloned());
        e.around = around;
        e.site = Some(site);
        (e.path_left_out, e.path) = keep_last(self.events(program));
        e.state = self.state(last, message);
    }

    fn events(&self, program: &str) -> Vec<PathEvent> {
        let event = |step: &Step<'_>, what: String, branch, depth| PathEvent {
            site: step.site(),
            what,
            branch,
            depth,
        };
        let first = self.steps.first();
        let mut events: Vec<_> = first
            .map(|s| event(s, format!("{program} starts"), false, 0))
            .into_iter()
            .collect();
        for (i, step) in self.steps.iter().enumerate() {
            let name = step.text.strip_prefix("call ").unwrap_or_default();
            let name = name.split('#').next().unwrap_or(name);
            let section = SECTIONS.iter().find(|(function, _)| *function == name);
            if let Some((_, what)) = section {
                events.push(event(step, (*what).to_owned(), false, 1));
            }
            let next = self.steps.get(i + 1);
            if let Some(next) = next.filter(|_| step.text.starts_with("if ")) {
                let what = branch_of(step.text, next.at != step.at + 1);
                events.push(event(step, what, true, 1));
            }
        }
        events
    }

    /// The registers that the last instruction or the message names.
    fn state(&self, last: &Step<'_>, message: &str) -> Vec<Value> {
        let words = |text: &str| -> Vec<String> {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric());
            words.map(str::to_owned).collect()
        };
        let (in_insn, in_message) = (words(last.text), words(message));
        let is_call = last.text.starts_with("call ");
        let arguments = |place: &str| is_call && ("R1".."R6").contains(&place) && place.len() == 2;
        let named = |place: &str| {
            let number = place.strip_prefix('R').unwrap_or_default();
            let written = |w: &String| *w == format!("r{number}") || *w == format!("w{number}");
            in_insn.iter().any(written) || in_message.iter().any(|w| w == place)
        };
        let shown = self
            .known
            .iter()
            .filter(|(place, _)| place.starts_with('R') && **place != "R10");
        let shown = shown.filter(|(place, _)| named(place) || arguments(place));
        shown
            .map(|(place, holds)| Value {
                place: (*place).to_owned(),
                holds: (*holds).to_owned(),
                used: true,
                origin: self.origin(&place[1..]),
            })
            .collect()
    }

    /// The instructions that made a register, the last one first.
    fn origin(&self, register: &str) -> Vec<Link> {
        let mut links = Vec::new();
        let mut register = register.to_owned();
        for step in self.steps.iter().rev().skip(1) {
            if step.writes() != Some(&register) {
                continue;
            }
            let (what, from) = made(step.text);
            links.push(Link {
                site: step.site(),
                what,
                operand: None,
            });
            match from {
                From::Register(from) if links.len() < MAX_LINKS => register = from,
                From::Itself if links.len() < MAX_LINKS => {}
                _ => break,
            }
        }
        links
    }
}

/// What a value was made of.
enum From {
    Register(String),
    Itself,
    Nothing,
}

/// What an instruction did, by its text.
fn made(text: &str) -> (String, From) {
    if text.starts_with("call ") {
        return ("returned by the call".into(), From::Nothing);
    }
    let Some((left, right)) = text.split_once(" = ") else {
        return ("computed".into(), From::Itself);
    };
    if right.starts_with("*(") {
        return ("read".into(), From::Nothing);
    }
    match right
        .strip_prefix(['r', 'w'])
        .filter(|n| n.parse::<u8>().is_ok())
    {
        Some(number) if left.get(1..) == Some(number) => ("cut to 32 bits".into(), From::Itself),
        Some(number) => (
            format!("copied from R{number}"),
            From::Register(number.to_owned()),
        ),
        None => ("set".into(), From::Nothing),
    }
}

fn known_before_last<'l>(steps: &[Step<'l>]) -> BTreeMap<&'l str, &'l str> {
    let mut known = BTreeMap::new();
    for (i, step) in steps.iter().enumerate() {
        known.extend(step.before.iter().copied());
        if i + 1 == steps.len() {
            break;
        }
        if step.text.starts_with("call ") {
            known.retain(|place, _| !("R0".."R6").contains(place) || place.len() > 2);
        } else if let Some(number) = step.writes() {
            known.retain(|place, _| place.strip_prefix('R') != Some(number));
        }
        known.extend(step.after.iter().copied());
    }
    known
}
