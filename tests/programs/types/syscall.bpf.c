// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* On request, and it may sleep: the RCU section is the program's own. */
#include "guest.h"

struct cpu_walk walk;

SEC("syscall")
int walk_online(void *ctx)
{
	int cpu;

	bpf_rcu_read_lock();
	bpf_for_each_online_cpu(cpu)
		step(&walk, cpu);
	bpf_rcu_read_unlock();
	return 0;
}
