// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The CPUs that are in two masks, and those that are in one and not in the other. */
#include "guest.h"

struct cpu_walk walk;
int pid;

/* User space fills them in. */
struct cpumask mask1, mask2;

SEC("raw_tp")
int and_values(void *ctx)
{
	int cpu;

	bpf_for_each_cpu_and(cpu, &mask1, &mask2)
		step(&walk, cpu);
	return 0;
}

SEC("raw_tp")
int andnot_values(void *ctx)
{
	int cpu;

	bpf_for_each_cpu_andnot(cpu, &mask1, &mask2)
		step(&walk, cpu);
	return 0;
}

SEC("raw_tp")
int online_and_active(void *ctx)
{
	int cpu;

	bpf_for_each_cpu_and(cpu, bpf_cpu_online_mask(), bpf_cpu_active_mask())
		step(&walk, cpu);
	return 0;
}

SEC("raw_tp")
int present_not_online(void *ctx)
{
	int cpu;

	bpf_for_each_cpu_andnot(cpu, bpf_cpu_present_mask(), bpf_cpu_online_mask())
		step(&walk, cpu);
	return 0;
}

/* libbpf's own loop: it hands out pointers. */
SEC("raw_tp")
int and_pointers(void *ctx)
{
	int *cpu;

	bpf_for_each(cpumask_and, cpu, bpf_cpu_possible_mask(), bpf_cpu_present_mask())
		step(&walk, *cpu);
	return 0;
}

SEC("raw_tp")
int andnot_pointers(void *ctx)
{
	int *cpu;

	bpf_for_each(cpumask_andnot, cpu, bpf_cpu_possible_mask(), bpf_cpu_present_mask())
		step(&walk, *cpu);
	return 0;
}

/* A mask that is RCU protected and one that is trusted, in a program that may sleep. */
SEC("syscall")
int allowed_and_online(void *ctx)
{
	struct task_struct *task;
	int cpu;

	task = bpf_task_from_pid(pid);
	if (!task)
		return -1;
	bpf_rcu_read_lock();
	bpf_for_each_cpu_and(cpu, task->cpus_ptr, bpf_cpu_online_mask())
		step(&walk, cpu);
	bpf_rcu_read_unlock();
	bpf_task_release(task);
	return 0;
}

SEC("syscall")
int online_not_allowed(void *ctx)
{
	struct task_struct *task;
	int cpu;

	task = bpf_task_from_pid(pid);
	if (!task)
		return -1;
	bpf_rcu_read_lock();
	bpf_for_each_cpu_andnot(cpu, bpf_cpu_online_mask(), task->cpus_ptr)
		step(&walk, cpu);
	bpf_rcu_read_unlock();
	bpf_task_release(task);
	return 0;
}

/* The three iterators nested, each in its own slots. */
SEC("raw_tp")
int nested(void *ctx)
{
	const struct cpumask *online = bpf_cpu_online_mask();
	int outer, middle, inner;

	bpf_for_each_cpu_and(outer, bpf_cpu_possible_mask(), online)
		bpf_for_each_cpu_andnot(middle, online, bpf_cpu_dying_mask())
			bpf_for_each_cpu(inner, online)
				if (outer == middle && middle == inner)
					step(&walk, outer);
	return 0;
}
