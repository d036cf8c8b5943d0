// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A copy lets the body sleep; an RCU section around it does not. */
#include "guest.h"

SEC("syscall")
__refused("sleepable helper bpf_copy_from_user#148 in rcu_read_lock region")
int snapshot_sleeps_under_rcu(void *ctx)
{
	int cpu, word = 0;

	bpf_rcu_read_lock();
	bpf_for_each_cpu_snapshot(cpu, bpf_cpu_possible_mask())
		bpf_copy_from_user(&word, sizeof(word), NULL);
	bpf_rcu_read_unlock();
	return word;
}
