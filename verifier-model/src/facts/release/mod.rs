// SPDX-License-Identifier: GPL-2.0-only
//! What differs from one kernel release to the next, in one place.
//!
//! A release is its tables ([`Tables`], text files below `data`), its limits, and its rules
//! ([`Profile`]). The verifier asks the release that it is given
//! ([`Options::release`](crate::Options::release)) and no other: to add one is to add a folder of files
//! and a module beside [`linux_7_3`].

pub(crate) mod linux_7_3;

use std::fmt;

use crate::facts::rule::Profile;
use crate::facts::tables::{Tables, Texts};

/// A kernel release: what the verifier knows before it sees a program.
pub struct Release {
    name: &'static str,
    rules: Profile,
    /// Its limits, as far as they differ from one release to the next.
    pub(crate) limits: Limits,
    /// Its tables.
    pub(crate) tables: Tables,
}

/// Limits that differ from one release to the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Arguments that a function or a kfunc may take (`MAX_BPF_FUNC_ARGS`).
    pub(crate) func_args: usize,
}

impl Release {
    pub(crate) const fn new(
        name: &'static str,
        rules: Profile,
        limits: Limits,
        texts: Texts,
    ) -> Self {
        Self {
            name,
            rules,
            limits,
            tables: Tables::new(texts),
        }
    }

    /// What it is called: `"7.3"`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The rules that its verifier follows.
    pub const fn rules(&self) -> Profile {
        self.rules
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
