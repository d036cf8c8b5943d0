// SPDX-License-Identifier: GPL-2.0-only
//! What differs from one kernel release to the next, in one place.
//!
//! A release is its tables ([`Tables`], text files below `data`), its limits, its words and its rules
//! ([`Profile`]). The verifier asks the release that it is given
//! ([`Options::release`](crate::Options::release)) and no other.
//!
//! Fixes are backported, so that a release here is a point release, as its kernel was asked: 6.12.117.

pub(crate) mod linux_7_3;
pub(crate) mod older;
pub(crate) mod shipped;

use std::fmt;

use bpf::kernel::kfuncs::KfuncTable;

use crate::facts::kind::Kind;
use crate::facts::references;
use crate::facts::rule::Profile;
use crate::facts::tables::{Tables, Text, Texts};

/// A kernel release: what the verifier knows before it sees a program.
pub struct Release {
    name: &'static str,
    point: &'static str,
    rules: Profile,
    /// Its limits, as far as they differ from one release to the next.
    pub(crate) limits: Limits,
    /// Its tables.
    pub(crate) tables: Tables,
    /// The next release that is modelled: what it says otherwise is told of it.
    next: Option<&'static Self>,
}

/// Limits that differ from one release to the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Arguments that a function or a kfunc may take (`MAX_BPF_FUNC_ARGS`).
    pub(crate) func_args: usize,
    /// Functions that may be in the middle of calling each other (`MAX_CALL_FRAMES`), at most
    /// [`MAX_CALL_FRAMES`](crate::state::MAX_CALL_FRAMES).
    pub(crate) call_frames: usize,
    /// Bytes of which a function's stack takes a multiple.
    pub(crate) stack_round: i32,
    /// Whether a function without a stack is counted as one that has some.
    pub(crate) stack_of_none: bool,
    /// Registers and slots of one number that a jump narrows together (`LINKED_REGS_MAX`), at most 6; none
    /// where they are not counted.
    pub(crate) linked_regs: Option<usize>,
}

impl Release {
    /// A release of a name and a point release, such as `6.12` and `6.12.117`, before `next`.
    pub(crate) const fn new(
        name: &'static str,
        point: &'static str,
        rules: Profile,
        limits: Limits,
        texts: Texts,
        next: Option<&'static Self>,
    ) -> Self {
        Self {
            name,
            point,
            rules,
            limits,
            tables: Tables::new(texts),
            next,
        }
    }

    /// This release with tables of another kernel in place of its own, each by the name of its file, such
    /// as `helpers.txt`; what no table is called is passed over. The point release is the other kernel's.
    /// They stay in memory: a release is there for good.
    pub fn with_tables(
        &self,
        point: &str,
        tables: Vec<(String, String)>,
    ) -> Result<&'static Self, String> {
        fn keep(text: String) -> &'static str {
            Box::leak(text.into_boxed_str())
        }
        let mut texts = self.tables.texts();
        for (file, text) in tables {
            let (file, text) = (keep(file), keep(text));
            let name = file.rsplit('/').next().unwrap_or(file);
            texts.set(name, Text { file, text });
        }
        let tables = Tables::new(texts);
        tables.check()?;
        references::check(&tables)?;
        Ok(Box::leak(Box::new(Self {
            name: self.name,
            point: keep(point.to_owned()),
            rules: self.rules,
            limits: self.limits,
            tables,
            next: self.next,
        })))
    }

    /// What it is called: `"7.3"`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The point release that was asked: `"7.3.4"`.
    pub const fn point(&self) -> &'static str {
        self.point
    }

    /// The rules that its verifier follows.
    pub const fn rules(&self) -> Profile {
        self.rules
    }

    /// Its kfuncs, for any configuration, and those of the selftests' modules.
    pub fn kfuncs(&self) -> KfuncTable {
        self.tables.kfuncs().unwrap_or_default()
    }

    /// What this release words otherwise than the next one: see [`Words::changes`].
    pub(crate) fn changed_words(
        &self,
    ) -> impl Iterator<Item = (Option<&'static str>, String, String)> {
        self.tables.words.changes()
    }

    /// The message of a rejection in this release's words; None if they are those of 7.3, in which
    /// the model speaks.
    pub(crate) fn words(&self, kind: Kind, message: &str) -> Option<String> {
        let next = self.next.and_then(|next| next.words(kind, message));
        let own = |message| self.tables.words.of(kind.name(), message);
        // The next release may say less than the one behind it.
        let said = next.as_deref().and_then(own).or_else(|| own(message));
        said.or(next)
    }
}

impl fmt::Debug for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Release({})", self.name)
    }
}

/// A release is the same as itself alone.
impl PartialEq for Release {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Release {}

#[cfg(test)]
mod tests {
    use crate::facts::release::linux_7_3::LINUX_7_3;

    fn with(file: &str, text: &str) -> Result<&'static super::Release, String> {
        LINUX_7_3.with_tables("6.5.4", vec![(format!("dir/{file}"), text.to_owned())])
    }

    #[test]
    fn tables_of_another_kernel_take_the_place_of_its_own() {
        let other = with("maps.txt", "map HASH struct=other_htab\n").unwrap();
        let of = |release: &super::Release| {
            let hash = bpf::uapi::MapType::Hash;
            release.tables.maps.kernel_struct(hash)
        };
        assert_eq!(
            (of(other), of(&LINUX_7_3)),
            (Some("other_htab"), Some("bpf_htab"))
        );
        assert_eq!((other.name(), other.point()), ("7.3", "6.5.4"));
        assert!(with("notes.txt", "no table").is_ok());
    }

    #[test]
    fn a_mistake_in_one_is_told_with_its_place() {
        let wrong = with("helpers.txt", "helper 1 map_lookup_elem\nnonsense\n").unwrap_err();
        assert!(wrong.starts_with("dir/helpers.txt:2: "), "{wrong}");
        let wrong = with("kfuncs.txt", "nonsense\n").unwrap_err();
        assert!(wrong.starts_with("dir/kfuncs.txt: "), "{wrong}");
    }
}
