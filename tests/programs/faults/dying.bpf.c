// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The masks while a CPU goes: it is dying, and active no more before it is offline. */
#include "guest.h"

struct cpu_walk dying;
struct cpu_walk active;
struct cpu_walk online;

/* At each step down, the CPU's teardown callbacks being the steps. */
SEC("tp_btf/cpuhp_enter")
int BPF_PROG(step_down, unsigned int cpu, int target, int idx)
{
	bool seen = false;
	int one, other;

	/* One look will do: when the scheduler has let go, and the CPU is still up. */
	if (dying.len)
		return 0;
	bpf_for_each_cpu(one, bpf_cpu_active_mask())
		seen |= one == cpu;
	if (seen)
		return 0;
	bpf_for_each_cpu(other, bpf_cpu_dying_mask())
		step(&dying, other);
	if (!dying.len)
		return 0;
	bpf_for_each_cpu(other, bpf_cpu_active_mask())
		step(&active, other);
	bpf_for_each_online_cpu(other)
		step(&online, other);
	return 0;
}
