// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The slot of one iterator type is no iterator of another one. */
#include "guest.h"

struct cpu_walk walk;

SEC("raw_tp")
__refused("expected an initialized iter_cpumask as R1")
int other_iterator(void *ctx)
{
	struct bpf_iter_num num[2];
	int *cpu;

	bpf_iter_num_new(&num[0], 0, 10);
	cpu = bpf_iter_cpumask_next((struct bpf_iter_cpumask *)&num[0]);
	if (cpu)
		step(&walk, *cpu);
	bpf_iter_num_destroy(&num[0]);
	return 0;
}
