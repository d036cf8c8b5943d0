// SPDX-License-Identifier: GPL-2.0-only

//! BPF kfuncs that walk a CPU mask.

use kernel::prelude::*;

pub mod kfunc;

pub mod cpumask_iter;
pub mod cpumask_masks;
pub mod cpumask_pair_iter;
pub mod cpumask_snapshot_iter;
pub mod prototypes;
pub mod snapshot;
pub mod walk;

use cpumask_iter::*;
use cpumask_masks::*;
use cpumask_pair_iter::*;
use cpumask_snapshot_iter::*;

module! {
    type: BpfIterCpumask,
    name: "bpf_iter_cpumask",
    authors: ["bpf-iter-cpumask contributors"],
    description: "BPF kfuncs that walk a CPU mask: bpf_for_each(cpumask, cpu, mask)",
    license: "GPL",
}

kfunc::kfunc_set! {
    static CPUMASK_KFUNCS: prototypes {
        bpf_iter_cpumask_new: ITER_NEW | RCU | RCU_PROTECTED,
        bpf_iter_cpumask_next: ITER_NEXT | RET_NULL,
        bpf_iter_cpumask_destroy: ITER_DESTROY,
        bpf_iter_cpumask_and_new: ITER_NEW | RCU | RCU_PROTECTED,
        bpf_iter_cpumask_and_next: ITER_NEXT | RET_NULL,
        bpf_iter_cpumask_and_destroy: ITER_DESTROY,
        bpf_iter_cpumask_andnot_new: ITER_NEW | RCU | RCU_PROTECTED,
        bpf_iter_cpumask_andnot_next: ITER_NEXT | RET_NULL,
        bpf_iter_cpumask_andnot_destroy: ITER_DESTROY,
        bpf_iter_cpumask_snapshot_new: ITER_NEW | RCU,
        bpf_iter_cpumask_snapshot_next: ITER_NEXT | RET_NULL,
        bpf_iter_cpumask_snapshot_destroy: ITER_DESTROY,
        bpf_cpu_possible_mask,
        bpf_cpu_present_mask,
        bpf_cpu_online_mask,
        bpf_cpu_active_mask,
        bpf_cpu_enabled_mask,
        bpf_cpu_dying_mask,
        bpf_nr_cpu_ids,
    }
}

struct BpfIterCpumask {
    _kfuncs: kfunc::Registration,
}

impl kernel::Module for BpfIterCpumask {
    fn init(module: &'static ThisModule) -> Result<Self> {
        Ok(Self {
            _kfuncs: CPUMASK_KFUNCS.register(kfunc::Hook::Common, module)?,
        })
    }
}
