// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two masks of the kernel's own: a program that may sleep opens an RCU section all the same. */
#include "guest.h"

struct cpu_walk walk;

SEC("syscall")
__refused("kernel func bpf_iter_cpumask_and_new requires RCU critical section protection")
int and_sleepable_without_rcu(void *ctx)
{
	int cpu;

	bpf_for_each_cpu_and(cpu, bpf_cpu_possible_mask(), bpf_cpu_online_mask())
		step(&walk, cpu);
	return 0;
}
