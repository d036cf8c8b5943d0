// SPDX-License-Identifier: GPL-2.0-only
//! Which of the kernel's selftests the model is compared on, by how soon it must agree; and real objects.

use std::path::Path;

use anyhow::{Context, Result};
use clap::ValueEnum;

/// A part of the corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Tier {
    /// Iterators and loops, and the project's own programs.
    #[value(name = "1a")]
    Iterators,
    /// Control flow, pruning, precision, liveness.
    #[value(name = "1b")]
    States,
    /// Kfuncs and what they hand out: references, locks, RCU, dynptrs, exceptions.
    #[value(name = "2")]
    Kfuncs,
    /// The rest of `verifier_*.c`.
    #[value(name = "3")]
    Rest,
    /// Programs whose rights are told by where they attach: struct_ops and its like.
    #[value(name = "4")]
    Attached,
    /// Real objects, out of Debian's packages.
    #[value(name = "5")]
    Real,
    /// The selftests of the release that is asked, all of them.
    #[value(name = "own")]
    Own,
}

impl Tier {
    /// Those that are compiled of the test kernel's selftests.
    pub(crate) const ALL: [Self; 5] = [
        Self::Iterators,
        Self::States,
        Self::Kfuncs,
        Self::Rest,
        Self::Attached,
    ];

    /// 1a of `--tier 1a`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Iterators => "1a",
            Self::States => "1b",
            Self::Kfuncs => "2",
            Self::Rest => "3",
            Self::Attached => "4",
            Self::Real => "5",
            Self::Own => "own",
        }
    }

    /// The selftests of this tier, by file name without `.c`, from the directory `progs`.
    pub(crate) fn selftests(self, progs: &Path) -> Result<Vec<String>> {
        let named = |names: &str| names.split_whitespace().map(str::to_owned).collect();
        let mut selftests: Vec<String> = match self {
            Self::Iterators => named(ITERATORS),
            Self::States => named(STATES),
            Self::Kfuncs => named(KFUNCS),
            Self::Attached => named(ATTACHED),
            Self::Real => Vec::new(),
            Self::Own => in_dir(progs)?,
            Self::Rest => {
                let sooner: Vec<String> = [ITERATORS, STATES, KFUNCS]
                    .iter()
                    .flat_map(|names| names.split_whitespace())
                    .map(str::to_owned)
                    .collect();
                let mut rest = in_dir(progs)?;
                rest.retain(|name| name.starts_with("verifier_") && !sooner.contains(name));
                rest
            }
        };
        selftests.sort();
        Ok(selftests)
    }
}

/// All selftests of the directory `progs`.
fn in_dir(progs: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(progs);
    let entries = entries.with_context(|| format!("cannot list {}", progs.display()))?;
    let names = entries.filter_map(|entry| {
        let name = entry.ok()?.file_name();
        Some(name.to_str()?.strip_suffix(".c")?.to_owned())
    });
    Ok(names.collect())
}

/// Selftests without programs, whose BTF stands for the kernel's where a program names them.
pub(crate) const CORE_BTF: [&str; 1] = ["btf__core_reloc_bitfields"];

const ITERATORS: &str = "
    iter_buf_null_fail iters iters_css iters_css_task iters_looping iters_num iters_state_safety
    iters_task iters_task_failure iters_task_vma iters_testmod iters_testmod_seq
    verifier_bits_iter verifier_iterating_callbacks verifier_loops1
    verifier_may_goto_1 verifier_may_goto_2";

const STATES: &str = "
    verifier_cfg verifier_gotol verifier_linked_scalars verifier_live_stack verifier_liveness_exp
    verifier_precision verifier_scalar_ids verifier_search_pruning verifier_subprog_precision";

const KFUNCS: &str = "
    cgrp_kfunc_failure cgrp_kfunc_success
    cpumask_failure cpumask_success
    crypto_basic crypto_sanity
    dynptr_fail dynptr_success test_kfunc_dynptr_param
    exceptions exceptions_assert exceptions_fail
    irq
    kfunc_call_fail kfunc_call_test kfunc_call_test_subprog kfunc_implicit_args
    linked_list linked_list_fail linked_list_peek
    local_kptr_stash local_kptr_stash_fail
    map_kptr map_kptr_fail
    nested_trust_failure nested_trust_success
    percpu_alloc_array percpu_alloc_cgrp_local_storage percpu_alloc_fail
    preempt_lock
    rbtree rbtree_btf_fail__add_wrong_type rbtree_btf_fail__wrong_node_type rbtree_fail
    rbtree_search rbtree_search_kptr
    rcu_read_lock
    refcounted_kptr refcounted_kptr_fail
    res_spin_lock res_spin_lock_fail
    task_kfunc_failure task_kfunc_success
    test_kfunc_param_nullable
    timer timer_failure
    verifier_ref_tracking
    wq wq_failures";

