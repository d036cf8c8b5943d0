// SPDX-License-Identifier: GPL-2.0-only
//! The kind of a rejection by its message alone: `data/messages.txt`, the messages that
//! `data/advice.txt` has, and what releases say in other words than the next one, their `words.txt`.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::explain::advice::{ADVICE, captures};
use crate::facts::kind::Kind;
use crate::facts::release::shipped::Shipped;

const MESSAGES: &str = include_str!("../../../data/messages.txt");

/// Lines by which a caller sums up the line before, which tells more.
const SUMS_UP: [&str; 3] = [
    "* value is outside of the allowed memory range",
    "* value is outside of the array range",
    "* would lead to reference leak",
];

struct Pattern {
    kind: Kind,
    text: Cow<'static, str>,
    /// Letters that are not left open.
    weight: usize,
}

impl Pattern {
    fn new(kind: Kind, text: impl Into<Cow<'static, str>>) -> Self {
        let text = text.into();
        let weight = text.len() - text.matches('*').count();
        Self { kind, text, weight }
    }
}

static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let of_advice = ADVICE
        .iter()
        .flat_map(|a| a.patterns.iter().map(move |p| (a.kind, p.0)));
    let all = of_advice.chain(messages());
    let mut all: Vec<Pattern> = all.map(|(kind, text)| Pattern::new(kind, text)).collect();
    // The newest first: an older release's words are told by those of the next one.
    for shipped in Shipped::ALL.iter().rev() {
        for (only, next, pattern) in shipped.release.changed_words() {
            let kind = match only {
                Some(name) => named(name),
                None => of_line_in(&all, &next).map(|found| found.0),
            };
            let known = all.iter().any(|known| known.text == pattern);
            all.extend(
                kind.filter(|_| !known)
                    .map(|kind| Pattern::new(kind, pattern)),
            );
        }
    }
    all
});

fn named(name: &str) -> Option<Kind> {
    Kind::ALL.iter().copied().find(|kind| kind.name() == name)
}

/// The file's patterns, each with its kind.
fn messages() -> impl Iterator<Item = (Kind, &'static str)> {
    let mut kind = None;
    let lines = MESSAGES.lines();
    let told = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    told.filter_map(move |line| {
        let name = line.strip_prefix('[').and_then(|l| l.strip_suffix(']'));
        match name {
            Some(name) => {
                kind = named(name);
                None
            }
            None => Some((kind?, line)),
        }
    })
}

/// The kind of what the last lines of a log say, the last one first; and the line that says it.
pub(super) fn of_lines<'l>(last_first: &[&'l str]) -> Option<(Kind, &'l str)> {
    let (&last, before) = last_first.split_first()?;
    let sums_up = SUMS_UP.iter().any(|p| captures(p, last).is_some());
    if sums_up && let Some(found) = before.first().and_then(|line| of_line(line)) {
        return Some(found);
    }
    last_first.iter().find_map(|line| of_line(line))
}

fn of_line(line: &str) -> Option<(Kind, &str)> {
    of_line_in(&PATTERNS, line)
}

fn of_line_in<'l>(patterns: &[Pattern], line: &'l str) -> Option<(Kind, &'l str)> {
    let fits = |p: &&Pattern| captures(&p.text, line).is_some();
    // The first of those that are alike: advice tells the more common of two kinds first.
    let best = patterns.iter().rev().filter(fits).max_by_key(|p| p.weight);
    best.map(|p| (p.kind, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_kinds() {
        let names = MESSAGES.lines().filter_map(|l| l.strip_prefix('['));
        for name in names.filter_map(|l| l.strip_suffix(']')) {
            assert!(Kind::ALL.iter().any(|k| k.name() == name), "{name}");
        }
    }

    #[test]
    fn the_line_before_a_sum_counts() {
        let sum = "R0 max value is outside of the allowed memory range";
        let told = "invalid access to map value, value_size=4 off=8 size=1";
        let kind = |lines: &[&str]| of_lines(lines).map(|(kind, _)| kind);
        assert_eq!(kind(&[sum, told]), Some(Kind::MapValueBounds));
        assert_eq!(kind(&[sum]), Some(Kind::UnboundedIndex));
        assert_eq!(kind(&["no such message"]), None);
    }

    /// A fact stands once: what `words.txt` tells is not in `messages.txt` as well.
    #[test]
    fn what_releases_word_otherwise_has_its_kind_and_stands_once() {
        let (mut unknown, mut twice) = (Vec::new(), Vec::new());
        for shipped in Shipped::ALL {
            for (_, _, pattern) in shipped.release.changed_words() {
                let said = pattern.replace('*', "R1");
                unknown.extend(of_line(&said).is_none().then_some(said));
                let older = messages().any(|(_, text)| text == pattern);
                twice.extend(older.then_some(pattern));
            }
        }
        // These 7.3 says as well, at another place.
        twice.retain(|pattern| !BOTH.contains(&pattern.as_str()));
        // What the pointer is to decides the kind.
        unknown.retain(|said: &String| !said.contains(" point to "));
        assert_eq!((unknown, twice), (Vec::new(), Vec::<String>::new()));
    }

    const BOTH: [&str; 2] = ["bpf_rcu_read_unlock is missing", "invalid zero-sized read"];

    /// What no kernel of today says any more.
    #[test]
    fn words_of_older_releases() {
        for (said, kind) in [
            ("R1 invalid mem access 'inv'", Kind::NumberDereference),
            ("unknown func bpf_bind#64", Kind::CallNotAllowed),
            ("invalid stack off=-520 size=8", Kind::StackOutOfBounds),
            (
                "invalid indirect read from stack off -8+0 size 8",
                Kind::UnwrittenStack,
            ),
            (
                "At program exit the register R0 has value (0x2; 0x0) should have been in (0x0; 0x1)",
                Kind::ReturnValue,
            ),
            (
                "R2 unbounded size, use 'var &= const' or 'if (var < const)'",
                Kind::Length,
            ),
            ("bpf_spin_unlock is missing", Kind::SectionLeftOpen),
            (
                "kernel function bpf_x is sleepable but the program is not",
                Kind::ProgramNotSleepable,
            ),
            ("back-edge from insn 7 to 2", Kind::ControlFlow),
        ] {
            assert_eq!(of_line(said).map(|(kind, _)| kind), Some(kind), "{said}");
        }
    }
}
