/* SPDX-License-Identifier: GPL-2.0-only */
/* Variables and functions of the kernel, by type and without: there, gone, gone and weak. */
#include "loading.h"

struct rq;
extern const struct rq variable_that_is_gone __ksym __weak;
extern const void address_that_is_gone __ksym __weak;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

SEC("raw_tp/sched_switch") int weak_variable(void *ctx)
{
	return &variable_that_is_gone ? *(volatile const int *)&variable_that_is_gone : 0;
}

SEC("raw_tp/sched_switch") int weak_address(void *ctx)
{
	return &address_that_is_gone != 0;
}

SEC("raw_tp/sched_switch") int found(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	return 0;
}
