// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Walks over a copy of a mask, whose body may sleep. */
#include "guest.h"

struct cpu_walk walk;
int pid;

/* Where user space keeps a word, and what the program reads there. */
const void *user;
__u32 words_read;

/* User space fills it in. */
struct cpumask mask;

SEC("raw_tp")
int possible_cpus(void *ctx)
{
	int cpu;

	bpf_for_each_cpu_snapshot(cpu, bpf_cpu_possible_mask())
		step(&walk, cpu);
	return 0;
}

SEC("raw_tp")
int online_cpus(void *ctx)
{
	int cpu;

	bpf_for_each_cpu_snapshot(cpu, bpf_cpu_online_mask())
		step(&walk, cpu);
	return 0;
}

SEC("raw_tp")
int walk_value(void *ctx)
{
	int cpu;

	bpf_for_each_cpu_snapshot(cpu, &mask)
		step(&walk, cpu);
	return 0;
}

/* libbpf's own loop. What is trusted needs no RCU, also in a program that may sleep. */
SEC("syscall")
int pointers(void *ctx)
{
	int *cpu;

	bpf_for_each(cpumask_snapshot, cpu, bpf_cpu_possible_mask())
		step(&walk, *cpu);
	return 0;
}

/* A task's mask stays no longer than the task, and the body may sleep all the same. */
SEC("syscall")
int sleeps(void *ctx)
{
	struct task_struct *task;
	int cpu, ret = 0;
	__u32 word;

	task = bpf_task_from_pid(pid);
	if (!task)
		return -1;
	bpf_for_each_cpu_snapshot(cpu, &task->cpus_mask) {
		ret = bpf_copy_from_user(&word, sizeof(word), user);
		if (ret)
			break;
		words_read += word;
		step(&walk, cpu);
	}
	bpf_task_release(task);
	return ret;
}

/* The copy outlives the RCU section, and the task that it is of. */
SEC("syscall")
int outlives_the_task(void *ctx)
{
	struct bpf_iter_cpumask_snapshot it;
	struct task_struct *task;
	int *cpu, ret;

	task = bpf_task_from_pid(pid);
	if (!task)
		return -1;
	bpf_rcu_read_lock();
	ret = bpf_iter_cpumask_snapshot_new(&it, task->cpus_ptr);
	bpf_rcu_read_unlock();
	bpf_task_release(task);
	while ((cpu = bpf_iter_cpumask_snapshot_next(&it)))
		step(&walk, *cpu);
	bpf_iter_cpumask_snapshot_destroy(&it);
	return ret;
}

/* Whatever happens to the mask, the copy stays; once NULL, always NULL. */
SEC("raw_tp")
int change_ahead(void *ctx)
{
	struct bpf_iter_cpumask_snapshot it;
	struct bpf_cpumask *mask = bpf_cpumask_create();
	int *cpu, ret = 0;

	if (!mask)
		return -1;
	bpf_cpumask_set_cpu(1, mask);
	bpf_cpumask_set_cpu(5, mask);
	bpf_cpumask_set_cpu(70, mask);
	bpf_iter_cpumask_snapshot_new(&it, (const struct cpumask *)mask);
	bpf_cpumask_clear(mask);
	while ((cpu = bpf_iter_cpumask_snapshot_next(&it))) {
		step(&walk, *cpu);
		bpf_cpumask_set_cpu(9, mask);
		bpf_cpumask_set_cpu(66, mask);
		bpf_cpumask_set_cpu(71, mask);
	}
	if (bpf_iter_cpumask_snapshot_next(&it))
		ret = -1;
	bpf_iter_cpumask_snapshot_destroy(&it);
	bpf_cpumask_release(mask);
	return ret;
}
