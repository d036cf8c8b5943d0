// SPDX-License-Identifier: GPL-2.0-only
//! Programs that attach to another program of the corpus, which is loaded before.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

/// Where the corpus has the test kernel's selftests.
const SELFTESTS: &str = "selftests";
/// And those of other releases, a folder each.
const OWN: &str = "own/";

/// A program that another attaches to, and the function of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The object's path in the corpus, without `.bpf.o`.
    pub object: String,
    /// The program.
    pub program: String,
    /// The function; without it the one that the section of the other program names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
}

impl Display for Target {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.object, self.program)?;
        match &self.function {
            Some(function) => write!(f, ":{function}"),
            None => Ok(()),
        }
    }
}

impl Target {
    /// What a program of the corpus is asked about with; nothing for one that is loaded as it is. Of a
    /// release's own selftests, it is with those of the same release.
    pub fn of(object: &str, program: &str) -> Vec<Self> {
        let Some((of, object)) = object.rsplit_once('/') else {
            return Vec::new();
        };
        if of != SELFTESTS && !of.starts_with(OWN) {
            return Vec::new();
        }
        let name = format!("{object}/{program}");
        lines()
            .filter(|(attaches, _)| *attaches == name)
            .filter_map(|(_, target)| Self::parse(of, target))
            .collect()
    }

    /// The objects of all targets, by file name without `.bpf.o`.
    pub fn objects() -> BTreeSet<String> {
        let targets = lines().filter_map(|(_, target)| target.split('/').next());
        targets.map(str::to_owned).collect()
    }

    fn parse(of: &str, text: &str) -> Option<Self> {
        let (path, function) = match text.split_once(':') {
            Some((path, function)) => (path, Some(function.to_owned())),
            None => (text, None),
        };
        let (object, program) = path.split_once('/')?;
        Some(Self {
            object: format!("{of}/{object}"),
            program: program.to_owned(),
            function,
        })
    }
}

fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = include_str!("../targets.txt").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_target() {
        for (name, target) in lines() {
            assert!(name.contains('/') && Target::parse(SELFTESTS, target).is_some());
        }
    }

    #[test]
    fn a_program_has_all_its_targets() {
        let targets = Target::of("selftests/summarization_freplace", "might_sleep");
        assert_eq!(targets.len(), 4);
        assert_eq!(
            targets[0].to_string(),
            "selftests/summarization/main_does_not_sleep:main_does_not_sleep"
        );
        let own = Target::of("own/6.12/fentry_recursive", "recursive_attach");
        let told = own.iter().map(Target::to_string).collect::<Vec<_>>();
        assert_eq!(told, ["own/6.12/fentry_recursive_target/test1:test1"]);
        assert!(Target::of("programs/fentry_recursive", "recursive_attach").is_empty());
        assert!(Target::of("selftests/iters", "iter_err_unsafe_c_loop").is_empty());
    }
}
