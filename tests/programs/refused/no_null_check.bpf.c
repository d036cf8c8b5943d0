// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The walk may be over. The verifier looks at that path first, and there it knows the result to be
 * 0, a number: so it speaks of a scalar, not of a pointer that may be NULL.
 */
#include "guest.h"

SEC("raw_tp")
__refused("R0 invalid mem access 'scalar'")
int no_null_check(void *ctx)
{
	struct bpf_iter_cpumask it;
	int cpu;

	bpf_iter_cpumask_new(&it, bpf_cpu_possible_mask());
	cpu = *bpf_iter_cpumask_next(&it);
	bpf_iter_cpumask_destroy(&it);
	return cpu;
}
