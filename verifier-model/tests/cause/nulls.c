// SPDX-License-Identifier: GPL-2.0-only
/* A pointer that may be NULL and was not compared, or that is NULL. */
#include "cause.h"

SEC("tc")
int lookup_unchecked(struct __sk_buff *skb)
{
	__u32 key = skb->mark;
	struct value *v;

	v = bpf_map_lookup_elem(&map, &key); /* cause */
	if (skb->len < 10)
		return 0;
	return v->count;
}

SEC("tc")
int another_lookup_checked(struct __sk_buff *skb)
{
	__u32 key = skb->mark;
	struct value *a, *b;

	a = bpf_map_lookup_elem(&map, &key);
	b = bpf_map_lookup_elem(&map, &key); /* cause */
	if (!a)
		return 0;
	return b->count;
}

SEC("tc")
int checked_on_one_path(struct __sk_buff *skb)
{
	__u32 key = skb->mark;
	struct value *v;

	v = bpf_map_lookup_elem(&map, &key); /* cause */
	if (skb->len > 10 && !v)
		return 0;
	return v->count;
}

SEC("tc")
int moved_before_the_check(struct __sk_buff *skb)
{
	__u32 key = skb->mark;
	void *v;

	v = bpf_map_lookup_elem(&map, &key); /* cause */
	asm volatile("%0 += 4" : "+r"(v));
	if (!v)
		return 0;
	return *(__u32 *)v;
}

SEC("tc")
int checked_the_wrong_way_round(struct __sk_buff *skb)
{
	__u32 key = skb->mark;
	struct value *v;

	v = bpf_map_lookup_elem(&map, &key);
	if (v) /* cause */
		return 0;
	barrier_var(v);
	return v->count;
}

SEC("tp_btf/sched_switch")
int created_unchecked(__u64 *ctx)
{
	struct bpf_cpumask *mask;

	mask = bpf_cpumask_create(); /* cause */
	bpf_cpumask_release(mask);
	return 0;
}

SEC("tp_btf/sched_switch")
int acquired_unchecked(__u64 *ctx)
{
	struct task_struct *task;

	task = bpf_get_current_task_btf();
	task = bpf_task_acquire(task); /* cause */
	bpf_task_release(task);
	return 0;
}

SEC("tc")
int record_unchecked(struct __sk_buff *skb)
{
	__u64 *record;

	record = bpf_ringbuf_reserve(&events, 8, 0); /* cause */
	*record = skb->len;
	bpf_ringbuf_submit(record, 0);
	return 0;
}

SEC("tc")
int element_unchecked(struct __sk_buff *skb)
{
	struct bpf_iter_num it;
	int *v, n;

	bpf_iter_num_new(&it, 0, 10);
	v = bpf_iter_num_next(&it); /* cause */
	n = *v;
	bpf_iter_num_destroy(&it);
	return n;
}
