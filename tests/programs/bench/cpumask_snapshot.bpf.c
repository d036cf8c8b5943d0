// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The iterator over a copy of a mask; the loop takes and drops RCU for the copy. */
#include "bench.h"

SEC("raw_tp")
int walk(void *ctx)
{
	struct found found = begin();
	int cpu;

	bpf_for_each_cpu_snapshot(cpu, &mask)
		visit(&found, cpu);
	return end(&found);
}

SEC("raw_tp")
int make(void *ctx)
{
	struct found found = begin();
	struct bpf_iter_cpumask_snapshot it;

	bpf_iter_cpumask_snapshot_new(&it, &mask);
	bpf_iter_cpumask_snapshot_destroy(&it);
	return end(&found);
}
