// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The program cannot change the CPU it was handed. */
#include "guest.h"

SEC("raw_tp")
__refused("R0 cannot write into rdonly_mem")
int write_through_pointer(void *ctx)
{
	struct bpf_iter_cpumask it;
	int *cpu;

	bpf_iter_cpumask_new(&it, bpf_cpu_possible_mask());
	cpu = bpf_iter_cpumask_next(&it);
	if (cpu)
		*cpu = 7;
	bpf_iter_cpumask_destroy(&it);
	return 0;
}
