// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* An exception would leave the loop without its destroy. */
#include "guest.h"

extern void bpf_throw(__u64 cookie) __weak __ksym;

SEC("tp_btf/sys_enter")
__refused("Unreleased reference id=")
int throw_inside(void *ctx)
{
	int cpu;

	bpf_for_each_cpu_snapshot(cpu, bpf_cpu_possible_mask())
		if (cpu == 3)
			bpf_throw(0);
	return 0;
}
