// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The program's stack is too small for the bits that the kernel was built for. */
#include "guest.h"

struct cpu_walk walk;

SEC("raw_tp")
__refused_on("patched", "R2 is fp expected STRUCT cpumask")
__refused("invalid read from stack R2 off=-32 size=")
int stack_mask(void *ctx)
{
	__u64 bits[4] = {1};
	int cpu;

	bpf_for_each_cpu(cpu, (const struct cpumask *)bits)
		step(&walk, cpu);
	return 0;
}
