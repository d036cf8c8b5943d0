// SPDX-License-Identifier: GPL-2.0-only
//! A relocation as `.BTF.ext` has it, and how much work it may make.

use std::cell::Cell;

/// One record of `.BTF.ext`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CoreRelo {
    pub(crate) type_id: u32,
    pub(crate) access_str_off: u32,
    pub(crate) kind: u32,
}

/// `enum bpf_core_relo_kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RelocKind {
    FieldByteOffset,
    FieldByteSize,
    FieldExists,
    FieldSigned,
    FieldLshiftU64,
    FieldRshiftU64,
    TypeIdLocal,
    TypeIdTarget,
    TypeExists,
    TypeSize,
    EnumvalExists,
    EnumvalValue,
    TypeMatches,
}

impl RelocKind {
    pub(super) fn new(kind: u32) -> Option<Self> {
        const ALL: [RelocKind; 13] = [
            RelocKind::FieldByteOffset,
            RelocKind::FieldByteSize,
            RelocKind::FieldExists,
            RelocKind::FieldSigned,
            RelocKind::FieldLshiftU64,
            RelocKind::FieldRshiftU64,
            RelocKind::TypeIdLocal,
            RelocKind::TypeIdTarget,
            RelocKind::TypeExists,
            RelocKind::TypeSize,
            RelocKind::EnumvalExists,
            RelocKind::EnumvalValue,
            RelocKind::TypeMatches,
        ];
        ALL.get(kind as usize).copied()
    }

    pub(super) fn is_type_based(self) -> bool {
        matches!(
            self,
            RelocKind::TypeIdLocal
                | RelocKind::TypeIdTarget
                | RelocKind::TypeExists
                | RelocKind::TypeMatches
                | RelocKind::TypeSize
        )
    }

    pub(super) fn is_enumval_based(self) -> bool {
        matches!(self, Self::EnumvalExists | Self::EnumvalValue)
    }
}

/// Why a relocation cannot be done; libbpf then gives up on the object.
pub(crate) type CoreError = String;

/// Bounds the comparison of types: a hostile structure may hold itself several times over.
pub(crate) struct Budget(Cell<u32>);

impl Budget {
    /// Enough for any object: one program's relocations take some thousands.
    const STEPS: u32 = 100_000_000;

    pub(crate) fn new() -> Self {
        Self(Cell::new(Self::STEPS))
    }

    pub(super) fn step(&self) -> Result<(), CoreError> {
        match self.0.get().checked_sub(1) {
            Some(left) => {
                self.0.set(left);
                Ok(())
            }
            None => Err("the types are too deeply nested".into()),
        }
    }
}
