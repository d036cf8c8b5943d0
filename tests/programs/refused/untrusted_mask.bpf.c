// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A pointer from a cast has nobody who keeps it alive. */
#include "guest.h"

struct cpu_walk walk;

SEC("raw_tp")
__refused("R2 must be a rcu pointer")
int untrusted_mask(void *ctx)
{
	struct task_struct *task;
	int cpu;

	task = bpf_core_cast((void *)bpf_get_current_task(), struct task_struct);
	bpf_for_each_cpu(cpu, task->cpus_ptr)
		step(&walk, cpu);
	return 0;
}
