// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* No step after the end. */
#include "guest.h"

struct cpu_walk walk;

SEC("raw_tp")
__refused("expected an initialized iter_cpumask as R1")
int next_after_destroy(void *ctx)
{
	struct bpf_iter_cpumask it;
	int *cpu;

	bpf_iter_cpumask_new(&it, bpf_cpu_possible_mask());
	bpf_iter_cpumask_destroy(&it);
	cpu = bpf_iter_cpumask_next(&it);
	if (cpu)
		step(&walk, *cpu);
	return 0;
}
