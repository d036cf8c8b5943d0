// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Every CPU number in a bpf_for() loop, each tested. */
#include "bench.h"

SEC("raw_tp")
int walk(void *ctx)
{
	struct found found = begin();
	int cpu;

	bpf_for(cpu, 0, nr_cpu_ids)
		if (bpf_cpumask_test_cpu(cpu, &mask))
			visit(&found, cpu);
	return end(&found);
}

SEC("raw_tp")
int make(void *ctx)
{
	struct found found = begin();
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, nr_cpu_ids);
	bpf_iter_num_destroy(&it);
	return end(&found);
}
