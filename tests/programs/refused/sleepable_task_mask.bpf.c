// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Outside of an RCU section a task's mask cannot be trusted. */
#include "guest.h"

struct cpu_walk walk;

SEC("syscall")
__refused("R2 must be a rcu pointer")
int sleepable_task_mask(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	int cpu;

	bpf_for_each_cpu(cpu, task->cpus_ptr)
		step(&walk, cpu);
	return 0;
}