/// Of struct_ops all but those that call kfuncs of TCP's cubic, which the test kernel is without.
const ATTACHED: &str = "
    bind4_prog bind6_prog connect4_prog connect6_prog lsm_cgroup lsm_cgroup_nonvoid setget_sockopt
    sockopt_inherit sockopt_multi sockopt_qos_to_cc sockopt_sk
    ima lsm lsm_tailcall test_d_path test_d_path_check_rdonly_mem test_d_path_check_types
    test_sk_storage_trace_itself test_sk_storage_tracing
    test_sockmap_change_tail test_sockmap_kern
    test_sockmap_listen test_sockmap_pass_prog test_sockmap_redir
    test_bpf_nf test_bpf_nf_fail
    bpf_cubic bpf_dctcp bpf_dctcp_release
    bpf_qdisc_dynptr_use_after_invalidate_clone bpf_qdisc_fail__incompl_ops
    bpf_qdisc_fail__invalid_dynptr bpf_qdisc_fail__invalid_dynptr_cross_frame
    bpf_qdisc_fail__invalid_dynptr_slice bpf_qdisc_fail__untrusted_write bpf_qdisc_fifo bpf_qdisc_fq
    bpf_tcp_nogpl
    dummy_st_ops_fail dummy_st_ops_success
    epilogue_exit epilogue_tailcall pro_epilogue pro_epilogue_goto_start pro_epilogue_with_kfunc
    struct_ops_arena struct_ops_arena_fail struct_ops_assoc struct_ops_assoc_in_timer
    struct_ops_assoc_reuse struct_ops_autocreate struct_ops_autocreate2
    struct_ops_id_ops_mapping1 struct_ops_id_ops_mapping2
    struct_ops_kptr_return struct_ops_kptr_return_fail__invalid_scalar
    struct_ops_kptr_return_fail__local_kptr struct_ops_kptr_return_fail__nonzero_offset
    struct_ops_kptr_return_fail__wrong_type struct_ops_maybe_null struct_ops_maybe_null_fail
    struct_ops_module struct_ops_multi_args struct_ops_multi_pages struct_ops_nulled_out_cb
    struct_ops_private_stack struct_ops_private_stack_fail struct_ops_private_stack_recur
    struct_ops_refcounted struct_ops_refcounted_fail__global_subprog
    struct_ops_refcounted_fail__ref_leak struct_ops_refcounted_fail__tail_call
    tcp_ca_incompl_cong_ops tcp_ca_unsupp_cong_op tcp_ca_untrusted_btf_write
    tcp_ca_update tcp_ca_write_sk_pacing
    unsupported_ops
    exceptions_ext fentry_recursive fentry_recursive_target fexit_bpf2bpf fexit_bpf2bpf_simple
    freplace_attach_probe freplace_connect4 freplace_connect_v4_prog
    freplace_get_constant freplace_global_func freplace_int_with_void freplace_progmap
    freplace_unreliable_prog freplace_void struct_ops_arena_attach
    summarization summarization_freplace tailcall_bpf2bpf2 tailcall_bpf2bpf_fentry
    tailcall_bpf2bpf_fexit tailcall_freplace test_attach_probe test_global_func2 test_global_func7
    test_pkt_access test_pkt_md_access test_trace_ext test_xdp test_xdp_bpf2bpf";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_selftest_is_in_two_tiers() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("verifier_cfg.c"), "").unwrap();
        std::fs::write(dir.path().join("verifier_and.c"), "").unwrap();
        let mut all: Vec<String> = Tier::ALL
            .iter()
            .flat_map(|tier| tier.selftests(dir.path()).unwrap())
            .collect();
        assert!(all.contains(&"verifier_and".to_owned()));
        let own = Tier::Own.selftests(dir.path()).unwrap();
        assert_eq!(own, ["verifier_and", "verifier_cfg"]);
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
