// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A copy may be memory: it has to be given back on every way out. */
#include "guest.h"

SEC("syscall")
__refused("Unreleased reference id=")
__refused("BPF_EXIT instruction in main prog would lead to reference leak")
int snapshot_no_destroy(void *ctx)
{
	struct bpf_iter_cpumask_snapshot it;

	bpf_iter_cpumask_snapshot_new(&it, bpf_cpu_possible_mask());
	return 0;
}
