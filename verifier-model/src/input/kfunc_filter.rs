// SPDX-License-Identifier: GPL-2.0-only
//! Filters of kfunc sets: who may call beyond what a set is registered for.
//!
//! Source: `__btf_kfunc_is_allowed()` in `kernel/bpf/btf.c` and the functions named here.

use bpf::kernel::kfuncs::{KfuncHook, KfuncSet};
use bpf::uapi::{AttachType, ProgType};

use crate::input::Input;

impl Input<'_> {
    /// Whether the filters of a kfunc's sets let the program call it.
    pub(crate) fn kfunc_filter_allows(&self, kfunc: &str) -> bool {
        let hook = self.kernel.kfuncs.hook(self.prog.prog_type);
        let asked = |h: &KfuncHook| *h == KfuncHook::Common || Some(*h) == hook;
        let sets = self.kernel.kfuncs.sets_of(kfunc);
        let sets: Vec<&KfuncSet> = sets.filter(|s| s.hooks.iter().any(asked)).collect();
        if self.prog.prog_type != ProgType::StructOps {
            let mut filters = sets.iter().map(|set| set.filter.as_deref());
            return filters.any(|f| f.is_none_or(|f| self.filter_allows(f)));
        }
        if sets.iter().any(|set| set.filter.is_none()) {
            return true;
        }
        // Those of sets that struct_ops programs may call look at the program's member. Before it
        // is known, all may be called.
        self.struct_ops.as_ref().is_none_or(|ops| {
            let mut sets = sets.iter().map(|set| set.name.as_str());
            ops.known
                .is_some_and(|known| known.calls(ops.member, kfunc, &mut sets))
        })
    }

    fn filter_allows(&self, filter: &str) -> bool {
        let (typ, attach) = (self.prog.prog_type, self.prog.expected_attach_type);
        match filter {
            "bpf_fs_kfuncs_filter" | "bpf_get_fsverity_digest_filter" => typ == ProgType::Lsm,
            "tracing_iter_filter" => typ == ProgType::Tracing && attach == AttachType::TraceIter,
            "bpf_ksock_kfunc_filter" => match typ {
                ProgType::Lsm => self.attach_func_name() != "bpf_lsm_socket_sendmsg",
                _ => typ == ProgType::Syscall,
            },
            "bpf_kprobe_multi_filter" | "bpf_session_filter" => match typ {
                ProgType::Kprobe => matches!(
                    attach,
                    AttachType::TraceKprobeSession | AttachType::TraceUprobeSession
                ),
                ProgType::Tracing => matches!(
                    attach,
                    AttachType::TraceFsession | AttachType::TraceFsessionMulti
                ),
                _ => false,
            },
            // What else it asks, the sets are registered for.
            "scx_kfunc_context_filter" => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {

    #[test]
    fn every_filter_is_known() {
        const KNOWN: [&str; 9] = [
            "bm_bpf_kfunc_filter",
            "bpf_fs_kfuncs_filter",
            "bpf_get_fsverity_digest_filter",
            "bpf_kprobe_multi_filter",
            "bpf_ksock_kfunc_filter",
            "bpf_qdisc_kfunc_filter",
            "bpf_session_filter",
            "scx_kfunc_context_filter",
            "tracing_iter_filter",
        ];
        let shipped = crate::Shipped::ALL.iter();
        let tables: Vec<_> = shipped.map(|s| s.release.kfuncs()).collect();
        for set in tables.iter().flat_map(|table| table.sets()) {
            if let Some(filter) = &set.filter {
                assert!(KNOWN.contains(&filter.as_str()), "{filter}");
            }
        }
    }
}
