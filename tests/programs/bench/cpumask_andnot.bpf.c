// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The iterator over a mask without another one, which is empty here. */
#include "bench.h"

struct cpumask empty SEC(".bss.empty");

SEC("raw_tp")
int walk(void *ctx)
{
	struct found found = begin();
	int cpu;

	bpf_for_each_cpu_andnot(cpu, &mask, &empty)
		visit(&found, cpu);
	return end(&found);
}

SEC("raw_tp")
int make(void *ctx)
{
	struct found found = begin();
	struct bpf_iter_cpumask_andnot it;

	bpf_iter_cpumask_andnot_new(&it, &mask, &empty);
	bpf_iter_cpumask_andnot_destroy(&it);
	return end(&found);
}
