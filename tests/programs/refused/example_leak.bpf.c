// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the example's kfunc acquired has to be released. */
#include "guest.h"

extern struct task_struct *bpf_example_leader_acquire(void) __weak __ksym;

SEC("raw_tp")
__refused("Unreleased reference id=")
int example_leak(void *ctx)
{
	struct task_struct *leader = bpf_example_leader_acquire();

	return leader->pid;
}
