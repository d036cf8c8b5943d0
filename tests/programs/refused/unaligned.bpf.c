// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* An iterator begins at a stack slot. */
#include "guest.h"

SEC("raw_tp")
__refused("cannot pass in iter at an offset=-")
int unaligned(void *ctx)
{
	char bytes[sizeof(struct bpf_iter_cpumask) + 8] __attribute__((aligned(8)));
	struct bpf_iter_cpumask *it = (void *)(bytes + 4);

	bpf_iter_cpumask_new(it, bpf_cpu_possible_mask());
	bpf_iter_cpumask_destroy(it);
	return 0;
}
