// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The mask is read as the walk goes: what changes ahead of it counts, what changes behind, not. */
#include "guest.h"

struct cpu_walk walk;

SEC("raw_tp")
int change_ahead(void *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();
	int cpu;

	if (!mask)
		return -1;
	bpf_cpumask_set_cpu(1, mask);
	bpf_cpumask_set_cpu(5, mask);
	bpf_for_each_cpu(cpu, (const struct cpumask *)mask) {
		step(&walk, cpu);
		if (cpu == 1) {
			bpf_cpumask_set_cpu(0, mask);
			bpf_cpumask_clear_cpu(5, mask);
			bpf_cpumask_set_cpu(9, mask);
			bpf_cpumask_set_cpu(66, mask);
		}
	}
	bpf_cpumask_release(mask);
	return 0;
}
