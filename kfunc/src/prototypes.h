/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kfuncs as C and BTF see them. bindgen turns this file into the Rust
 * declarations that the definitions are checked against.
 */
#ifndef _BPF_ITER_CPUMASK_PROTOTYPES_H
#define _BPF_ITER_CPUMASK_PROTOTYPES_H

#include <linux/cpumask.h>
#include <linux/types.h>

/* Lives on the BPF program's stack; only the kfuncs look inside. */
struct bpf_iter_cpumask {
	__u64 __opaque[2];
} __aligned(8);

int bpf_iter_cpumask_new(struct bpf_iter_cpumask *it, const struct cpumask *mask);
int *bpf_iter_cpumask_next(struct bpf_iter_cpumask *it);
void bpf_iter_cpumask_destroy(struct bpf_iter_cpumask *it);

const struct cpumask *bpf_cpu_possible_mask(void);
const struct cpumask *bpf_cpu_present_mask(void);
const struct cpumask *bpf_cpu_online_mask(void);
const struct cpumask *bpf_cpu_active_mask(void);
const struct cpumask *bpf_cpu_enabled_mask(void);
const struct cpumask *bpf_cpu_dying_mask(void);
u32 bpf_nr_cpu_ids(void);

#endif /* _BPF_ITER_CPUMASK_PROTOTYPES_H */
