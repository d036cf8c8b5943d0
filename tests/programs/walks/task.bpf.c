// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The CPUs that a task may run on, by its affinity or by its cpuset. */
#include "guest.h"

struct cpu_walk walk;
int pid;

/* A reference keeps the task; its mask stays for as long as RCU holds. */
SEC("raw_tp")
int of_pid(void *ctx)
{
	struct task_struct *task;
	int cpu;

	task = bpf_task_from_pid(pid);
	if (!task)
		return -1;
	bpf_for_each_cpu(cpu, &task->cpus_mask)
		step(&walk, cpu);
	bpf_task_release(task);
	return 0;
}

/* The same from a program that may sleep, which has to open the section itself. */
SEC("syscall")
int of_pid_sleepable(void *ctx)
{
	struct task_struct *task;
	int cpu;

	task = bpf_task_from_pid(pid);
	if (!task)
		return -1;
	bpf_rcu_read_lock();
	bpf_for_each_cpu(cpu, &task->cpus_mask)
		step(&walk, cpu);
	bpf_rcu_read_unlock();
	bpf_task_release(task);
	return 0;
}

/* What the scheduler goes by: the same mask for a task that does not keep from migrating. */
SEC("raw_tp")
int pointed_at(void *ctx)
{
	struct task_struct *task;
	int cpu;

	task = bpf_task_from_pid(pid);
	if (!task)
		return -1;
	bpf_for_each_cpu(cpu, task->cpus_ptr)
		step(&walk, cpu);
	bpf_task_release(task);
	return 0;
}
