// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* That the walk ends does not make the loop inside it end. */
#include "guest.h"

SEC("raw_tp")
__refused("infinite loop detected at insn ")
int endless_inner_loop(void *ctx)
{
	int cpu, i = 0;

	bpf_for_each_possible_cpu(cpu)
		while (i < 100)
			barrier_var(i);
	return 0;
}
