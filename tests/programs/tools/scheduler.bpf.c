// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A scheduler that wakes a task on the first idle CPU of those that it may run on. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "bpf_iter_cpumask.h"

bool scx_bpf_test_and_clear_cpu_idle(s32 cpu) __weak __ksym;
char _license[] SEC("license") = "GPL";

/* The task to watch, and how often it was woken where. */
int pid;
__u32 picked[64];
__u32 none_idle;

SEC("struct_ops/select_cpu")
s32 BPF_PROG(select_cpu, struct task_struct *task, s32 prev_cpu, u64 wake_flags)
{
	int cpu;

	bpf_for_each_cpu(cpu, task->cpus_ptr) {
		if (!scx_bpf_test_and_clear_cpu_idle(cpu))
			continue;
		if (task->pid == pid)
			picked[cpu & 63]++;
		return cpu;
	}
	if (task->pid == pid)
		none_idle++;
	return prev_cpu;
}

SEC(".struct_ops.link")
struct sched_ext_ops scheduler = {
	.select_cpu = (void *)select_cpu,
	.name = "first_idle",
};
