// SPDX-License-Identifier: GPL-2.0-only
//! What a release says where the next one says something else: `words.txt`, one line a message.
//!
//! ```text
//! Possibly NULL pointer passed to trusted {reg} => Possibly NULL pointer passed to trusted arg#{reg-1}
//! [packet-bounds] {reg} min value is outside => {reg} offset is outside of the packet
//! BPF_EXIT instruction in main prog would lead to reference leak =>
//! ```
//!
//! Left is the next release's message, right this one's; with nothing on the right nothing is said.
//! What stands in braces is some text that is the same on both sides. Where its name begins with `reg`
//! it is a register, `R1` to `R5`, `{reg-0}` its number and `{reg-1}` its number counted from 0; `int` is
//! an integer. A line that begins with the name of a kind of rejections is for that kind alone.

use crate::facts::table::Lines;

/// Where the two sides of a line meet.
const BECOMES: &str = "=>";

/// The words of a release.
#[derive(Debug, Default)]
pub(crate) struct Words {
    lines: Vec<Line>,
}

/// Words for words.
#[derive(Debug)]
struct Line {
    /// Name of the kind that it is for; of all, without it.
    kind: Option<&'static str>,
    from: Vec<Part>,
    to: Vec<Part>,
}

/// A piece of a message.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// This text.
    Text(&'static str),
    /// Any text, by name.
    Hole(&'static str),
}

impl Words {
    /// The message of a rejection of this kind in the release's words; None if those are the next
    /// one's.
    pub(crate) fn of(&self, kind: &str, message: &str) -> Option<String> {
        let mut lines = self.lines.iter();
        lines.find_map(|line| {
            let found = matched(&line.from, message)?;
            let for_it = line.kind.is_none_or(|only| only == kind);
            for_it.then(|| line.to.iter().map(|part| filled(part, &found)).collect())
        })
    }

    /// Each line: the kind that it is for, a message as the next release has it, and a pattern of what
    /// this one says, where `*` stands for anything.
    pub(crate) fn changes(&self) -> impl Iterator<Item = (Option<&'static str>, String, String)> {
        let text = |parts: &[Part], hole: fn(&str) -> &'static str| {
            let texts = parts.iter().map(|part| match part {
                Part::Text(text) => *text,
                Part::Hole(name) => hole(name),
            });
            texts.collect::<String>()
        };
        let said = self.lines.iter().filter(|line| !line.to.is_empty());
        said.map(move |line| {
            (
                line.kind,
                text(&line.from, example),
                text(&line.to, |_| "*"),
            )
        })
    }
}

impl Lines for Words {
    fn line(&mut self, line: &'static str) -> Result<(), String> {
        let (from, to) = line
            .split_once(BECOMES)
            .ok_or_else(|| format!("a line without {BECOMES}"))?;
        let (kind, from) = match from.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((kind, from)) => (Some(kind), from),
            None => (None, from),
        };
        let (from, to) = (parts(from.trim())?, parts(to.trim())?);
        for part in &to {
            let Part::Hole(name) = part else { continue };
            let name = counted(name).map_or(*name, |(name, _)| name);
            if !from.contains(&Part::Hole(name)) {
                return Err(format!("there is no {{{name}}} on the left"));
            }
        }
        if from
            .windows(2)
            .any(|two| matches!(two, [Part::Hole(_), Part::Hole(_)]))
        {
            return Err("two holes without text between them".into());
        }
        self.lines.push(Line { kind, from, to });
        Ok(())
    }
}

/// What may stand in a hole.
fn example(name: &str) -> &'static str {
    match name {
        "func" => "bpf_x#1",
        "what" => "struct x",
        "n" => "6 > 5",
        _ => "R1",
    }
}

fn parts(text: &'static str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, after) = behind.split_once('}').ok_or("a { without }")?;
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        parts.push(Part::Hole(name));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(parts)
}

