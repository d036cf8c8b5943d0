// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One loop with a small body, of which docs/walking-cpus.md says how much the verifier looks at. */
#include "anywhere.h"

struct cpumask mask SEC(".data.mask");
__u64 sum, visited;

SEC("raw_tp")
int of_mask(void *ctx)
{
	__u64 s = 0, n = 0;
	int cpu;

	bpf_for_each_cpu(cpu, &mask) {
		s += (__u32)cpu;
		n++;
	}
	sum = s;
	visited = n;
	return 0;
}

SEC("raw_tp")
int of_possible(void *ctx)
{
	__u64 s = 0, n = 0;
	int cpu;

	bpf_for_each_possible_cpu(cpu) {
		s += (__u32)cpu;
		n++;
	}
	sum = s;
	visited = n;
	return 0;
}
