// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Walks over a copy for which there was no memory. */
#include "guest.h"

struct cpu_walk walk;

/* What new returned, and how many steps did not return NULL. */
int made;
__u32 steps_made;

SEC("raw_tp")
int steps(void *ctx)
{
	struct bpf_iter_cpumask_snapshot it;
	int i;

	made = bpf_iter_cpumask_snapshot_new(&it, bpf_cpu_possible_mask());
	bpf_for(i, 0, 3)
		if (bpf_iter_cpumask_snapshot_next(&it))
			steps_made++;
	bpf_iter_cpumask_snapshot_destroy(&it);
	return 0;
}

SEC("raw_tp")
int empty_loop(void *ctx)
{
	int cpu;

	bpf_for_each_cpu_snapshot(cpu, bpf_cpu_possible_mask())
		step(&walk, cpu);
	return 0;
}
