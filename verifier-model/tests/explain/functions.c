// SPDX-License-Identifier: GPL-2.0-only
#include "kernel.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

/* Seventeen bytes for a buffer of sixteen. */
SEC("syscall")
int memory_length(void *ctx)
{
	char name[16];

	return bpf_copy_from_user_str(name, 17, NULL, 0);
}

/* A record as long as the packet. */
SEC("tc")
int not_constant(struct __sk_buff *skb)
{
	void *record = bpf_ringbuf_reserve(&events, skb->len, 0);

	if (record)
		bpf_ringbuf_submit(record, 0);
	return 0;
}

struct pair {
	__u64 a, b;
};

__noinline int sum(struct pair *p)
{
	return p ? p->a + p->b : 0;
}

/* Half a pair. */
SEC("tc")
int global_argument(struct __sk_buff *skb)
{
	__u64 half = skb->len;

	return sum((struct pair *)&half);
}

static int throws(__u32 i, void *ctx)
{
	bpf_throw(i);
	return 0;
}

/* An exception in a callback. */
SEC("tc")
int exception(struct __sk_buff *skb)
{
	bpf_loop(10, throws, NULL, 0);
	return 0;
}

static int loads(__u32 i, struct __sk_buff **skb)
{
	int protocol;

	asm volatile("r6 = %1; r0 = *(u16 *)skb[12]; %0 = r0"
		     : "=r"(protocol) : "r"(*skb)
		     : "r0", "r1", "r2", "r3", "r4", "r5", "r6");
	return protocol;
}

/* A packet load that would have to end the program. */
SEC("tc")
int packet_load(struct __sk_buff *skb)
{
	bpf_loop(10, loads, &skb, 0);
	return 0;
}

/* What clang makes of a variable without a value. */
SEC("tc")
int compiler_trap(struct __sk_buff *skb)
{
	if (skb->len)
		return 0;
	__bpf_trap();
	return 0;
}
