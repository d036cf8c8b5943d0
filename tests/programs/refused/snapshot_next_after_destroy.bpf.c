// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* With the iterator its copy goes. */
#include "guest.h"

struct cpu_walk walk;

SEC("syscall")
__refused("expected an initialized iter_cpumask_snapshot as R1")
int snapshot_next_after_destroy(void *ctx)
{
	struct bpf_iter_cpumask_snapshot it;
	int *cpu;

	bpf_iter_cpumask_snapshot_new(&it, bpf_cpu_possible_mask());
	bpf_iter_cpumask_snapshot_destroy(&it);
	cpu = bpf_iter_cpumask_snapshot_next(&it);
	if (cpu)
		step(&walk, *cpu);
	return 0;
}
