// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Walks, and copies where there are any, with nothing that can come in between. */
#include "guest.h"

struct cpu_walk walk, copy;

static __always_inline void walk_both(void)
{
	int cpu, *copied;

	bpf_for_each_possible_cpu(cpu)
		step(&walk, cpu);
	if (!bpf_ksym_exists(bpf_iter_cpumask_snapshot_new))
		return;
	bpf_for_each(cpumask_snapshot, copied, bpf_cpu_possible_mask())
		step(&copy, *copied);
}

SEC("raw_tp")
int without_preemption(void *ctx)
{
	bpf_preempt_disable();
	walk_both();
	bpf_preempt_enable();
	return 0;
}

SEC("raw_tp")
int without_interrupts(void *ctx)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	walk_both();
	bpf_local_irq_restore(&flags);
	return 0;
}
