// SPDX-License-Identifier: GPL-2.0-only
#define NO_LICENSE
#include "kernel.h"

/* A kfunc in a program that says nothing of its licence. */
SEC("tc")
int no_licence(struct __sk_buff *skb)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	return 0;
}
