// SPDX-License-Identifier: GPL-2.0-only
//! What a message of the verifier means and what to do about it: `data/advice.txt` as a table.

/// Reasons for which programs are rejected that are alike in what to do about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Class {
    /// Its name.
    pub name: &'static str,
    /// Messages, where `*` stands for anything, each with the function and file of the kernel that
    /// says it.
    pub patterns: Vec<(&'static str, &'static str)>,
    /// The rule of [`crate::facts::rule`] that it is, if it is one.
    pub rule: Option<&'static str>,
    /// What it means; `{1}`, `{2}` … stand for what the stars of the pattern matched.
    pub what: &'static str,
    /// What to change.
    pub advice: Vec<&'static str>,
}

/// A message, and the class that it falls into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Match {
    /// The class.
    pub class: Class,
    /// Function and file of the kernel that says it.
    pub check: &'static str,
    /// What the stars of the pattern stand for.
    pub captures: Vec<String>,
}

impl Match {
    /// A text of the class with its placeholders filled in.
    pub(crate) fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (i, capture) in self.captures.iter().enumerate() {
            text = text.replace(&format!("{{{}}}", i + 1), capture);
        }
        text
    }
}

/// All classes, in the order in which they are tried.
pub(crate) fn classes() -> Vec<Class> {
    let mut all: Vec<Class> = Vec::new();
    for line in include_str!("../../data/advice.txt").lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            all.push(Class {
                name,
                patterns: Vec::new(),
                rule: None,
                what: "",
                advice: Vec::new(),
            });
        }
        let (Some(class), Some((key, value))) = (all.last_mut(), line.split_once(": ")) else {
            continue;
        };
        let value = value.trim();
        match key {
            "match" => class.patterns.push((value, "")),
            "check" => class
                .patterns
                .iter_mut()
                .filter(|p| p.1.is_empty())
                .for_each(|p| p.1 = value),
            "rule" => class.rule = Some(value),
            "what" => class.what = value,
            "do" => class.advice.push(value),
            _ => {}
        }
    }
    all
}

/// The class of a message.
pub(crate) fn classify(message: &str) -> Option<Match> {
    classes().into_iter().find_map(|class| {
        let matches = |&(p, check): &(&'static str, _)| Some((check, captures(p, message)?));
        let (check, captures) = class.patterns.iter().find_map(matches)?;
        Some(Match {
            class,
            check,
            captures,
        })
    })
}

/// The class of this name, with what another one has captured.
pub(crate) fn named(name: &str, captures: Vec<String>) -> Option<Match> {
    let class = classes().into_iter().find(|c| c.name == name)?;
    Some(Match {
        check: class.patterns.first()?.1,
        class,
        captures,
    })
}

/// What the stars of a pattern stand for in a text that it matches as a whole. A star takes as
/// little as it can.
fn captures(pattern: &str, text: &str) -> Option<Vec<String>> {
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

    #[test]
    fn the_table_is_whole() {
        let all = classes();
        assert!(all.len() > 40);
        for c in &all {
            assert!(!c.patterns.is_empty(), "{}", c.name);
            assert!(!c.what.is_empty() && !c.advice.is_empty(), "{}", c.name);
            let checks = |p: &(&str, &str)| p.1.contains("() in kernel/bpf/");
            assert!(c.patterns.iter().all(checks), "{}", c.name);
            let known = |name: &str| Rule::ALL.iter().any(|r| r.name == name);
            assert!(c.rule.is_none_or(known), "{}", c.name);
            assert_eq!(
                all.iter().filter(|o| o.name == c.name).count(),
                1,
                "{}",
                c.name
            );
        }
    }
}
