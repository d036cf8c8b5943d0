// SPDX-License-Identifier: GPL-2.0-only
//! Lists of functions and structures by which the verifier tells them apart.
//!
//! A table of a release: `btf_sets.txt`, which tells its format.
//!
//! Source: `BTF_SET_START()` in `kernel/bpf/bpf_lsm.c`, `kernel/bpf/verifier.c`,
//! `kernel/trace/bpf_trace.c`.

use std::collections::HashSet;

use crate::facts::table::{Lines, constant};

macro_rules! sets {
    ($($(#[$meta:meta])* $set:ident = $name:literal;)*) => {
        /// A list that the verifier asks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum BtfSet { $($(#[$meta])* $set,)* }

        impl BtfSet {
            const ALL: &[Self] = &[$(Self::$set,)*];

            /// What the kernel calls it.
            fn name(self) -> &'static str {
                match self { $(Self::$set => $name,)* }
            }
        }
    };
}

sets! {
    /// LSM hooks whose programs may sleep.
    SleepableLsmHooks = "sleepable_lsm_hooks";
    /// LSM hooks that no program attaches to.
    DisabledLsmHooks = "bpf_lsm_disabled_hooks";
    /// LSM hooks whose arguments may be dying.
    UntrustedLsmHooks = "untrusted_lsm_hooks";
    /// LSM hooks that return 0 or 1.
    BoolLsmHooks = "bool_lsm_hooks";
    /// Functions in which `bpf_d_path()` may be called.
    DPathAllowlist = "btf_allowlist_d_path";
    /// Functions that may be made to fail, and are called where nothing sleeps.
    NonSleepableErrorInject = "btf_non_sleepable_error_inject";
    /// Functions that nothing attaches to.
    Denied = "btf_id_deny";
    /// Functions that nothing attaches to behind their end.
    NoReturn = "noreturn_deny";
    /// Objects that are freed after an RCU grace period.
    RcuProtectedTypes = "rcu_protected_types";
}

/// The lists of a release. One that it does not have is empty.
#[derive(Debug, Default)]
pub(crate) struct BtfSets {
    sets: [HashSet<&'static str>; BtfSet::ALL.len()],
    last: Option<BtfSet>,
}

impl BtfSets {
    /// Whether a list has a name.
    pub(crate) fn contains(&self, set: BtfSet, name: &str) -> bool {
        self.sets[set as usize].contains(name)
    }
}

impl Lines for BtfSets {
    fn line(&mut self, line: &'static str) -> Result<(), String> {
        if let Some(name) = line.strip_prefix("set ") {
            self.last = Some(constant(BtfSet::ALL, BtfSet::name, "", name)?);
            return Ok(());
        }
        let last = self.last.ok_or("a name before the first set")?;
        match self.sets[last as usize].insert(line.trim()) {
            true => Ok(()),
            false => Err(format!("'{}' is there twice", line.trim())),
        }
    }
}
