// SPDX-License-Identifier: GPL-2.0-only
//! Offsets of pointers with bounds.
//!
//! Until 7.0 the known part of an offset stands beside the part that is not known, of which alone there
//! are bounds: what is known moves them as they are. Here both are one offset.
//!
//! Source: `adjust_ptr_min_max_vals()` in `kernel/bpf/verifier.c` until 7.1.

use crate::facts::rule::{Profile, Rule};
use crate::state::reg::RegState;
use crate::state::scalar::min_max::number::Number;

/// `ptr + off`
pub(crate) fn add(ptr: &mut RegState, off: &RegState, rules: &Profile) {
    let (mut sum, off) = (Number::of(ptr), Number::of(off));
    sum.r64 = sum.r64.add(off.r64, is_moved(&sum, &off, rules));
    sum.bits = sum.bits + off.bits;
    sum.put(ptr);
}

/// `ptr - off`
pub(crate) fn sub(ptr: &mut RegState, off: &RegState, rules: &Profile) {
    let (mut difference, off) = (Number::of(ptr), Number::of(off));
    let wraps = is_moved(&difference, &off, rules);
    difference.r64 = difference.r64.sub(off.r64, wraps);
    difference.bits = difference.bits - off.bits;
    difference.put(ptr);
}

/// Whether bounds are moved by what stands beside them.
fn is_moved(ptr: &Number, off: &Number, rules: &Profile) -> bool {
    let beside = !rules.has(Rule::PACKET_OFFSETS_MERGED);
    beside && (ptr.bits.is_const() || off.bits.is_const())
}
