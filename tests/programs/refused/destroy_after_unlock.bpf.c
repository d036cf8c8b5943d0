// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Nor may it be destroyed once the RCU section is over. */
#include "guest.h"

SEC("syscall")
__refused("expected an RCU CS when using bpf_iter_cpumask_destroy")
int destroy_after_unlock(void *ctx)
{
	struct bpf_iter_cpumask it;

	bpf_rcu_read_lock();
	bpf_iter_cpumask_new(&it, bpf_cpu_possible_mask());
	bpf_rcu_read_unlock();
	bpf_iter_cpumask_destroy(&it);
	return 0;
}
