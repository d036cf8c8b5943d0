// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where it is the lack of preemption that keeps the mask, the iterator dies with that. */
#include "guest.h"

struct cpu_walk walk;

SEC("syscall")
__refused_on("7.2", "kernel func bpf_iter_cpumask_new requires RCU critical section protection")
__refused("expected an RCU CS when using bpf_iter_cpumask_next")
int next_after_preempt_enable(void *ctx)
{
	struct bpf_iter_cpumask it;
	int *cpu;

	bpf_preempt_disable();
	bpf_iter_cpumask_new(&it, bpf_cpu_possible_mask());
	bpf_preempt_enable();
	cpu = bpf_iter_cpumask_next(&it);
	if (cpu)
		step(&walk, *cpu);
	bpf_iter_cpumask_destroy(&it);
	return 0;
}
