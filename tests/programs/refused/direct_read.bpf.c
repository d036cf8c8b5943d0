// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Nor can they be read. */
#include "guest.h"

SEC("raw_tp")
__refused("invalid read from stack")
int direct_read(void *ctx)
{
	struct bpf_iter_cpumask it;
	__u64 word;

	bpf_iter_cpumask_new(&it, bpf_cpu_possible_mask());
	word = *(volatile __u64 *)&it;
	bpf_iter_cpumask_destroy(&it);
	return word;
}
