// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The verifier watches the stack, so that is where an iterator has to be. */
#include "guest.h"

struct bpf_iter_cpumask it;

SEC("raw_tp")
__refused("R1 expected pointer to an iterator on stack")
int not_on_stack(void *ctx)
{
	bpf_iter_cpumask_new(&it, bpf_cpu_possible_mask());
	bpf_iter_cpumask_destroy(&it);
	return 0;
}
