// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The kfuncs of tests/example-kfunc: a plain one, and a pair that acquires and releases. */
#include "guest.h"

extern __u64 bpf_example_gcd(__u64 a, __u64 b) __weak __ksym;
extern struct task_struct *bpf_example_leader_acquire(void) __weak __ksym;
extern void bpf_example_leader_release(struct task_struct *leader) __weak __ksym;

__u64 a, b, gcd;
int leader_pid;

SEC("raw_tp")
int divide(void *ctx)
{
	gcd = bpf_example_gcd(a, b);
	return 0;
}

SEC("raw_tp")
int lead(void *ctx)
{
	struct task_struct *leader = bpf_example_leader_acquire();

	leader_pid = leader->pid;
	bpf_example_leader_release(leader);
	return 0;
}
