// SPDX-License-Identifier: GPL-2.0-only
/* Packet data that was not, or not well, compared with the packet's end. */
#include "cause.h"

SEC("tc")
int unchecked(struct __sk_buff *skb)
{
	__u8 *data = (void *)(long)skb->data;

	return data[0]; /* cause */
}

SEC("tc")
int checked_too_short(struct __sk_buff *skb)
{
	__u8 *data = (void *)(long)skb->data;
	__u8 *data_end = (void *)(long)skb->data_end;

	if (data + 8 > data_end) /* cause */
		return 0;
	return data[12];
}

SEC("tc")
int checked_the_wrong_way(struct __sk_buff *skb)
{
	__u8 *data = (void *)(long)skb->data;
	__u8 *data_end = (void *)(long)skb->data_end;

	if (data + 8 < data_end) /* cause */
		return 0;
	return data[0];
}

SEC("tc")
int offset_over_0xffff(struct __sk_buff *skb)
{
	__u8 *data = (void *)(long)skb->data;
	__u8 *data_end = (void *)(long)skb->data_end;
	__u64 off = skb->mark;

	off &= 0x1ffff; /* cause */
	data += off;
	if (data + 1 > data_end)
		return 0;
	return data[0];
}

SEC("tc")
int offset_unbounded(struct __sk_buff *skb)
{
	__u8 *data = (void *)(long)skb->data;
	__u8 *data_end = (void *)(long)skb->data_end;
	__u64 off = skb->mark; /* cause */

	data += off;
	if (data + 1 > data_end)
		return 0;
	return data[0];
}

SEC("tc")
int another_sum_checked(struct __sk_buff *skb)
{
	__u8 *data = (void *)(long)skb->data;
	__u8 *data_end = (void *)(long)skb->data_end;
	__u64 off = skb->mark & 63;
	__u8 *a = data, *b = data;

	asm volatile("%0 += %1" : "+r"(a) : "r"(off));
	asm volatile("%0 += %1" : "+r"(b) : "r"(off)); /* cause */
	if (a + 1 > data_end)
		return 0;
	return *(volatile __u8 *)b;
}

SEC("tc")
int header_of_any_length(struct __sk_buff *skb)
{
	__u8 *data = (void *)(long)skb->data;
	__u8 *data_end = (void *)(long)skb->data_end;
	__u64 length;

	if (data + 20 > data_end)
		return 0;
	length = (data[0] & 15) * 4;
	data += length; /* cause */
	return *(volatile __u8 *)data;
}

SEC("tc")
int meant_for_the_next_header(struct __sk_buff *skb)
{
	__u8 *data = (void *)(long)skb->data;
	__u8 *data_end = (void *)(long)skb->data_end;

	if (data + 14 > data_end) /* cause */
		return 0;
	data += 14;
	return *(volatile __u8 *)data;
}
