// SPDX-License-Identifier: GPL-2.0-only
//! Offsets of pointers whose ranges are arcs.

use crate::facts::rule::Profile;
use crate::state::scalar::circular::number::Number;

/// `ptr + off`
pub(crate) fn add(ptr: &mut Number, off: &Number, _: &Profile) {
    ptr.r64 = ptr.r64.add(off.r64);
    ptr.bits = ptr.bits + off.bits;
}

/// `ptr - off`
pub(crate) fn sub(ptr: &mut Number, off: &Number, _: &Profile) {
    ptr.r64 = ptr.r64.add(off.r64.negate());
    ptr.bits = ptr.bits - off.bits;
}
