// SPDX-License-Identifier: GPL-2.0-only
//! Offsets of pointers whose ranges are arcs.
//!
//! Source: `adjust_ptr_min_max_vals()` in `kernel/bpf/verifier.c` since 7.2.

use crate::facts::rule::Profile;
use crate::state::reg::RegState;

/// `ptr + off`
pub(crate) fn add(ptr: &mut RegState, off: &RegState, _: &Profile) {
    ptr.set_r64(ptr.r64().add(off.r64()));
    ptr.var_off = ptr.var_off + off.var_off;
}

/// `ptr - off`
pub(crate) fn sub(ptr: &mut RegState, off: &RegState, _: &Profile) {
    ptr.set_r64(ptr.r64().add(off.r64().negate()));
    ptr.var_off = ptr.var_off - off.var_off;
}
