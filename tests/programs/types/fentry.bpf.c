// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* At the entry of a kernel function. */
#include "guest.h"

struct cpu_walk walk;

SEC("fentry/bpf_fentry_test1")
int BPF_PROG(walk_online, int a)
{
	int cpu;

	bpf_for_each_online_cpu(cpu)
		step(&walk, cpu);
	return 0;
}
