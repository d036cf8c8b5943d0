// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A task that has migration disabled, and what another program sees of its CPUs meanwhile. */
#include "guest.h"

int pid;

/* Looks at the task, and walks that did not meet every CPU that it may run on. */
__u32 looks, short_of_mask, short_of_pointer;
/* How many CPUs it may run on. */
__u32 allowed;

/* While a program runs, the task cannot migrate. This one may sleep, so it can be preempted. */
SEC("syscall")
int stay(void *ctx)
{
	int i;

	bpf_for(i, 0, 1 << 18)
		barrier_var(i);
	return 0;
}

static __always_inline bool is_short(const struct cpumask *mask)
{
	__u32 len = 0;
	int cpu;

	bpf_for_each_cpu(cpu, mask)
		len++;
	return len < allowed;
}

SEC("raw_tp")
int look(void *ctx)
{
	struct task_struct *task;

	task = bpf_task_from_pid(pid);
	if (!task)
		return -1;
	looks++;
	short_of_mask += is_short(&task->cpus_mask);
	short_of_pointer += is_short(task->cpus_ptr);
	bpf_task_release(task);
	return 0;
}
