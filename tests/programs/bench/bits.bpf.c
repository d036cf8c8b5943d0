// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The kernel's bpf_iter_bits, on the words that hold possible CPUs. */
#include "bench.h"

#define NR_WORDS ((nr_cpu_ids + 63) / 64)

SEC("raw_tp")
int walk(void *ctx)
{
	struct found found = begin();
	const int *cpu;

	bpf_for_each(bits, cpu, (const __u64 *)&mask, NR_WORDS)
		visit(&found, *cpu);
	return end(&found);
}

SEC("raw_tp")
int make(void *ctx)
{
	struct found found = begin();
	struct bpf_iter_bits it;

	bpf_iter_bits_new(&it, (const __u64 *)&mask, NR_WORDS);
	bpf_iter_bits_destroy(&it);
	return end(&found);
}
