// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The end of a subprogram does not end its iterator. */
#include "guest.h"

struct cpu_walk walk;

static __noinline int leak(void)
{
	struct bpf_iter_cpumask it;
	int *cpu;

	bpf_iter_cpumask_new(&it, bpf_cpu_possible_mask());
	cpu = bpf_iter_cpumask_next(&it);
	if (cpu)
		step(&walk, *cpu);
	return 0;
}

SEC("raw_tp")
__refused("Unreleased reference id=")
int leak_from_subprogram(void *ctx)
{
	return leak();
}
