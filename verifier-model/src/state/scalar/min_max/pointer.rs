// SPDX-License-Identifier: GPL-2.0-only
//! Offsets of pointers with bounds.
//!
//! Until 7.0 the known part of an offset stands beside the part that is not known, of which alone there
//! are bounds: what is known moves them as they are. Here both are one offset.

use crate::facts::rule::{Profile, Rule};
use crate::state::scalar::min_max::number::Number;

/// `ptr + off`
pub(crate) fn add(ptr: &mut Number, off: &Number, rules: &Profile) {
    ptr.r64 = ptr.r64.add(off.r64, is_moved(ptr, off, rules));
    ptr.bits = ptr.bits + off.bits;
}

/// `ptr - off`
pub(crate) fn sub(ptr: &mut Number, off: &Number, rules: &Profile) {
    ptr.r64 = ptr.r64.sub(off.r64, is_moved(ptr, off, rules));
    ptr.bits = ptr.bits - off.bits;
}

/// Whether bounds are moved by what stands beside them.
fn is_moved(ptr: &Number, off: &Number, rules: &Profile) -> bool {
    let beside = !rules.has(Rule::PACKET_OFFSETS_MERGED);
    beside && (ptr.bits.is_const() || off.bits.is_const())
}
