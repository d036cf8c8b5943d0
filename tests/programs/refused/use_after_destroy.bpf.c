// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The pointer that a step gave lies in the iterator, and goes with it. */
#include "guest.h"

SEC("raw_tp")
__refused("R6 invalid mem access 'scalar'")
int use_after_destroy(void *ctx)
{
	struct bpf_iter_cpumask it;
	int *cpu;

	bpf_iter_cpumask_new(&it, bpf_cpu_possible_mask());
	cpu = bpf_iter_cpumask_next(&it);
	bpf_iter_cpumask_destroy(&it);
	return cpu ? *cpu : -1;
}
