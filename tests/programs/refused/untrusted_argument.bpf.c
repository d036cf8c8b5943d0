// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The same of what a function of the program is handed as untrusted. */
#include "guest.h"

struct cpu_walk walk;
__u64 address;

__weak int walk_bits(__u64 *bits __attribute__((btf_decl_tag("arg:untrusted"))))
{
	int cpu;

	bpf_for_each_cpu(cpu, (const struct cpumask *)bits)
		step(&walk, cpu);
	return 0;
}

SEC("raw_tp")
__refused("invalid access to memory, mem_size=0 off=0 size=")
int untrusted_argument(void *ctx)
{
	return walk_bits((__u64 *)address);
}
