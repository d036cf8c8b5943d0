// SPDX-License-Identifier: GPL-2.0-only
//! Helpers that the loader takes the kernel not to have. It asks by loading a tracing program, and is
//! told no if it is not allowed to load one.
//!
//! Source: `bpf_object__sanitize_prog()` and `probe_kern_probe_read_kernel()` of libbpf; aya and
//! cilium/ebpf ask in the same way.

use crate::caps::Caps;
use crate::uapi::Insn;

/// `bpf_probe_read()`, which reads from the kernel or from the user, and `bpf_probe_read_str()`.
const PROBE_READ: i32 = 4;
const PROBE_READ_STR: i32 = 45;

/// The helpers that read from one of the two, and what stands for them.
const OLDER: [(i32, i32); 4] = [
    (112, PROBE_READ),
    (113, PROBE_READ),
    (114, PROBE_READ_STR),
    (115, PROBE_READ_STR),
];

/// Puts the older helpers in the place of the newer ones for who may not ask for these.
pub(super) fn sanitize(insns: &mut [Insn], caps: Caps) {
    if caps.has(Caps::BPF) && caps.has(Caps::PERFMON) {
        return;
    }
    for insn in insns.iter_mut().filter(|insn| insn.is_helper_call()) {
        if let Some((_, older)) = OLDER.iter().find(|(newer, _)| *newer == insn.imm) {
            insn.imm = *older;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uapi::op;

    #[test]
    fn only_who_may_trace_has_the_newer_helpers() {
        let calls = |helpers: [i32; 5]| {
            helpers.map(|imm| Insn {
                code: op::CALL,
                imm,
                ..Insn::default()
            })
        };
        let newer = calls([112, 113, 114, 115, 1]);
        for (caps, want) in [
            (Caps::all(), newer),
            (Caps::BPF | Caps::PERFMON, newer),
            (Caps::BPF, calls([4, 4, 45, 45, 1])),
            (Caps::empty(), calls([4, 4, 45, 45, 1])),
        ] {
            let mut insns = newer;
            sanitize(&mut insns, caps);
            assert_eq!(insns, want, "{caps}");
        }
    }
}
