// SPDX-License-Identifier: GPL-2.0-only
#include "kernel.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} programs SEC(".maps");

struct bpf_dynptr {
	__u64 __opaque[2];
};

static long (*const bpf_dynptr_read)(void *dst, __u32 len, const struct bpf_dynptr *src,
				     __u32 offset, __u64 flags) = (void *)201;

/* Read before it was made. */
SEC("tc")
int dynptr(struct __sk_buff *skb)
{
	struct bpf_dynptr p;
	__u64 data;

	return bpf_dynptr_read(&data, sizeof(data), &p, 0, 0);
}

/* Restored in the order of saving. */
SEC("tc")
int irq(struct __sk_buff *skb)
{
	unsigned long a, b;

	bpf_local_irq_save(&a);
	bpf_local_irq_save(&b);
	bpf_local_irq_restore(&a);
	bpf_local_irq_restore(&b);
	return 0;
}

/* The context, but eight bytes further. */
SEC("tc")
int moved_context(struct __sk_buff *skb)
{
	char buf[8];

	return bpf_skb_load_bytes((void *)skb + 8, 0, buf, sizeof(buf));
}

/* Programs cannot be looked up. */
SEC("tc")
int map_type(struct __sk_buff *skb)
{
	__u32 key = 0;

	return !bpf_map_lookup_elem(&programs, &key);
}

/* Moves the frame pointer. */
SEC("tc")
int frame_pointer(struct __sk_buff *skb)
{
	asm volatile("r10 += -8;");
	return 0;
}

/* For a loader without privileges: the address of the stack. */
SEC("socket")
long unprivileged_leak(struct __sk_buff *skb)
{
	long address;

	asm volatile("%0 = r10" : "=r"(address));
	return address;
}
