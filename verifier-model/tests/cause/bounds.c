// SPDX-License-Identifier: GPL-2.0-only
/* An index, a length or an offset that may be too large, too small or anything. */
#include "cause.h"

SEC("tc")
int index_unchecked(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	__u64 i = skb->mark; /* cause */

	if (!v)
		return 0;
	return v->slots[i];
}

SEC("tc")
int index_checked_too_late(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	__u64 i = skb->mark; /* cause */
	__u32 slot;

	if (!v)
		return 0;
	slot = *(volatile __u32 *)&v->slots[i];
	if (i > 7)
		return 0;
	return slot;
}

SEC("tc")
int bound_too_large(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	__u64 i = skb->mark;

	if (!v)
		return 0;
	barrier_var(i);
	if (i > 15) /* cause */
		return 0;
	return v->slots[i];
}

SEC("tc")
int mask_too_large(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	__u64 i = skb->mark;

	if (!v)
		return 0;
	i &= 15; /* cause */
	return v->slots[i];
}

SEC("tc")
int remainder_too_large(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	__u64 i = skb->mark;

	if (!v)
		return 0;
	i %= 13; /* cause */
	return v->slots[i];
}

SEC("tc")
int checked_as_signed(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	__s64 i;

	if (!v)
		return 0;
	i = v->wide;
	if (i > 7) /* cause */
		return 0;
	return v->slots[i];
}

SEC("tc")
int low_half_checked(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	__u64 i;

	if (!v)
		return 0;
	i = v->wide;
	barrier_var(i);
	if ((__u32)i > 7) /* cause */
		return 0;
	return v->slots[i];
}

SEC("tc")
int a_copy_checked(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	__u64 i, j;

	if (!v)
		return 0;
	i = v->wide;
	j = i;
	barrier_var(j);
	j &= 0xffff;
	barrier_var(j);
	if (j > 7) /* cause */
		return 0;
	barrier_var(i);
	return v->slots[i];
}

SEC("tc")
int another_read_checked(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	__u64 i;

	if (!v)
		return 0;
	if (*(volatile __u32 *)&skb->mark > 7)
		return 0;
	i = *(volatile __u32 *)&skb->mark; /* cause */
	return v->slots[i];
}

SEC("tc")
int another_read_of_a_map_checked(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	__u64 i;

	if (!v)
		return 0;
	if (*(volatile __u64 *)&v->wide > 7)
		return 0;
	i = *(volatile __u64 *)&v->wide; /* cause */
	return v->slots[i];
}

SEC("tc")
int below_zero(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	__u64 i = skb->mark & 7;

	if (!v)
		return 0;
	barrier_var(i);
	i -= 4; /* cause */
	barrier_var(i);
	return *((volatile __u8 *)v + i);
}

SEC("tc")
int shifted_too_far(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	__u64 i = skb->mark & 7;

	if (!v)
		return 0;
	barrier_var(i);
	i <<= 4; /* cause */
	barrier_var(i);
	return *((volatile __u8 *)v + i);
}

SEC("tc")
int multiplied_too_far(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	__u64 i = skb->mark & 7;

	if (!v)
		return 0;
	barrier_var(i);
	i *= 9; /* cause */
	barrier_var(i);
	return *((volatile __u8 *)v + i);
}

SEC("tc")
int added_too_much(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	__u64 i = skb->mark & 7;

	if (!v)
		return 0;
	barrier_var(i);
	i += 60; /* cause */
	barrier_var(i);
	return *((volatile __u8 *)v + i);
}

SEC("tc")
int length_unchecked(struct __sk_buff *skb)
{
	char buf[16] = {};
	__u32 len = skb->len; /* cause */

	bpf_skb_load_bytes(skb, 0, buf, len);
	return buf[0];
}

SEC("tc")
int length_may_be_zero(struct __sk_buff *skb)
{
	char buf[16] = {};
	__u32 len = skb->len;

	if (len > 16) /* cause */
		return 0;
	bpf_skb_load_bytes(skb, 0, buf, len);
	return buf[0];
}

SEC("tc")
int length_too_large(struct __sk_buff *skb)
{
	char buf[16] = {};
	__u32 len = skb->len;

	if (!len)
		return 0;
	barrier_var(len);
	if (len > 64) /* cause */
		return 0;
	bpf_skb_load_bytes(skb, 0, buf, len);
	return buf[0];
}

SEC("tc")
int length_checked_as_signed(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	char buf[16] = {};
	__s64 len;

	if (!v)
		return 0;
	len = v->wide;
	if (len > 16) /* cause */
		return 0;
	bpf_skb_load_bytes(skb, 0, buf, len);
	return buf[0];
}

SEC("tc")
int stack_index_unchecked(struct __sk_buff *skb)
{
	volatile char buf[16] = {};
	__u64 i = skb->mark; /* cause */

	return buf[i];
}

SEC("tc")
int stack_index_too_large(struct __sk_buff *skb)
{
	volatile char buf[16] = {};
	__u64 i = skb->mark;

	i &= 31; /* cause */
	buf[i] = 1;
	return buf[0];
}

SEC("tc")
int counter_of_its_own(struct __sk_buff *skb)
{
	struct value *v = lookup(0);
	struct bpf_iter_num it;
	__u64 n = 0;

	if (!v)
		return 0;
	bpf_iter_num_new(&it, 0, 8);
	while (bpf_iter_num_next(&it)) {
		v->slots[n] = 1;
		n++; /* cause */
		barrier_var(n);
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc")
int not_a_constant(struct __sk_buff *skb)
{
	__u64 size = skb->len; /* cause */
	__u64 *record;

	barrier_var(size);
	record = bpf_ringbuf_reserve(&events, size, 0);
	if (record)
		bpf_ringbuf_submit(record, 0);
	return 0;
}
