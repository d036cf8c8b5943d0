// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The kernel's own masks, each walked once, and the bound of every walk. */
#include "guest.h"

struct cpu_walk walk;
__u32 nr_cpu_ids;

SEC("raw_tp")
int possible_cpus(void *ctx)
{
	int cpu;

	bpf_for_each_possible_cpu(cpu)
		step(&walk, cpu);
	return 0;
}

SEC("raw_tp")
int present_cpus(void *ctx)
{
	int cpu;

	bpf_for_each_present_cpu(cpu)
		step(&walk, cpu);
	return 0;
}

SEC("raw_tp")
int online_cpus(void *ctx)
{
	int cpu;

	bpf_for_each_online_cpu(cpu)
		step(&walk, cpu);
	return 0;
}

SEC("raw_tp")
int active_cpus(void *ctx)
{
	int cpu;

	bpf_for_each_cpu(cpu, bpf_cpu_active_mask())
		step(&walk, cpu);
	return 0;
}

SEC("raw_tp")
int enabled_cpus(void *ctx)
{
	int cpu;

	bpf_for_each_cpu(cpu, bpf_cpu_enabled_mask())
		step(&walk, cpu);
	return 0;
}

SEC("raw_tp")
int dying_cpus(void *ctx)
{
	int cpu;

	bpf_for_each_cpu(cpu, bpf_cpu_dying_mask())
		step(&walk, cpu);
	return 0;
}

/* libbpf's own loop: it hands out pointers. */
SEC("raw_tp")
int pointers(void *ctx)
{
	int *cpu;

	bpf_for_each(cpumask, cpu, bpf_cpu_possible_mask())
		step(&walk, *cpu);
	return 0;
}

SEC("raw_tp")
int bound(void *ctx)
{
	nr_cpu_ids = bpf_nr_cpu_ids();
	return 0;
}
