// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The walk holds RCU: nothing in it may sleep. */
#include "guest.h"

SEC("syscall")
__refused("sleepable helper bpf_copy_from_user#148 in rcu_read_lock region")
int sleep_inside(void *ctx)
{
	int cpu, word = 0;

	bpf_rcu_read_lock();
	bpf_for_each_possible_cpu(cpu)
		bpf_copy_from_user(&word, sizeof(word), NULL);
	bpf_rcu_read_unlock();
	return word;
}
