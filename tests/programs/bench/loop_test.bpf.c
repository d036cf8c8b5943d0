// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Every CPU number by bpf_loop(), each tested. */
#include "bench.h"

static long test(__u32 cpu, struct found *found)
{
	if (bpf_cpumask_test_cpu(cpu, &mask))
		visit(found, cpu);
	return 0;
}

SEC("raw_tp")
int walk(void *ctx)
{
	struct found found = begin();

	bpf_loop(nr_cpu_ids, test, &found, 0);
	return end(&found);
}
