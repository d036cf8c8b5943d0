// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The memory of copies: each of these programs makes a good many, and on every way out of a loop
 * they have to go. Two more programs watch what comes from kmalloc_nolock() and what goes back.
 */
#include "guest.h"

#define ROUNDS 200

__u32 walks;

/* Of the programs below alone, and not of who interrupts them. */
bool watched;
__u32 owner;

/* How many objects came and went, and the exclusive or of their addresses. */
__u32 taken, given;
__u64 taken_xor, given_xor;

static __always_inline bool ours(void)
{
	return watched && (__u32)bpf_get_current_pid_tgid() == owner;
}

SEC("fexit/_kmalloc_nolock_noprof")
int kmalloc_nolock_returns(__u64 *ctx)
{
	__u64 object = 0;

	if (!ours())
		return 0;
	bpf_get_func_ret(ctx, &object);
	taken++;
	taken_xor ^= object;
	return 0;
}

SEC("fentry/kfree_nolock")
int kfree_nolock_called(__u64 *ctx)
{
	__u64 object = 0;

	if (!ours())
		return 0;
	bpf_get_func_arg(ctx, 0, &object);
	given++;
	given_xor ^= object;
	return 0;
}

static __always_inline void watch(bool on)
{
	owner = bpf_get_current_pid_tgid();
	watched = on;
}

SEC("raw_tp")
int to_the_end(void *ctx)
{
	int round, cpu;

	watch(true);
	bpf_for(round, 0, ROUNDS) {
		bpf_for_each_cpu_snapshot(cpu, bpf_cpu_online_mask())
			;
		walks++;
	}
	watch(false);
	return 0;
}

SEC("raw_tp")
int left_by_break(void *ctx)
{
	int round, cpu;

	watch(true);
	bpf_for(round, 0, ROUNDS) {
		bpf_for_each_cpu_snapshot(cpu, bpf_cpu_online_mask())
			if (cpu == 1)
				break;
		walks++;
	}
	watch(false);
	return 0;
}

static __noinline int first_after(int least)
{
	int cpu;

	bpf_for_each_cpu_snapshot(cpu, bpf_cpu_online_mask())
		if (cpu > least)
			return cpu;
	return -1;
}

SEC("raw_tp")
int left_by_return(void *ctx)
{
	int round;

	watch(true);
	bpf_for(round, 0, ROUNDS) {
		first_after(round & 1);
		walks++;
	}
	watch(false);
	return 0;
}

/* Two copies at a time, of different masks. */
SEC("raw_tp")
int nested(void *ctx)
{
	int round, outer, inner;

	watch(true);
	bpf_for(round, 0, ROUNDS / 2) {
		bpf_for_each_cpu_snapshot(outer, bpf_cpu_online_mask()) {
			bpf_for_each_cpu_snapshot(inner, bpf_cpu_possible_mask())
				break;
			walks++;
			break;
		}
		walks++;
	}
	watch(false);
	return 0;
}
