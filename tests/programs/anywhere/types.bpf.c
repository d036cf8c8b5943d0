// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs that may not call the iterator's kfuncs, and one that may not sleep while it does. */
#define BPF_ITER_CPUMASK_NO_KFUNC
#include "anywhere.h"

SEC("kprobe/do_exit")
int kprobe(struct pt_regs *ctx)
{
	int cpu;

	bpf_for_each_possible_cpu(cpu)
		step(cpu);
	return 0;
}

SEC("tc")
int packet(struct __sk_buff *ctx)
{
	int cpu;

	bpf_for_each_cpu_and(cpu, bpf_cpu_present_mask(), bpf_cpu_online_mask())
		step(cpu);
	return 0;
}

SEC("perf_event")
int clock(struct bpf_perf_event_data *ctx)
{
	int cpu;

	bpf_for_each_cpu_snapshot(cpu, bpf_cpu_online_mask())
		step(cpu);
	return 0;
}
