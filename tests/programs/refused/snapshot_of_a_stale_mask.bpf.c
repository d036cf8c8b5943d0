// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A mask that was read in an RCU section cannot be copied after it. */
#include "guest.h"

struct cpu_walk walk;

SEC("syscall")
__refused("R2 must be a rcu pointer")
int snapshot_of_a_stale_mask(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct cpumask *mask;
	int cpu;

	bpf_rcu_read_lock();
	mask = task->cpus_ptr;
	bpf_rcu_read_unlock();
	bpf_for_each_cpu_snapshot(cpu, mask)
		step(&walk, cpu);
	return 0;
}
