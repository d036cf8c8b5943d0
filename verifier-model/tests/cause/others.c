// SPDX-License-Identifier: GPL-2.0-only
/* Loops, values returned, and calls. */
#include "cause.h"

SEC("cgroup_skb/egress")
int returns_anything(struct __sk_buff *skb)
{
	__u32 verdict = skb->len; /* cause */

	return verdict;
}

SEC("cgroup_skb/egress")
int returns_too_much(struct __sk_buff *skb)
{
	__u32 verdict = skb->len;

	verdict &= 7; /* cause */
	return verdict;
}

SEC("tc")
int made_anew_in_each_round(struct __sk_buff *skb)
{
	__u32 x;

	do {
		x = bpf_get_prandom_u32();
	} while (x < 100); /* cause */
	return 0;
}

SEC("tc")
int waits_for_memory(struct __sk_buff *skb)
{
	struct value *v = lookup(0);

	if (!v)
		return 0;
	while (*(volatile __u32 *)&v->count) /* cause */
		;
	return 0;
}

SEC("tc")
int branch_in_a_long_loop(struct __sk_buff *skb)
{
	int i, n = 0;

	for (i = 0; i < 10000; i++) {
		if (bpf_get_prandom_u32() > 5) /* cause */
			n++;
		barrier_var(n);
	}
	return n;
}

SEC("tc")
int may_sleep(struct __sk_buff *skb)
{
	char byte;

	bpf_copy_from_user(&byte, 1, NULL); /* cause */
	return 0;
}

SEC("fentry.s/bpf_fentry_test1")
int sleeps_in_a_section(void *ctx)
{
	char byte;

	bpf_rcu_read_lock();
	bpf_copy_from_user(&byte, 1, NULL); /* cause */
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc")
int calls_under_a_lock(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct locked *v = bpf_map_lookup_elem(&locks, &key);

	if (!v)
		return 0;
	bpf_spin_lock(&v->lock);
	v->count = bpf_get_prandom_u32(); /* cause */
	bpf_spin_unlock(&v->lock);
	return 0;
}

SEC("tc")
int writes_a_read_only_field(struct __sk_buff *skb)
{
	*(volatile __u32 *)&skb->len = 1; /* cause */
	return 0;
}

SEC("tc")
int touches_the_lock(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct locked *v = bpf_map_lookup_elem(&locks, &key);

	if (!v)
		return 0;
	*(volatile __u32 *)&v->lock.val = 0; /* cause */
	return 0;
}
