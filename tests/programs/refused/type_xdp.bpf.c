// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* For each packet, before the network stack sees it. */
#include "guest.h"

struct cpu_walk walk;

SEC("xdp")
int walk_online(struct xdp_md *ctx)
{
	int cpu;

	bpf_for_each_online_cpu(cpu)
		step(&walk, cpu);
	return XDP_PASS;
}
