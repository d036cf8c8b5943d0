// SPDX-License-Identifier: GPL-2.0-only
/* A pointer that has become a number, or another pointer than was meant. */
#include "cause.h"

SEC("tc")
int cut_by_a_cast(struct __sk_buff *skb)
{
	struct value *v = lookup(0);

	if (!v)
		return 0;
	v = (void *)(__u64)(__u32)(__u64)v; /* cause */
	return v->count;
}

SEC("tc")
int cut_by_a_32_bit_move(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	__u64 p;

	if (!v)
		return 0;
	asm volatile("r1 = %1; w1 = w1; %0 = r1" : "=r"(p) : "r"(v) : "r1"); /* cause */
	return *(volatile __u32 *)p;
}

SEC("tc")
int spilled_in_part(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	volatile __u32 low;

	if (!v)
		return 0;
	low = (__u64)v; /* cause */
	v = (void *)(__u64)low;
	return v->count;
}

SEC("tc")
int overwritten_in_part(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	volatile __u64 kept;

	if (!v)
		return 0;
	kept = (__u64)v;
	*(volatile __u8 *)&kept = 0; /* cause */
	v = (void *)kept;
	return v->count;
}

SEC("tc")
int filled_in_part(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	volatile __u64 kept;

	if (!v)
		return 0;
	kept = (__u64)v;
	v = (void *)(__u64)*(volatile __u32 *)&kept; /* cause */
	return v->count;
}

SEC("tc")
int kept_in_a_map(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	__u64 address;

	if (!v)
		return 0;
	address = v->wide; /* cause */
	barrier_var(address);
	if (!address)
		return 0;
	return *(volatile __u32 *)address;
}

SEC("tc")
int a_number_from_a_helper(struct __sk_buff *skb)
{
	__u64 task = bpf_get_current_task(); /* cause */

	if (skb->len < 10)
		return 0;
	return *(volatile __u32 *)task;
}

SEC("tc")
int a_difference(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	void *data_end = (void *)(long)skb->data_end;
	__u64 rest;

	rest = data_end - data; /* cause */
	barrier_var(rest);
	return *(volatile __u8 *)rest;
}

SEC("tc")
int packet_after_pull(struct __sk_buff *skb)
{
	__u8 *data = (void *)(long)skb->data;
	__u8 *data_end = (void *)(long)skb->data_end;

	if (data + 1 > data_end)
		return 0;
	bpf_skb_pull_data(skb, 0); /* cause */
	return *(volatile __u8 *)data;
}

SEC("tc")
int record_after_submit(struct __sk_buff *skb)
{
	__u64 *record = bpf_ringbuf_reserve(&events, 8, 0);

	if (!record)
		return 0;
	*record = 1;
	bpf_ringbuf_submit(record, 0); /* cause */
	*(volatile __u64 *)record = 2;
	return 0;
}

SEC("tp_btf/sched_switch")
int task_after_release(__u64 *ctx)
{
	struct task_struct *task = bpf_task_acquire(bpf_get_current_task_btf());

	if (!task)
		return 0;
	bpf_task_release(task); /* cause */
	bpf_task_release(task);
	return 0;
}

SEC("tc")
int submitted_twice(struct __sk_buff *skb)
{
	__u64 *record = bpf_ringbuf_reserve(&events, 8, 0);

	if (!record)
		return 0;
	bpf_ringbuf_submit(record, 0); /* cause */
	if (skb->len > 10)
		bpf_ringbuf_submit(record, 0);
	return 0;
}

SEC("fentry.s/bpf_fentry_test1")
int trust_ends_with_the_section(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_struct *parent;

	bpf_rcu_read_lock();
	parent = task->real_parent;
	bpf_rcu_read_unlock(); /* cause */
	parent = bpf_task_acquire(parent);
	if (parent)
		bpf_task_release(parent);
	return 0;
}

SEC("tp_btf/sched_switch")
int trust_lost_by_walking(__u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_struct *other;

	other = ((struct task_struct___walked *)task)->last_wakee; /* cause */
	other = bpf_task_acquire(other);
	if (other)
		bpf_task_release(other);
	return 0;
}

SEC("tc")
int clobbered_by_a_call(struct __sk_buff *skb)
{
	int v;

	asm volatile("r1 = 1");
	asm volatile("call 7"); /* cause */
	asm volatile("%0 = r1" : "=r"(v));
	return v;
}

SEC("tc")
int multiplied(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	__u64 address = (__u64)v;

	if (!v)
		return 0;
	barrier_var(address);
	address *= 3; /* cause */
	barrier_var(address);
	return *(volatile __u32 *)address;
}

SEC("tc")
int a_flag_in_the_pointer(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	__u64 address = (__u64)v;

	if (!v)
		return 0;
	barrier_var(address);
	address |= 1; /* cause */
	barrier_var(address);
	return *(volatile __u32 *)address;
}

/* clang may make one test of two. */
SEC("tc")
int two_tests_in_one(struct __sk_buff *skb)
{
	struct value *a = lookup(0);
	struct value *b = lookup(1);
	__u64 both = (__u64)a;

	asm volatile("%0 &= %1" : "+r"(both) : "r"(b)); /* cause */
	if (!both)
		return 0;
	return a->count + b->count;
}

SEC("tc")
int moved_context(struct __sk_buff *skb)
{
	void *p = skb;

	barrier_var(p);
	p += 8; /* cause */
	barrier_var(p);
	return *(volatile __u32 *)p;
}

SEC("tp_btf/sched_switch")
int moved_before_release(__u64 *ctx)
{
	struct task_struct *task = bpf_task_acquire(bpf_get_current_task_btf());
	void *p = task;

	if (!task)
		return 0;
	barrier_var(p);
	p += 8; /* cause */
	barrier_var(p);
	bpf_task_release(p);
	return 0;
}

SEC("tc")
int a_number_for_a_key(struct __sk_buff *skb)
{
	__u64 key = skb->mark; /* cause */

	barrier_var(key);
	return bpf_map_lookup_elem(&map, (void *)key) != NULL;
}
