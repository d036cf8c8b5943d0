// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The iterator over two masks, which are one and the same here. */
#include "bench.h"

SEC("raw_tp")
int walk(void *ctx)
{
	struct found found = begin();
	int cpu;

	bpf_for_each_cpu_and(cpu, &mask, &mask)
		visit(&found, cpu);
	return end(&found);
}

SEC("raw_tp")
int make(void *ctx)
{
	struct found found = begin();
	struct bpf_iter_cpumask_and it;

	bpf_iter_cpumask_and_new(&it, &mask, &mask);
	bpf_iter_cpumask_and_destroy(&it);
	return end(&found);
}
