// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The second mask may not be missing, either. */
#include "guest.h"

struct cpu_walk walk;

SEC("raw_tp")
__refused("Possibly NULL pointer passed to trusted R3")
int andnot_maybe_null_mask(void *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();
	int cpu;

	bpf_for_each_cpu_andnot(cpu, bpf_cpu_possible_mask(), (const struct cpumask *)mask)
		step(&walk, cpu);
	if (mask)
		bpf_cpumask_release(mask);
	return 0;
}
