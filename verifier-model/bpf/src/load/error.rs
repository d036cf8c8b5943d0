// SPDX-License-Identifier: GPL-2.0-only
//! Why an object or a program cannot be loaded.

use crate::btf::BtfError;

/// Why an object cannot be read, or a program in it cannot be handed to the verifier.
///
/// These are what libbpf refuses; a program that gets past it may still be rejected by the verifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The ELF file is malformed.
    #[error("ELF: {0}")]
    Elf(String),
    /// The object's BTF is malformed.
    #[error(transparent)]
    Btf(#[from] BtfError),
    /// Anything else, in one sentence.
    #[error("{0}")]
    Object(String),
    /// A program in a sound object.
    #[error("prog '{prog}': {reason}")]
    Prog {
        /// Its name.
        prog: String,
        /// What is wrong.
        reason: String,
    },
}

impl LoadError {
    pub(super) fn object(reason: impl Into<String>) -> Self {
        Self::Object(reason.into())
    }

    pub(super) fn prog(prog: &str, reason: impl Into<String>) -> Self {
        Self::Prog {
            prog: prog.to_owned(),
            reason: reason.into(),
        }
    }
}

impl From<object::Error> for LoadError {
    fn from(e: object::Error) -> Self {
        Self::Elf(e.to_string())
    }
}
