// SPDX-License-Identifier: GPL-2.0-only
#include "kernel.h"

struct value {
	__u32 count;
	__u32 slots[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct value);
} map SEC(".maps");

const volatile __u32 limit = 5;

static struct value *lookup(__u32 key)
{
	return bpf_map_lookup_elem(&map, &key);
}

/* The value may be missing. */
SEC("tc")
int null_dereference(struct __sk_buff *skb)
{
	struct value *v = lookup(skb->mark);

	v->count++;
	return 0;
}

/* Set in a loop that may not run. */
SEC("tc")
int null_constant(struct __sk_buff *skb)
{
	struct value *v = NULL;

	if (skb->len > 10) {
		v = lookup(1);
		if (!v)
			return 0;
	}
	asm volatile("" : "+r"(v));
	return v->count;
}

/* An address that came out of the kernel as a number. */
SEC("tc")
int number(struct __sk_buff *skb)
{
	struct task_struct *task = (void *)(__u64)bpf_get_current_task();

	return *(volatile int *)task;
}

/* What is behind the packet is no memory. */
SEC("tc")
int behind_packet(struct __sk_buff *skb)
{
	return *(volatile __u8 *)(long)skb->data_end;
}

/* Past the end of a value. */
SEC("tc")
int value_bounds(struct __sk_buff *skb)
{
	struct value *v = lookup(1);

	return v ? ((volatile __u32 *)v)[9] : 0;
}

/* An index that is checked on one side alone. */
SEC("tc")
int negative(struct __sk_buff *skb)
{
	struct value *v = lookup(1);
	__s32 i = skb->mark;

	if (!v || i > 7)
		return 0;
	asm volatile("%[i] <<= 32; %[i] s>>= 32; %[v] += %[i]; r0 = *(u8 *)(%[v] + 0)"
		     : [v] "+r"(v), [i] "+r"(i)::"r0");
	return 0;
}

/* The same with small numbers. */
SEC("tc")
int below_zero(struct __sk_buff *skb)
{
	struct value *v = lookup(1);
	__u64 i = skb->mark & 7;

	if (!v)
		return 0;
	asm volatile("%[i] += -4; %[v] += %[i]; r0 = *(u8 *)(%[v] + 0)"
		     : [v] "+r"(v), [i] "+r"(i)::"r0");
	return 0;
}

/* A length that may be negative. */
SEC("tc")
int length(struct __sk_buff *skb)
{
	char buf[16];
	__s32 len = skb->mark;

	if (len > 16)
		return 0;
	return bpf_skb_load_bytes(skb, 0, buf, len);
}

/* An index that is not checked. */
SEC("tc")
int unbounded(struct __sk_buff *skb)
{
	struct value *v = lookup(1);

	if (!v)
		return 0;
	return v->slots[skb->mark];
}

/* An index that goes too far. */
SEC("tc")
int too_far(struct __sk_buff *skb)
{
	struct value *v = lookup(1);
	__u32 i = skb->mark & 15;

	if (!v)
		return 0;
	return v->slots[i];
}

/* The packet may be shorter. */
SEC("tc")
int packet(struct __sk_buff *skb)
{
	__u8 *data = (void *)(long)skb->data;

	return data[14];
}

/* There is no such field. */
SEC("tc")
int context(struct __sk_buff *skb)
{
	return *(volatile __u32 *)((void *)skb + 2000);
}

/* Data that cannot be changed. */
SEC("tc")
int read_only(struct __sk_buff *skb)
{
	*(volatile __u32 *)&limit = 6;
	return 0;
}

/* A pointer times two. */
SEC("tc")
int arithmetic(struct __sk_buff *skb)
{
	asm volatile("r1 = r10; r1 *= 2;" ::: "r1");
	return 0;
}

/* Reads what a call has destroyed. */
SEC("tc")
int lost_in_call(struct __sk_buff *skb)
{
	asm volatile("r2 = 1; call %[prandom]; r0 = r2;" ::[prandom] "i"(7)
		     : "r0", "r1", "r2", "r3", "r4", "r5");
	return 0;
}

/* One load for the context and for the stack. */
SEC("tc")
int two_types(struct __sk_buff *skb)
{
	asm volatile("r6 = %[skb];"
		     "*(u64 *)(r10 - 8) = 0;"
		     "call %[prandom];"
		     "if r0 == 0 goto 1f;"
		     "r6 = r10;"
		     "r6 += -8;"
		     "1: r0 = *(u32 *)(r6 + 0);"
		     ::[skb] "r"(skb), [prandom] "i"(7)
		     : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "memory");
	return 0;
}
