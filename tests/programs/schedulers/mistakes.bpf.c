// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a scheduler's callbacks must not do. Each is a scheduler of its own. */
#include "guest.h"

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, 127 * sizeof(__u64));
} stacks SEC(".maps");

__u64 sum;

#define SCHEDULER(member, program) \
	SEC(".struct_ops.link") \
	struct sched_ext_ops ops_##program = { \
		.member = (void *)program, \
		.name = #program, \
	}

/* The last task of a CPU may be none. */
SEC("struct_ops/dispatch")
void BPF_PROG(unchecked_prev, s32 cpu, struct task_struct *prev)
{
	sum += prev->pid;
}

SCHEDULER(dispatch, unchecked_prev);

SEC("struct_ops/yield")
bool BPF_PROG(unchecked_to, struct task_struct *from, struct task_struct *to)
{
	return from->pid < to->pid;
}

SCHEDULER(yield, unchecked_to);

/* A task's fields are the kernel's, but for slice, virtual time and whether it is disallowed. */
SEC("struct_ops/running")
void BPF_PROG(writes_pid, struct task_struct *task)
{
	task->pid = 1;
}

SCHEDULER(running, writes_pid);

SEC("struct_ops/running")
void BPF_PROG(writes_past_disallow, struct task_struct *task)
{
	*(__u32 *)&task->scx.disallow = 1;
}

SCHEDULER(running, writes_past_disallow);

/* Another structure than a task. */
SEC("struct_ops/set_cpumask")
void BPF_PROG(writes_mask, struct task_struct *task, const struct cpumask *mask)
{
	*(__u64 *)mask = 1;
}

SCHEDULER(set_cpumask, writes_mask);

/* A callback that holds the run queue's lock. */
SEC("struct_ops.s/enqueue")
void BPF_PROG(sleeps, struct task_struct *task, u64 enq_flags)
{
	scx_bpf_dsq_insert(task, SCX_DSQ_GLOBAL, SCX_SLICE_DFL, enq_flags);
}

SCHEDULER(enqueue, sleeps);

/* A helper of tracing programs. */
SEC("struct_ops/tick")
void BPF_PROG(takes_stack, struct task_struct *task)
{
	sum += bpf_get_stackid(ctx, &stacks, 0);
}

SCHEDULER(tick, takes_stack);

SEC("struct_ops/tick")
void BPF_PROG(counts, struct task_struct *task)
{
	sum += bpf_get_func_ip(ctx);
}

SCHEDULER(tick, counts);

/* Kfuncs of other callbacks. */
SEC("struct_ops/tick")
void BPF_PROG(inserts, struct task_struct *task)
{
	scx_bpf_dsq_insert(task, SCX_DSQ_GLOBAL, SCX_SLICE_DFL, 0);
}

SCHEDULER(tick, inserts);

SEC("struct_ops/enqueue")
void BPF_PROG(moves, struct task_struct *task, u64 enq_flags)
{
	scx_bpf_dsq_move_to_local(SCX_DSQ_GLOBAL);
}

SCHEDULER(enqueue, moves);

SEC("struct_ops/dequeue")
void BPF_PROG(creates_queue, struct task_struct *task, u64 deq_flags)
{
	scx_bpf_create_dsq(1, -1);
}

SCHEDULER(dequeue, creates_queue);

/* It may sleep: the mask may go away under the walk. */
SEC("struct_ops.s/init_task")
s32 BPF_PROG(walks_unlocked, struct task_struct *task, struct scx_init_task_args *args)
{
	int cpu;

	bpf_for_each_cpu(cpu, task->cpus_ptr)
		sum += cpu;
	return 0;
}

SCHEDULER(init_task, walks_unlocked);

/* It has three arguments. */
SEC("struct_ops/select_cpu")
s32 BPF_PROG(reads_further, struct task_struct *task, s32 prev_cpu, u64 wake_flags)
{
	return ctx[3];
}

SCHEDULER(select_cpu, reads_further);
