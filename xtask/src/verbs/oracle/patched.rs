// SPDX-License-Identifier: GPL-2.0-only
//! What the patches of linux-patches/ change in the kernel's answers: no more than they mean to.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};

use crate::linux::patches::{companions, named, series::DIR};
use crate::workshop::files::read;
use crate::workshop::project::Project;

/// The list of what they mean to change, in linux-patches/.
const LIST: &str = "answers-changed";
/// Why programs do not load that call what the series leave out.
const WITHOUT: &str = "the series have the iterator without its companions";

/// The programs whose answers may differ from the base's, and which do.
pub(super) struct Changes {
    /// By the program's name: the patch, and why.
    meant: BTreeMap<String, String>,
    seen: Vec<String>,
}

impl Changes {
    /// Reads the list; each line is `object/program patch why`, the patch by its file's name without
    /// number and `.patch`.
    pub(super) fn open(project: &Project) -> Result<Self> {
        let text = read(&project.checkout.join(DIR).join(LIST))?;
        let series = named::one_after_another(project)?;
        Self::parse(&text, |patch| series.has(patch))
    }

    fn parse(text: &str, has: impl Fn(&str) -> bool) -> Result<Self> {
        let mut meant = BTreeMap::new();
        for line in text.lines() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut words = line.splitn(3, ' ');
            let (program, patch, why) = (words.next(), words.next(), words.next());
            let (Some(program), Some(patch), Some(why)) = (program, patch, why) else {
                bail!("{LIST}: not object/program, patch and why: {line}");
            };
            ensure!(has(patch), "{LIST}: no series has a patch {patch}");
            meant.insert(program.to_owned(), format!("{patch}: {why}"));
        }
        Ok(Self {
            meant,
            seen: Vec::new(),
        })
    }

    /// Why a `difference`, as `object/program: what`, is meant to be.
    pub(super) fn why(&mut self, difference: &str) -> Option<&str> {
        let (program, what) = difference.split_once(": ")?;
        if is_for_want_of_companions(what) {
            return Some(WITHOUT);
        }
        let why = self.meant.get(program)?;
        self.seen.push(program.to_owned());
        Some(why)
    }

    /// A program on the list that was `asked` about and did not differ.
    pub(super) fn same(&self, asked: impl Fn(&str) -> bool) -> Option<String> {
        let mut names = self.meant.keys();
        let same = names.find(|name| asked(name) && !self.seen.contains(name));
        same.cloned()
    }
}

/// Whether what was there before became a refusal for one of their kfuncs.
fn is_for_want_of_companions(what: &str) -> bool {
    let now = what.rsplit_once(" became ").map(|(_, now)| now);
    let kfunc = now
        .and_then(|now| now.split_once("\"kfunc '"))
        .and_then(|(_, kfunc)| kfunc.split_once("' is referenced but wasn't resolved\""));
    kfunc.is_some_and(|(kfunc, _)| companions::is_about(kfunc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_on_the_list_or_the_same() {
        let text = "# object/program patch why\na/b c-d it is asked\na/c c-d it is not\n";
        let mut changes = Changes::parse(text, |patch| patch == "c-d").unwrap();
        assert_eq!(changes.why("a/b: one became two"), Some("c-d: it is asked"));
        assert_eq!(changes.why("a/d: one became two"), None);
        assert_eq!(changes.same(|_| true).as_deref(), Some("a/c"));
        assert_eq!(changes.same(|name| name == "a/b"), None);
        let lacks = |kfunc| {
            format!(
                "a/e: 1 became \"message\":\"kfunc '{kfunc}' is referenced but wasn't resolved\""
            )
        };
        assert_eq!(
            changes.why(&lacks("bpf_iter_cpumask_and_new")),
            Some(WITHOUT)
        );
        assert_eq!(changes.why(&lacks("bpf_iter_cpumask_new")), None);
        assert!(Changes::parse(text, |_| false).is_err());
        assert!(Changes::parse("a/b c-d\n", |_| true).is_err());
    }
}
