// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A scheduler: it claims the first idle CPU among those that a task may run on. */
#include "guest.h"

struct cpu_walk walk;

/* The task to watch: the CPUs it may run on, and how often it was put on one. */
int pid;
__u32 ran;

/* How often an idle CPU was found, and why the kernel let the scheduler go. */
__u32 claimed;
__u32 exit_kind;

SEC("struct_ops/select_cpu")
s32 BPF_PROG(select_cpu, struct task_struct *task, s32 prev_cpu, u64 wake_flags)
{
	int cpu;

	/* Where it may be put now: where it may run, but for the time that it cannot migrate. */
	bpf_for_each_cpu(cpu, task->cpus_ptr) {
		if (scx_bpf_test_and_clear_cpu_idle(cpu)) {
			scx_bpf_dsq_insert(task, SCX_DSQ_LOCAL, SCX_SLICE_DFL, 0);
			__sync_fetch_and_add(&claimed, 1);
			return cpu;
		}
	}
	return prev_cpu;
}

SEC("struct_ops/enqueue")
void BPF_PROG(enqueue, struct task_struct *task, u64 enq_flags)
{
	scx_bpf_dsq_insert(task, SCX_DSQ_GLOBAL, SCX_SLICE_DFL, enq_flags);
}

SEC("struct_ops/running")
void BPF_PROG(running, struct task_struct *task)
{
	int cpu;

	if (task->pid != pid)
		return;
	if (!walk.len)
		bpf_for_each_cpu(cpu, &task->cpus_mask)
			step(&walk, cpu);
	__sync_fetch_and_add(&ran, 1);
}

SEC("struct_ops/detached")
void BPF_PROG(detached, struct scx_exit_info *info)
{
	exit_kind = info->kind;
}

SEC(".struct_ops.link")
struct sched_ext_ops scheduler = {
	.select_cpu = (void *)select_cpu,
	.enqueue = (void *)enqueue,
	.running = (void *)running,
	.exit = (void *)detached,
	.name = "first_idle",
};
