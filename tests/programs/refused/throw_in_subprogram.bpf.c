// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Nor may a function that is called inside of the loop throw. */
#include "guest.h"

extern void bpf_throw(__u64 cookie) __weak __ksym;

__weak int throws(int cpu)
{
	if (cpu == 3)
		bpf_throw(0);
	return 0;
}

SEC("tp_btf/sys_enter")
__refused("Unreleased reference id=")
int throw_in_subprogram(void *ctx)
{
	int cpu;

	bpf_for_each_cpu_snapshot(cpu, bpf_cpu_possible_mask())
		throws(cpu);
	return 0;
}
