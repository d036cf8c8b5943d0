// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* There is no walk over no mask. */
#include "guest.h"

struct cpu_walk walk;

SEC("raw_tp")
__refused("Possibly NULL pointer passed to trusted R2")
int null_mask(void *ctx)
{
	int cpu;

	bpf_for_each_cpu(cpu, NULL)
		step(&walk, cpu);
	return 0;
}
