// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* An iterator is destroyed once. */
#include "guest.h"

SEC("raw_tp")
__refused("expected an initialized iter_cpumask as R1")
int double_destroy(void *ctx)
{
	struct bpf_iter_cpumask it;

	bpf_iter_cpumask_new(&it, bpf_cpu_possible_mask());
	bpf_iter_cpumask_destroy(&it);
	bpf_iter_cpumask_destroy(&it);
	return 0;
}
