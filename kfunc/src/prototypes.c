// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kfuncs as C and BTF see them. The bodies are in Rust.
 */
#include <linux/cpumask.h>
#include <linux/rust_kfunc.h>
#include <linux/types.h>

#include "cpumask_iter.h"

/* Lives on the BPF program's stack, and is opaque to it: see struct bpf_iter_cpumask_kern. */
struct bpf_iter_cpumask {
	__u64 __opaque[2];
} __aligned(8);

/* The same for the walks over two masks: see CpumaskPairIter. */
struct bpf_iter_cpumask_and {
	__u64 __opaque[3];
} __aligned(8);

struct bpf_iter_cpumask_andnot {
	__u64 __opaque[3];
} __aligned(8);

/* And for the walk over a copy: see CpumaskSnapshotIter. */
struct bpf_iter_cpumask_snapshot {
	__u64 __opaque[5];
} __aligned(8);

__bpf_kfunc_start_defs();

__bpf_kfunc __weak int bpf_iter_cpumask_new(struct bpf_iter_cpumask *it,
					    const struct cpumask *mask)
{
	rust_kfunc_body();
}

__bpf_kfunc __weak int *bpf_iter_cpumask_next(struct bpf_iter_cpumask *it)
{
	rust_kfunc_body();
}

__bpf_kfunc __weak void bpf_iter_cpumask_destroy(struct bpf_iter_cpumask *it)
{
	rust_kfunc_body();
}

__bpf_kfunc __weak int bpf_iter_cpumask_and_new(struct bpf_iter_cpumask_and *it,
						const struct cpumask *mask1,
						const struct cpumask *mask2)
{
	rust_kfunc_body();
}

__bpf_kfunc __weak int *bpf_iter_cpumask_and_next(struct bpf_iter_cpumask_and *it)
{
	rust_kfunc_body();
}

__bpf_kfunc __weak void bpf_iter_cpumask_and_destroy(struct bpf_iter_cpumask_and *it)
{
	rust_kfunc_body();
}

__bpf_kfunc __weak int bpf_iter_cpumask_andnot_new(struct bpf_iter_cpumask_andnot *it,
						   const struct cpumask *mask1,
						   const struct cpumask *mask2)
{
	rust_kfunc_body();
}

__bpf_kfunc __weak int *bpf_iter_cpumask_andnot_next(struct bpf_iter_cpumask_andnot *it)
{
	rust_kfunc_body();
}

__bpf_kfunc __weak void bpf_iter_cpumask_andnot_destroy(struct bpf_iter_cpumask_andnot *it)
{
	rust_kfunc_body();
}

__bpf_kfunc __weak int bpf_iter_cpumask_snapshot_new(struct bpf_iter_cpumask_snapshot *it,
						     const struct cpumask *mask)
{
	rust_kfunc_body();
}

__bpf_kfunc __weak int *bpf_iter_cpumask_snapshot_next(struct bpf_iter_cpumask_snapshot *it)
{
	rust_kfunc_body();
}

__bpf_kfunc __weak void bpf_iter_cpumask_snapshot_destroy(struct bpf_iter_cpumask_snapshot *it)
{
	rust_kfunc_body();
}

__bpf_kfunc __weak const struct cpumask *bpf_cpu_possible_mask(void)
{
	rust_kfunc_body();
}

__bpf_kfunc __weak const struct cpumask *bpf_cpu_present_mask(void)
{
	rust_kfunc_body();
}

__bpf_kfunc __weak const struct cpumask *bpf_cpu_online_mask(void)
{
	rust_kfunc_body();
}

__bpf_kfunc __weak const struct cpumask *bpf_cpu_active_mask(void)
{
	rust_kfunc_body();
}

__bpf_kfunc __weak const struct cpumask *bpf_cpu_enabled_mask(void)
{
	rust_kfunc_body();
}

__bpf_kfunc __weak const struct cpumask *bpf_cpu_dying_mask(void)
{
	rust_kfunc_body();
}

__bpf_kfunc __weak u32 bpf_nr_cpu_ids(void)
{
	rust_kfunc_body();
}

__bpf_kfunc_end_defs();
