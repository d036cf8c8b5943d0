// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The same of interrupts that are off. */
#include "guest.h"

struct cpu_walk walk;

SEC("syscall")
__refused_on("7.2", "kernel func bpf_iter_cpumask_new requires RCU critical section protection")
__refused("expected an RCU CS when using bpf_iter_cpumask_next")
int next_after_irq_restore(void *ctx)
{
	struct bpf_iter_cpumask it;
	unsigned long flags;
	int *cpu;

	bpf_local_irq_save(&flags);
	bpf_iter_cpumask_new(&it, bpf_cpu_possible_mask());
	bpf_local_irq_restore(&flags);
	cpu = bpf_iter_cpumask_next(&it);
	if (cpu)
		step(&walk, *cpu);
	bpf_iter_cpumask_destroy(&it);
	return 0;
}
