// SPDX-License-Identifier: GPL-2.0-only

//! BPF kfuncs that walk a CPU mask.

use kernel::prelude::*;

pub mod kfunc;

pub mod cpumask_iter;
pub mod cpumask_masks;
pub mod cpumask_pair_iter;
pub mod cpumask_snapshot_iter;
pub mod prototypes;
pub mod walk;

use cpumask_iter::*;
use cpumask_masks::*;
use cpumask_pair_iter::*;
use cpumask_snapshot_iter::*;
use kfunc::Hook;

module! {
    type: BpfIterCpumask,
    name: "bpf_iter_cpumask",
    authors: ["bpf-iter-cpumask contributors"],
    description: "BPF kfuncs that walk a CPU mask: bpf_for_each(cpumask, cpu, mask)",
    license: "GPL",
}

kfunc::kfunc_set! {
    static CPUMASK_KFUNCS: prototypes {
        // SAFETY: *Arguments*: `KF_ITER_NEW` gives an iterator to write to, `KF_RCU` a valid mask,
        // and `KF_RCU_PROTECTED` ends the walk with the section to whose end the mask stays; for
        // plain memory see the function. *Result*: a number.
        unsafe bpf_iter_cpumask_new: KF_ITER_NEW | KF_RCU | KF_RCU_PROTECTED,
        // SAFETY: *Arguments*: by `KF_ITER_NEXT`, an iterator of the `new` above, in its section.
        // *Result*: where the iterator holds the CPU; `KF_RET_NULL` covers the end.
        unsafe bpf_iter_cpumask_next: KF_ITER_NEXT | KF_RET_NULL,
        // SAFETY: *Arguments*: by `KF_ITER_DESTROY`, an iterator of the `new` above, for the last
        // time.
        unsafe bpf_iter_cpumask_destroy: KF_ITER_DESTROY,
        // SAFETY: As for `bpf_iter_cpumask_new`, of both masks.
        unsafe bpf_iter_cpumask_and_new: KF_ITER_NEW | KF_RCU | KF_RCU_PROTECTED,
        // SAFETY: As for `bpf_iter_cpumask_next`.
        unsafe bpf_iter_cpumask_and_next: KF_ITER_NEXT | KF_RET_NULL,
        // SAFETY: As for `bpf_iter_cpumask_destroy`.
        unsafe bpf_iter_cpumask_and_destroy: KF_ITER_DESTROY,
        // SAFETY: As for `bpf_iter_cpumask_new`, of both masks.
        unsafe bpf_iter_cpumask_andnot_new: KF_ITER_NEW | KF_RCU | KF_RCU_PROTECTED,
        // SAFETY: As for `bpf_iter_cpumask_next`.
        unsafe bpf_iter_cpumask_andnot_next: KF_ITER_NEXT | KF_RET_NULL,
        // SAFETY: As for `bpf_iter_cpumask_destroy`.
        unsafe bpf_iter_cpumask_andnot_destroy: KF_ITER_DESTROY,
        // SAFETY: *Arguments*: `KF_ITER_NEW` gives an iterator to write to, and `KF_RCU` a mask
        // that is valid during the call, as long as the function asks. *Result*: a number.
        unsafe bpf_iter_cpumask_snapshot_new: KF_ITER_NEW | KF_RCU,
        // SAFETY: *Arguments*: by `KF_ITER_NEXT`, an iterator of the `new` above. *Result*: as of
        // `bpf_iter_cpumask_next`.
        unsafe bpf_iter_cpumask_snapshot_next: KF_ITER_NEXT | KF_RET_NULL,
        // SAFETY: As for `bpf_iter_cpumask_destroy`.
        unsafe bpf_iter_cpumask_snapshot_destroy: KF_ITER_DESTROY,
        // SAFETY: *Result*: a static of the kernel, never NULL and there for ever.
        unsafe bpf_cpu_possible_mask,
        // SAFETY: As above.
        unsafe bpf_cpu_present_mask,
        // SAFETY: As above.
        unsafe bpf_cpu_online_mask,
        // SAFETY: As above.
        unsafe bpf_cpu_active_mask,
        // SAFETY: As above.
        unsafe bpf_cpu_enabled_mask,
        // SAFETY: As above.
        unsafe bpf_cpu_dying_mask,
        // SAFETY: *Result*: a number.
        unsafe bpf_nr_cpu_ids,
    }
}

struct BpfIterCpumask;

impl kernel::Module for BpfIterCpumask {
    fn init(module: &'static ThisModule) -> Result<Self> {
        // To others a packet is plain memory, which they can free: see `bpf_iter_cpumask_new`.
        for hook in [Hook::Tracing, Hook::StructOps, Hook::Syscall] {
            CPUMASK_KFUNCS.register(hook, module)?;
        }
        Ok(Self)
    }
}
