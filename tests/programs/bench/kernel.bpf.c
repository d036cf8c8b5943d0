// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The limit: for_each_cpu() in the kernel, called once. */
#include "bench.h"

SEC("raw_tp")
int walk(void *ctx)
{
	struct found found = begin();

	found.sum = bpf_bench_walk(&mask, &found.visited);
	return end(&found);
}
