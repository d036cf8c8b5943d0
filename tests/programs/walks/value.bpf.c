// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A map's value as a mask: it holds as many bits as the kernel was built for. */
#include "guest.h"

struct cpu_walk walk;

/* User space fills it in. */
struct cpumask mask;

SEC("raw_tp")
int walk_value(void *ctx)
{
	int cpu;

	bpf_for_each_cpu(cpu, &mask)
		step(&walk, cpu);
	return 0;
}
