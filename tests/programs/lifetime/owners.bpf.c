// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The owner of the mask goes while it is walked: the mask stays to the end of the RCU section. */
#include "guest.h"

struct kept {
	struct task_struct __kptr * task;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kept);
} kept SEC(".maps");

struct cpu_walk walk;
int pid;

/* None of these CPUs is a bit of 0x6b, with which the kernel fills freed memory if asked to. */
static __always_inline struct bpf_cpumask *made(void)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();

	if (mask) {
		bpf_cpumask_set_cpu(2, mask);
		bpf_cpumask_set_cpu(4, mask);
		bpf_cpumask_set_cpu(66, mask);
		bpf_cpumask_set_cpu(68, mask);
	}
	return mask;
}

SEC("raw_tp")
int mask_released(void *ctx)
{
	struct bpf_cpumask *mask = made();
	struct bpf_iter_cpumask it;
	int *cpu;

	if (!mask)
		return -1;
	bpf_iter_cpumask_new(&it, (const struct cpumask *)mask);
	bpf_cpumask_release(mask);
	while ((cpu = bpf_iter_cpumask_next(&it)))
		step(&walk, *cpu);
	bpf_iter_cpumask_destroy(&it);
	return 0;
}

/* Both go, the second one in the midst of the walk. */
SEC("raw_tp")
int masks_released(void *ctx)
{
	struct bpf_cpumask *mask1, *mask2;
	struct bpf_iter_cpumask_and it;
	int *cpu;

	mask1 = made();
	if (!mask1)
		return -1;
	mask2 = made();
	if (!mask2) {
		bpf_cpumask_release(mask1);
		return -1;
	}
	bpf_iter_cpumask_and_new(&it, (const struct cpumask *)mask1, (const struct cpumask *)mask2);
	bpf_cpumask_release(mask1);
	cpu = bpf_iter_cpumask_and_next(&it);
	if (cpu)
		step(&walk, *cpu);
	bpf_cpumask_release(mask2);
	while ((cpu = bpf_iter_cpumask_and_next(&it)))
		step(&walk, *cpu);
	bpf_iter_cpumask_and_destroy(&it);
	return 0;
}

SEC("raw_tp")
int keep_task(void *ctx)
{
	struct task_struct *task;
	struct kept *value;
	__u32 zero = 0;

	value = bpf_map_lookup_elem(&kept, &zero);
	task = bpf_task_from_pid(pid);
	if (!task)
		return -1;
	if (value)
		task = bpf_kptr_xchg(&value->task, task);
	if (task)
		bpf_task_release(task);
	return 0;
}

/* A program that may sleep: nothing but the section keeps the task, which has ended. */
SEC("syscall")
int task_released(void *ctx)
{
	struct bpf_iter_cpumask it;
	struct task_struct *task;
	struct kept *value;
	__u32 zero = 0;
	int *cpu;

	value = bpf_map_lookup_elem(&kept, &zero);
	if (!value)
		return -1;
	task = bpf_kptr_xchg(&value->task, NULL);
	if (!task)
		return -1;
	bpf_rcu_read_lock();
	bpf_iter_cpumask_new(&it, &task->cpus_mask);
	bpf_task_release(task);
	while ((cpu = bpf_iter_cpumask_next(&it)))
		step(&walk, *cpu);
	bpf_iter_cpumask_destroy(&it);
	bpf_rcu_read_unlock();
	return 0;
}
