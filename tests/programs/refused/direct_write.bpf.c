// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The iterator's words are the kernel's own: who writes there has no iterator any more. */
#include "guest.h"

struct cpu_walk walk;

SEC("raw_tp")
__refused("expected an initialized iter_cpumask as R1")
int direct_write(void *ctx)
{
	struct bpf_iter_cpumask it;
	int *cpu;

	bpf_iter_cpumask_new(&it, bpf_cpu_possible_mask());
	*(volatile __u64 *)&it = 0;
	cpu = bpf_iter_cpumask_next(&it);
	if (cpu)
		step(&walk, *cpu);
	bpf_iter_cpumask_destroy(&it);
	return 0;
}
