// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The pointer is to an int, and no byte more. */
#include "guest.h"

SEC("raw_tp")
__refused("invalid access to memory, mem_size=4 off=0 size=8")
int wide_read(void *ctx)
{
	struct bpf_iter_cpumask it;
	__u64 wide = 0;
	int *cpu;

	bpf_iter_cpumask_new(&it, bpf_cpu_possible_mask());
	cpu = bpf_iter_cpumask_next(&it);
	if (cpu)
		wide = *(__u64 *)cpu;
	bpf_iter_cpumask_destroy(&it);
	return wide;
}
