/* SPDX-License-Identifier: GPL-2.0-only */
/* A map of maps whose loader says what is in it. */
#include "loading.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 8);
	__uint(key_size, 8);
	__uint(value_size, 4);
} outer SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__uint(key_size, 4);
	__uint(value_size, 4);
} like SEC(".maps");

SEC("raw_tp") int p(void *ctx)
{
	u64 k = 1;
	u32 m = 2;
	void *in = bpf_map_lookup_elem(&outer, &k);

	if (in && bpf_map_lookup_elem(in, &m))
		return 1;
	return 0;
}
