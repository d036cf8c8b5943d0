// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* At a tracepoint with typed arguments: the affinity that a new task starts with. */
#include "guest.h"

struct cpu_walk walk;
__u32 tgid;

SEC("tp_btf/task_newtask")
int BPF_PROG(walk_new_task, struct task_struct *task, u64 clone_flags)
{
	int cpu;

	if (bpf_get_current_pid_tgid() >> 32 != tgid || walk.len)
		return 0;
	bpf_for_each_cpu(cpu, &task->cpus_mask)
		step(&walk, cpu);
	return 0;
}