/// What stands in the holes, if the message is this one.
fn matched<'a>(pattern: &[Part], message: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
    let mut found = Vec::new();
    let mut rest = message;
    for (i, part) in pattern.iter().enumerate() {
        match part {
            Part::Text(text) => rest = rest.strip_prefix(text)?,
            Part::Hole(name) => {
                let len = match pattern.get(i + 1) {
                    Some(Part::Text(text)) => rest.find(text)?,
                    _ => rest.len(),
                };
                let (hole, behind) = rest.split_at(len);
                if name.starts_with("reg") {
                    register(hole)?;
                }
                if *name == "int" {
                    hole.parse::<i64>().ok()?;
                }
                found.push((*name, hole));
                rest = behind;
            }
        }
    }
    rest.is_empty().then_some(found)
}

/// A register of which the number is wanted, and what is taken from that.
fn counted(name: &'static str) -> Option<(&'static str, usize)> {
    let (name, from) = name.split_once('-')?;
    Some((name, from.parse().ok().filter(|from| *from < 2)?))
}

/// The number of `R1` to `R5`.
fn register(name: &str) -> Option<usize> {
    let number = name.strip_prefix('R')?.parse().ok()?;
    (1..=5).contains(&number).then_some(number)
}

fn filled(part: &Part, found: &[(&str, &str)]) -> String {
    let hole = |name: &str| {
        let hole = found.iter().find(|(hole, _)| *hole == name);
        hole.map_or("", |(_, text)| *text)
    };
    match part {
        Part::Text(text) => (*text).to_owned(),
        Part::Hole(name) => match counted(name) {
            Some((name, from)) => register(hole(name)).map_or(0, |n| n - from).to_string(),
            None => hole(name).to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &'static str) -> Result<Words, String> {
        let mut words = Words::default();
        text.lines().try_for_each(|line| words.line(line))?;
        Ok(words)
    }

    #[test]
    fn a_message_is_told_in_other_words() {
        let words = words(
            "{reg} expected pointer to ctx, but got {type} => arg#{reg-1} wants ctx, not {type}\n\
             would leak =>\n\
             [other-kind] {reg} leaks => nothing\n\
             [some-kind] {reg} leaks => arg {reg-0} leaks\n\
             {reg} and {reg2} overlap => arg#{reg-1} arg#{reg2-1} overlap\n\
             off {int}+{off} => off 0+{int}+{off}\n\
             program with {n} args => {n}",
        );
        let words = words.unwrap();
        let of = |message| words.of("some-kind", message);
        let said = of("R2 expected pointer to ctx, but got scalar");
        assert_eq!(said.as_deref(), Some("arg#1 wants ctx, not scalar"));
        assert_eq!(of("R6 expected pointer to ctx, but got scalar"), None);
        assert_eq!(of("arg expected pointer to ctx, but got scalar"), None);
        assert_eq!(of("would leak").as_deref(), Some(""));
        assert_eq!(of("would leak more"), None);
        assert_eq!(of("program with 7 args").as_deref(), Some("7"));
        assert_eq!(of("R3 leaks").as_deref(), Some("arg 3 leaks"));
        assert_eq!(
            of("R1 and R2 overlap").as_deref(),
            Some("arg#0 arg#1 overlap")
        );
        assert_eq!(of("off -8+4").as_deref(), Some("off 0+-8+4"));
        assert_eq!(of("off (0x0; 0x8)+4"), None);
        assert_eq!(of("something else"), None);
    }

    #[test]
    fn a_line_that_makes_no_sense_is_a_mistake() {
        let wrong = |text| words(text).map(|_| ()).unwrap_err();
        assert_eq!(wrong("some text"), "a line without =>");
        assert_eq!(
            wrong("{reg} x => {other}"),
            "there is no {other} on the left"
        );
        assert_eq!(wrong("{reg => x"), "a { without }");
        assert_eq!(
            wrong("{a}{b} x => y"),
            "two holes without text between them"
        );
    }
}
