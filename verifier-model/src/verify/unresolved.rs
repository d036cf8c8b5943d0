// SPDX-License-Identifier: GPL-2.0-only
//! What libbpf makes of the kernel's words where an instruction refers to what is not there: a field
//! that the kernel lacks, a kernel function, a map.
//!
//! libbpf has put a call of a helper there that no kernel has, and recognises it in the log. cilium/ebpf
//! does so too, and says before the kernel's words what they mean.
//!
//! ```text
//!   2: (85) call unknown#195896080           2: <invalid CO-RE relocation>
//!   invalid func unknown#195896080           failed to resolve CO-RE relocation <byte_off> [5] struct …
//! ```
//!
//! Source: `fixup_verifier_log()` in `tools/lib/bpf/libbpf.c`.

use bpf::program::Unresolved;

use crate::env::Env;
use crate::facts::kind::Kind;
use crate::facts::rejection::Stop;

/// Puts libbpf's words in the place of the kernel's, in the rejection and in the log.
pub(crate) fn reword(env: &Env<'_>, stop: Stop) -> Stop {
    let Stop::Rejected(mut why) = stop else {
        return stop;
    };
    let at = env.path.insn_idx as u32;
    let found = env.input.prog.unresolved.get(&at);
    if let (Kind::MissingFunction, Some(what)) = (why.kind, found) {
        let message = what.message();
        if let Unresolved::Cilium(what) = what {
            why.kind = kind(what);
            why.cause = Some(what.message());
            why.message = format!("{message}: {}", why.message);
            return Stop::Rejected(why);
        }
        let imm = env.code.insns.get(at as usize).map_or(0, |insn| insn.imm);
        let old = format!("{at}: (85) call unknown#{imm}\n{}\n", why.message);
        let new = format!("{at}: {}\n{message}\n", what.instruction());
        env.log.replace_last(&old, &new);
        why.kind = kind(what);
        why.message = message;
    }
    Stop::Rejected(why)
}

fn kind(what: &Unresolved) -> Kind {
    match what {
        Unresolved::CoreRelo(_) => Kind::UnresolvedRelocation,
        Unresolved::Map(_) => Kind::MapNotCreated,
        Unresolved::Kfunc(_) => Kind::KfuncUnresolved,
        Unresolved::Cilium(what) => kind(what),
    }
}
