// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Every loop of the header, in one object for all kernels. */
#include "anywhere.h"

/* How bpf_for_each_cpu() walks here: 0 the iterator, 1 bpf_iter_num, 2 steps up to a bound. */
SEC("raw_tp")
int way(void *ctx)
{
	return ___cpus_way(bpf_iter_cpumask_new);
}

SEC("raw_tp")
int bound(void *ctx)
{
	return bpf_nr_cpu_ids();
}

SEC("raw_tp")
int possible_cpus(void *ctx)
{
	int cpu;

	bpf_for_each_possible_cpu(cpu)
		step(cpu);
	return 0;
}

SEC("raw_tp")
int present_cpus(void *ctx)
{
	int cpu;

	bpf_for_each_present_cpu(cpu)
		step(cpu);
	return 0;
}

SEC("raw_tp")
int online_cpus(void *ctx)
{
	int cpu;

	bpf_for_each_online_cpu(cpu)
		step(cpu);
	return 0;
}

SEC("raw_tp")
int active_cpus(void *ctx)
{
	int cpu;

	bpf_for_each_cpu(cpu, bpf_cpu_active_mask())
		step(cpu);
	return 0;
}

SEC("raw_tp")
int present_and_online(void *ctx)
{
	int cpu;

	bpf_for_each_cpu_and(cpu, bpf_cpu_present_mask(), bpf_cpu_online_mask())
		step(cpu);
	return 0;
}

SEC("raw_tp")
int possible_not_online(void *ctx)
{
	int cpu;

	bpf_for_each_cpu_andnot(cpu, bpf_cpu_possible_mask(), bpf_cpu_online_mask())
		step(cpu);
	return 0;
}

SEC("raw_tp")
int copy_of_online(void *ctx)
{
	int cpu;

	bpf_for_each_cpu_snapshot(cpu, bpf_cpu_online_mask())
		step(cpu);
	return 0;
}

/* User space fills it in. */
struct cpumask mask SEC(".data.mask");

SEC("raw_tp")
int walk_value(void *ctx)
{
	int cpu;

	bpf_for_each_cpu(cpu, &mask)
		step(cpu);
	return 0;
}

SEC("raw_tp")
int copy_of_value(void *ctx)
{
	int cpu;

	bpf_for_each_cpu_snapshot(cpu, &mask)
		step(cpu);
	return 0;
}

/* The mask of a task that is switched to. */
int pid;

SEC("tp_btf/sched_switch")
int BPF_PROG(task_cpus, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	int cpu;

	if (next->pid != pid)
		return 0;
	walk.len = 0;
	bpf_for_each_cpu(cpu, &next->cpus_mask)
		step(cpu);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(task_cpus_online, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	int cpu;

	if (next->pid != pid)
		return 0;
	walk.len = 0;
	bpf_for_each_cpu_and(cpu, &next->cpus_mask, bpf_cpu_online_mask())
		step(cpu);
	return 0;
}

/* The ways out of a loop. */
SEC("raw_tp")
int left_by_break(void *ctx)
{
	int cpu;

	bpf_for_each_possible_cpu(cpu) {
		step(cpu);
		if (cpu >= 4)
			break;
	}
	step(1000);
	return 0;
}

SEC("raw_tp")
int left_by_return(void *ctx)
{
	int cpu;

	bpf_for_each_possible_cpu(cpu) {
		step(cpu);
		if (cpu >= 2)
			return 7;
	}
	return 0;
}

SEC("raw_tp")
int every_second_by_continue(void *ctx)
{
	int cpu;

	bpf_for_each_possible_cpu(cpu) {
		if (cpu & 1)
			continue;
		step(cpu);
	}
	return 0;
}

/* The else is not the loop's. */
SEC("raw_tp")
int before_an_else(void *ctx)
{
	int cpu;

	if (pid)
		bpf_for_each_possible_cpu(cpu)
			step(cpu);
	else
		step(1000);
	return 0;
}

/* One loop after the other, and a body that changes what it is given. */
SEC("raw_tp")
int two_after_another(void *ctx)
{
	int cpu;

	bpf_for_each_online_cpu(cpu) {
		step(cpu);
		cpu = 0;
	}
	bpf_for_each_present_cpu(cpu) {
		step(cpu);
		cpu = 77;
	}
	return 0;
}
