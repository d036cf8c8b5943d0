// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A walk over two masks dies with the RCU section that it was made in. */
#include "guest.h"

struct cpu_walk walk;

SEC("syscall")
__refused("expected an RCU CS when using bpf_iter_cpumask_and_next")
int and_next_after_unlock(void *ctx)
{
	struct bpf_iter_cpumask_and it;
	int *cpu;

	bpf_rcu_read_lock();
	bpf_iter_cpumask_and_new(&it, bpf_cpu_possible_mask(), bpf_cpu_online_mask());
	bpf_rcu_read_unlock();
	cpu = bpf_iter_cpumask_and_next(&it);
	if (cpu)
		step(&walk, *cpu);
	bpf_iter_cpumask_and_destroy(&it);
	return 0;
}
