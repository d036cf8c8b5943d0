// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* An iterator has to be destroyed on every way out. */
#include "guest.h"

SEC("raw_tp")
__refused("Unreleased reference id=")
__refused("BPF_EXIT instruction in main prog would lead to reference leak")
int no_destroy(void *ctx)
{
	struct bpf_iter_cpumask it;

	bpf_iter_cpumask_new(&it, bpf_cpu_possible_mask());
	return 0;
}
