/* SPDX-License-Identifier: GPL-2.0-only */
/* Arrays without a size, which veristat makes with one entry: key 0 is then always there. */
#include "loading.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} one SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, u32);
	__type(value, u64);
} zero SEC(".maps");

SEC("xdp") int in_one(struct xdp_md *ctx)
{
	u32 k = 0;
	u64 *v = bpf_map_lookup_elem(&one, &k);

	if (!v)
		return 0;
	(*v)++;
	return 2;
}

SEC("xdp") int in_zero(struct xdp_md *ctx)
{
	u32 k = 0;
	u64 *v = bpf_map_lookup_elem(&zero, &k);

	if (!v)
		return 0;
	(*v)++;
	return 2;
}

SEC("xdp") int unchecked(struct xdp_md *ctx)
{
	u32 k = 0;
	u64 *v = bpf_map_lookup_elem(&zero, &k);

	(*v)++;
	return 2;
}
