// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A mask that may be missing has to be checked first. */
#include "guest.h"

struct cpu_walk walk;

SEC("raw_tp")
__refused("Possibly NULL pointer passed to trusted R2")
int maybe_null_mask(void *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();
	int cpu;

	bpf_for_each_cpu(cpu, (const struct cpumask *)mask)
		step(&walk, cpu);
	if (mask)
		bpf_cpumask_release(mask);
	return 0;
}
