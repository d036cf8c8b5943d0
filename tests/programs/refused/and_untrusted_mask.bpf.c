// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The second mask has to be as good as the first one. */
#include "guest.h"

struct cpu_walk walk;

SEC("raw_tp")
__refused("R3 must be a rcu pointer")
int and_untrusted_mask(void *ctx)
{
	struct task_struct *task;
	int cpu;

	task = bpf_core_cast((void *)bpf_get_current_task(), struct task_struct);
	bpf_for_each_cpu_and(cpu, bpf_cpu_possible_mask(), task->cpus_ptr)
		step(&walk, cpu);
	return 0;
}
