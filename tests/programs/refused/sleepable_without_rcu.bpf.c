// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A program that may sleep has to open the RCU section itself. */
#include "guest.h"

struct cpu_walk walk;

SEC("syscall")
__refused("kernel func bpf_iter_cpumask_new requires RCU critical section protection")
int sleepable_without_rcu(void *ctx)
{
	int cpu;

	bpf_for_each_possible_cpu(cpu)
		step(&walk, cpu);
	return 0;
}
