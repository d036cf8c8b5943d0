// SPDX-License-Identifier: GPL-2.0-only
//! What a kind of rejection means and what to do about it: `data/advice.txt`, which `build.rs` reads.

use crate::facts::kind::Kind;
use crate::facts::rejection::Rejection;

include!(concat!(env!("OUT_DIR"), "/advice.rs"));

/// What there is to say about a kind.
#[derive(Debug)]
pub(crate) struct Advice {
    pub(crate) kind: Kind,
    /// Messages of it, where `*` stands for anything, each with the function and file of the kernel
    /// that says it. They give the words that the texts below quote.
    pub(crate) patterns: &'static [(&'static str, &'static str)],
    /// The rule of [`crate::facts::rule`] that it is, if it is one.
    pub(crate) rule: Option<&'static str>,
    /// What it means; `{1}`, `{2}` … stand for what the stars of the pattern matched.
    pub(crate) what: &'static str,
    /// What to change.
    pub(crate) advice: &'static [&'static str],
}

/// The advice for a rejection, with the words of its message.
#[derive(Debug)]
pub(crate) struct Match {
    pub(crate) advice: &'static Advice,
    /// The line of the log that it is about.
    pub(crate) message: String,
    /// Function and file of the kernel that says it.
    pub(crate) check: &'static str,
    /// What the stars of the pattern stand for.
    captures: Vec<String>,
}

impl Match {
    /// The advice for a rejection; None for a kind that has none.
    pub(crate) fn of(why: &Rejection) -> Option<Self> {
        let advice = ADVICE.iter().find(|a| a.kind == why.kind)?;
        let lines = [&why.message]
            .into_iter()
            .chain(&why.plain)
            .chain(&why.cause);
        let said = lines.flat_map(|line| advice.patterns.iter().map(move |p| (line, p)));
        let mut found = said.filter_map(|(line, (pattern, check))| {
            let captures = captures(pattern, line)?;
            Some((line.clone(), *check, captures))
        });
        // A message that no pattern tells apart has no words to quote, but its kind is known.
        let (message, check, captures) = found
            .next()
            .unwrap_or_else(|| (why.said().to_owned(), "", Vec::new()));
        Some(Self {
            advice,
            message,
            check,
            captures,
        })
    }

    /// A text of the advice with its placeholders filled in; None if it quotes words that the
    /// message does not have.
    pub(crate) fn fill(&self, text: &str) -> Option<String> {
        let mut text = text.to_owned();
        for (i, capture) in self.captures.iter().enumerate() {
            text = text.replace(&format!("{{{}}}", i + 1), capture);
        }
        let quotes = (1..=9).any(|n| text.contains(&format!("{{{n}}}")));
        (!quotes).then_some(text)
    }
}

/// What the stars of a pattern stand for in a text that it matches as a whole. A star takes as
/// little as it can.
pub(crate) fn captures(pattern: &str, text: &str) -> Option<Vec<String>> {
    let mut parts = pattern.split('*');
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut found = Vec::new();
    let parts: Vec<_> = parts.collect();
    for (i, part) in parts.iter().enumerate() {
        let last = i + 1 == parts.len();
        let at = match (last, part.is_empty()) {
            (true, true) => rest.len(),
            (true, false) => rest.len() - rest.ends_with(part).then_some(part.len())?,
            _ => rest.find(part)?,
        };
        found.push(rest[..at].to_owned());
        rest = &rest[at + part.len()..];
    }
    rest.is_empty().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::rule::Rule;

    #[test]
    fn patterns_capture() {
        let c = captures(
            "R* invalid mem access '*_or_null'",
            "R0 invalid mem access 'mem_or_null'",
        );
        assert_eq!(c, Some(vec!["0".into(), "mem".into()]));
        assert_eq!(captures("a*b", "a-c"), None);
        assert_eq!(captures("exact", "exactly"), None);
        assert_eq!(captures("* leak", "a leak here"), None);
    }

    /// Kinds for which there are no words of their own yet.
    const WITHOUT: &[Kind] = &[
        Kind::TooManyFunctions,
        Kind::LivenessTooComplex,
        Kind::StackFunction,
        Kind::AbnormalReturn,
        Kind::AttachTarget,
        Kind::ProgramCannotSleep,
        Kind::Capability,
        Kind::KfuncNotFound,
        Kind::KfuncPrototype,
        Kind::CallbackNotAllowed,
        Kind::RbtreeCallback,
        Kind::TailCall,
        Kind::FunctionInfo,
        Kind::LineInfo,
        Kind::FunctionBtf,
        Kind::FunctionPrototype,
        Kind::ArgumentTag,
        Kind::TypeArgument,
        Kind::KernelVariable,
        Kind::MapNotUsable,
        Kind::MapWithoutBtf,
        Kind::MapAccessForbidden,
        Kind::AnotherMap,
        Kind::Arena,
        Kind::StackArguments,
        Kind::SpilledPointer,
        Kind::SpillSize,
        Kind::ConstantOffset,
        Kind::PacketPointerLost,
        Kind::BufferBounds,
        Kind::MemorySize,
        Kind::KptrAccess,
        Kind::ConstantString,
        Kind::LockField,
        Kind::VerifierBug,
        Kind::Silent,
    ];

    #[test]
    fn every_kind_has_advice_or_is_listed() {
        for &kind in Kind::ALL {
            let entries = ADVICE.iter().filter(|a| a.kind == kind).count();
            assert!(entries <= 1, "{kind:?} has two entries");
            let listed = WITHOUT.contains(&kind);
            assert_eq!(
                entries == 0,
                listed,
                "{kind:?}: advice or a place in the list"
            );
        }
    }

    #[test]
    fn rules_are_rules() {
        let known = |name: &str| Rule::ALL.iter().any(|r| r.name == name);
        assert!(ADVICE.iter().all(|a| a.rule.is_none_or(known)));
        let checks = |p: &(&str, &str)| {
            ["() in kernel/bpf/", "() in tools/lib/bpf/"]
                .iter()
                .any(|place| p.1.contains(place))
        };
        assert!(ADVICE.iter().all(|a| a.patterns.iter().all(checks)));
    }
}
