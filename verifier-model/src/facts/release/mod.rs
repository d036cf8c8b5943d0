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
use crate::facts::rule::Profile;
use crate::facts::tables::{Tables, Texts};

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
