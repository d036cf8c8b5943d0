/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What struct bpf_iter_cpumask holds, which is opaque to BPF programs: two
 * have to agree on it, the kfuncs in Rust and the verifier, which inlines them.
 */
#ifndef _LINUX_BPF_ITER_CPUMASK_H
#define _LINUX_BPF_ITER_CPUMASK_H

#include <linux/cpumask_types.h>
#include <linux/types.h>

/* walk.rs says what @cpu and @word mean, cpumask_iter.rs compares the layouts. */
struct bpf_iter_cpumask_kern {
	int cpu;
	u32 word;
	const struct cpumask *mask;
} __aligned(8);

#endif /* _LINUX_BPF_ITER_CPUMASK_H */
