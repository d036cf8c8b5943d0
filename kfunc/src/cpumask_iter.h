/* SPDX-License-Identifier: GPL-2.0-only */
/* What C and the kfuncs in Rust have to agree on. */
#ifndef _CPUMASK_ITER_H
#define _CPUMASK_ITER_H

#include <linux/cpumask_types.h>
#include <linux/types.h>

/*
 * What struct bpf_iter_cpumask holds, which is opaque to BPF programs: the
 * verifier inlines the kfuncs where they are built in. walk.rs says what @cpu
 * and @word mean, cpumask_iter.rs compares the layouts.
 */
struct bpf_iter_cpumask_kern {
	int cpu;
	u32 word;
	const struct cpumask *mask;
} __aligned(8);

/* Memory, wherever a program runs, or NULL; goes back by kfree_nolock(). */
void *bpf_iter_cpumask_alloc(size_t size);

#endif /* _CPUMASK_ITER_H */
