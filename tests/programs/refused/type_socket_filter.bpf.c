// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* As for type_xdp, for each packet that a socket receives. */
#include "guest.h"

struct cpu_walk walk;

SEC("socket")
__refused("calling kernel function bpf_cpu_online_mask is not allowed")
int type_socket_filter(struct __sk_buff *ctx)
{
	int cpu;

	bpf_for_each_online_cpu(cpu)
		step(&walk, cpu);
	return 0;
}
