/* SPDX-License-Identifier: GPL-2.0-only */
/* A map that the kernel does not make, one that it makes without types, one that is not created. */
#include "loading.h"

struct bad_key {
	u32 a, b;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, u64);
	__type(value, u64);
} wide SEC(".maps");

SEC("tc") int p(struct __sk_buff *skb)
{
	u64 k = 0;
	u64 *v = bpf_map_lookup_elem(&wide, &k);

	return v ? *v : 0;
}

SEC("tc") int q(struct __sk_buff *skb)
{
	return 0;
}
