// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The bound that is good for a loop in a loop before 6.4. With more CPUs nothing is walked. */
#define BPF_ITER_CPUMASK_MAX 64
#include "anywhere.h"

SEC("raw_tp")
int nested(void *ctx)
{
	int outer, inner;

	bpf_for_each_online_cpu(outer)
		bpf_for_each_present_cpu(inner)
			if (outer == inner)
				step(outer);
	return 0;
}

SEC("raw_tp")
int possible_cpus(void *ctx)
{
	int cpu;

	bpf_for_each_possible_cpu(cpu)
		step(cpu);
	return 0;
}

SEC("raw_tp")
int copy_of_possible(void *ctx)
{
	int cpu;

	bpf_for_each_cpu_snapshot(cpu, bpf_cpu_possible_mask())
		step(cpu);
	return 0;
}
