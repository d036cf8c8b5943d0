// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Both masks are read as the walk goes. */
#include "guest.h"

struct cpu_walk both, first_alone;

static __always_inline void set(struct bpf_cpumask *mask, int a, int b, int c)
{
	bpf_cpumask_clear(mask);
	bpf_cpumask_set_cpu(a, mask);
	bpf_cpumask_set_cpu(b, mask);
	bpf_cpumask_set_cpu(c, mask);
}

SEC("raw_tp")
int change_ahead(void *ctx)
{
	struct bpf_cpumask *mask1, *mask2;
	int cpu;

	mask1 = bpf_cpumask_create();
	if (!mask1)
		return -1;
	mask2 = bpf_cpumask_create();
	if (!mask2) {
		bpf_cpumask_release(mask1);
		return -1;
	}

	/* 1, 5 and 70 at first; then 5 goes from the second mask, and 9 comes to the first. */
	set(mask1, 1, 5, 70);
	set(mask2, 1, 5, 70);
	bpf_cpumask_set_cpu(9, mask2);
	bpf_for_each_cpu_and(cpu, (const struct cpumask *)mask1, (const struct cpumask *)mask2) {
		step(&both, cpu);
		if (cpu == 1) {
			bpf_cpumask_clear_cpu(5, mask2);
			bpf_cpumask_set_cpu(9, mask1);
			bpf_cpumask_set_cpu(0, mask1);
			bpf_cpumask_set_cpu(0, mask2);
		}
	}

	/* 1 and 5 at first; then 5 comes to the second mask, and 70 goes from it. */
	set(mask1, 1, 5, 70);
	set(mask2, 2, 6, 70);
	bpf_for_each_cpu_andnot(cpu, (const struct cpumask *)mask1, (const struct cpumask *)mask2) {
		step(&first_alone, cpu);
		if (cpu == 1) {
			bpf_cpumask_set_cpu(5, mask2);
			bpf_cpumask_clear_cpu(70, mask2);
			bpf_cpumask_set_cpu(0, mask1);
		}
	}

	bpf_cpumask_release(mask1);
	bpf_cpumask_release(mask2);
	return 0;
}
