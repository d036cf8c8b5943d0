// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* No step before the iterator is made. */
#include "guest.h"

struct cpu_walk walk;

SEC("raw_tp")
__refused("expected an initialized iter_cpumask as R1")
int next_uninitialized(void *ctx)
{
	struct bpf_iter_cpumask it;
	int *cpu;

	cpu = bpf_iter_cpumask_next(&it);
	if (cpu)
		step(&walk, *cpu);
	return 0;
}
