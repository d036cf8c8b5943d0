// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* For each packet that a cgroup sends. */
#include "guest.h"

struct cpu_walk walk;

SEC("cgroup_skb/egress")
int walk_online(struct __sk_buff *ctx)
{
	int cpu;

	bpf_for_each_online_cpu(cpu)
		step(&walk, cpu);
	return 1;
}
