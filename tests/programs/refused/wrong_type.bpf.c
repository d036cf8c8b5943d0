// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A task is no mask, however well it is kept. */
#include "guest.h"

struct cpu_walk walk;

SEC("raw_tp")
__refused("kernel function bpf_iter_cpumask_new R2 expected pointer to STRUCT cpumask "
	  "but R2 has a pointer to STRUCT task_struct")
int wrong_type(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	int cpu;

	bpf_for_each_cpu(cpu, (const struct cpumask *)task)
		step(&walk, cpu);
	return 0;
}
