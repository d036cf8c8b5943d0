// SPDX-License-Identifier: GPL-2.0-only
#include "kernel.h"

SEC("tc")
int division(struct __sk_buff *skb)
{
	asm volatile("r0 = 1; r0 /= 0" ::: "r0");
	return 0;
}

/* A negation with an immediate. */
SEC("tc")
int malformed(struct __sk_buff *skb)
{
	asm volatile("r0 = 1; .8byte 0x0000000700000087" ::: "r0");
	return 0;
}

/* Counts in the context. */
SEC("tc")
int atomic(struct __sk_buff *skb)
{
	asm volatile("r2 = 1; lock *(u32 *)(%0 + 8) += w2" :: "r"(skb) : "r2");
	return 0;
}

/* gotox r1 */
SEC("tc")
int jump_table(struct __sk_buff *skb)
{
	asm volatile("r1 = 0; .8byte 0x000000000000010d" ::: "r1");
	return 0;
}

/* Eight bytes of a socket where a field has four; its address is in byte 168 of the context. */
SEC("tc")
int object_bounds(struct __sk_buff *skb)
{
	asm volatile("r1 = *(u64 *)(%0 + 168); if r1 == 0 goto +1; r1 = *(u64 *)(r1 + 0)"
		     :: "r"(skb) : "r1");
	return 0;
}
