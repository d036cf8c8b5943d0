// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Memory is given back once. */
#include "guest.h"

SEC("syscall")
__refused("expected an initialized iter_cpumask_snapshot as R1")
int snapshot_double_destroy(void *ctx)
{
	struct bpf_iter_cpumask_snapshot it;

	bpf_iter_cpumask_snapshot_new(&it, bpf_cpu_possible_mask());
	bpf_iter_cpumask_snapshot_destroy(&it);
	bpf_iter_cpumask_snapshot_destroy(&it);
	return 0;
}
