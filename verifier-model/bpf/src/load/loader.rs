// SPDX-License-Identifier: GPL-2.0-only
//! The libraries that load objects, where they differ.

use std::fmt;

/// Whose ways an object is loaded in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Loader {
    /// libbpf as veristat uses it, which gives maps without a size one entry; or what else the
    /// object was made for: see [`Object::loader`](super::Object::loader).
    #[default]
    Auto,
    /// libbpf as a program uses it that sets nothing.
    Libbpf,
    /// aya, of Rust.
    Aya,
    /// cilium/ebpf, of Go.
    Cilium,
}

/// As people call it.
impl fmt::Display for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto | Self::Libbpf => "libbpf",
            Self::Aya => "aya",
            Self::Cilium => "cilium/ebpf",
        })
    }
}

impl Loader {
    /// Whether maps may be declared in a section `maps`, by sizes alone, as before BTF.
    pub(super) fn takes_legacy_maps(self) -> bool {
        self != Self::Libbpf
    }

    /// Whether a section's name may go on behind what tells the type: `xdp/my_program`.
    pub(super) fn names_sections_freely(self) -> bool {
        matches!(self, Self::Aya | Self::Cilium)
    }
}
