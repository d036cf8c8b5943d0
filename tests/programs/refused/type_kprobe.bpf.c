// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Nor are they for probes, whose kfuncs the kernel registers apart from those of tracing. */
#include "guest.h"

struct cpu_walk walk;

SEC("kprobe/__x64_sys_getppid")
__refused("calling kernel function bpf_cpu_online_mask is not allowed")
int type_kprobe(void *ctx)
{
	int cpu;

	bpf_for_each_online_cpu(cpu)
		step(&walk, cpu);
	return 0;
}
