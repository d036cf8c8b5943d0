// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a scheduler's callbacks do besides placing tasks: helpers, kfuncs, fields of a task. */
#include "guest.h"

struct seen {
	__u64 when;
	__u32 cpus;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct seen);
} tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} queued SEC(".maps");

__u64 last;
__u32 ticks, cpus;

/* Counts the CPUs of the task. */
SEC("struct_ops/select_cpu")
s32 BPF_PROG(select_cpu, struct task_struct *task, s32 prev_cpu, u64 wake_flags)
{
	struct seen *seen;
	int cpu;

	seen = bpf_task_storage_get(&tasks, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!seen)
		return prev_cpu;
	seen->when = bpf_ktime_get_ns();
	seen->cpus = 0;
	bpf_for_each_cpu(cpu, task->cpus_ptr)
		seen->cpus++;
	return seen->cpus ? prev_cpu : (s32)bpf_get_smp_processor_id();
}

SEC("struct_ops/enqueue")
void BPF_PROG(enqueue, struct task_struct *task, u64 enq_flags)
{
	__u32 pid = task->pid;
	__u64 one = 1, *n;

	n = bpf_map_lookup_elem(&queued, &pid);
	if (n)
		__sync_fetch_and_add(n, 1);
	else
		bpf_map_update_elem(&queued, &pid, &one, BPF_NOEXIST);
	scx_bpf_dsq_insert(task, SCX_DSQ_GLOBAL, SCX_SLICE_DFL, enq_flags);
}

static long take(__u64 i, void *ctx)
{
	return !scx_bpf_dsq_move_to_local(SCX_DSQ_GLOBAL);
}

/* @prev may be NULL. */
SEC("struct_ops/dispatch")
void BPF_PROG(dispatch, s32 cpu, struct task_struct *prev)
{
	if (prev)
		last = prev->se.sum_exec_runtime;
	bpf_loop(4, take, NULL, 0);
}

SEC("struct_ops/running")
void BPF_PROG(running, struct task_struct *task)
{
	task->scx.slice = SCX_SLICE_DFL;
	task->scx.dsq_vtime = last;
}

static long forget(struct bpf_map *map, __u32 *key, __u64 *value, void *ctx)
{
	*value = 0;
	return 0;
}

SEC("struct_ops/tick")
void BPF_PROG(tick, struct task_struct *task)
{
	if (++ticks % 1024 == 0) {
		bpf_for_each_map_elem(&queued, forget, NULL, 0);
		bpf_printk("%d ticks on cpu %d", ticks, scx_bpf_task_cpu(task));
	}
}

/* It may sleep, so it has to say how long the mask is used. */
SEC("struct_ops.s/init_task")
s32 BPF_PROG(init_task, struct task_struct *task, struct scx_init_task_args *args)
{
	int cpu;

	bpf_rcu_read_lock();
	bpf_for_each_cpu(cpu, task->cpus_ptr)
		cpus++;
	bpf_rcu_read_unlock();
	return 0;
}

SEC("struct_ops.s/init")
s32 BPF_PROG(init)
{
	return scx_bpf_create_dsq(1, -1);
}

SEC(".struct_ops.link")
struct sched_ext_ops helpers = {
	.select_cpu = (void *)select_cpu,
	.enqueue = (void *)enqueue,
	.dispatch = (void *)dispatch,
	.running = (void *)running,
	.tick = (void *)tick,
	.init_task = (void *)init_task,
	.init = (void *)init,
	.name = "helpers",
};
