// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A number is no mask. */
#include "guest.h"

struct cpu_walk walk;

SEC("raw_tp")
__refused_on("patched", "R2 is scalar expected STRUCT cpumask")
__refused("R2 type=scalar expected=")
int scalar_mask(void *ctx)
{
	int cpu;

	bpf_for_each_cpu(cpu, (const struct cpumask *)(unsigned long)bpf_get_prandom_u32())
		step(&walk, cpu);
	return 0;
}
