// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* To copy a task's mask takes RCU, or it may be gone before. */
#include "guest.h"

struct cpu_walk walk;

SEC("syscall")
__refused("R2 must be a rcu pointer")
int snapshot_task_mask_without_rcu(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	int *cpu;

	bpf_for_each(cpumask_snapshot, cpu, task->cpus_ptr)
		step(&walk, *cpu);
	return 0;
}
