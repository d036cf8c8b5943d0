// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The kfuncs are not for programs that could hand in memory of a packet. */
#include "guest.h"

struct cpu_walk walk;

SEC("xdp")
__refused("calling kernel function bpf_cpu_online_mask is not allowed")
int type_xdp(struct xdp_md *ctx)
{
	int cpu;

	bpf_for_each_online_cpu(cpu)
		step(&walk, cpu);
	return 0;
}
