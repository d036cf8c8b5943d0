// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The two iterators hold the same, and yet one is not the other. */
#include "guest.h"

struct cpu_walk walk;

SEC("raw_tp")
__refused("expected an initialized iter_cpumask_andnot as R1")
int and_as_andnot(void *ctx)
{
	struct bpf_iter_cpumask_and it;
	int *cpu;

	bpf_iter_cpumask_and_new(&it, bpf_cpu_possible_mask(), bpf_cpu_online_mask());
	cpu = bpf_iter_cpumask_andnot_next((struct bpf_iter_cpumask_andnot *)&it);
	if (cpu)
		step(&walk, *cpu);
	bpf_iter_cpumask_and_destroy(&it);
	return 0;
}
