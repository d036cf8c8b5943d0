// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* And released once. */
#include "guest.h"

extern struct task_struct *bpf_example_leader_acquire(void) __weak __ksym;
extern void bpf_example_leader_release(struct task_struct *leader) __weak __ksym;

SEC("raw_tp")
__refused("release kfunc bpf_example_leader_release expects referenced PTR_TO_BTF_ID passed to R1")
int example_release_twice(void *ctx)
{
	struct task_struct *leader = bpf_example_leader_acquire();

	bpf_example_leader_release(leader);
	bpf_example_leader_release(leader);
	return 0;
}
