// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* For each packet in traffic control. */
#include "guest.h"

struct cpu_walk walk;

SEC("tc")
int walk_online(struct __sk_buff *ctx)
{
	int cpu;

	bpf_for_each_online_cpu(cpu)
		step(&walk, cpu);
	return 0;
}
