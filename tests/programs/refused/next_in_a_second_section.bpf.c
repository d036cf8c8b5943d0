// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A second RCU section does not bring the iterator of the first one back. */
#include "guest.h"

struct cpu_walk walk;

SEC("syscall")
__refused("expected an RCU CS when using bpf_iter_cpumask_next")
int next_in_a_second_section(void *ctx)
{
	struct bpf_iter_cpumask it;
	int *cpu;

	bpf_rcu_read_lock();
	bpf_iter_cpumask_new(&it, bpf_cpu_possible_mask());
	bpf_rcu_read_unlock();
	bpf_rcu_read_lock();
	cpu = bpf_iter_cpumask_next(&it);
	if (cpu)
		step(&walk, *cpu);
	bpf_iter_cpumask_destroy(&it);
	bpf_rcu_read_unlock();
	return 0;
}
