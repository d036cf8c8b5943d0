/* SPDX-License-Identifier: GPL-2.0-only */
/* Maps as they were declared before BTF, and sections with names of their own. */
#include "loading.h"

struct bpf_map_def {
	u32 type, key_size, value_size, max_entries, map_flags, id, pinning;
};

SEC("maps") struct bpf_map_def counts = { 2, 4, 8, 16, 0, 0, 0 };
SEC("maps") struct bpf_map_def hashed = { 1, 4, 8, 16, 0, 0, 0 };

SEC("xdp") int count(void *ctx)
{
	u32 k = 1;
	u64 *v = bpf_map_lookup_elem(&hashed, &k);

	if (v)
		*v += 1;
	return 2;
}

SEC("xdp/mine") int no_test(void *ctx)
{
	u32 k = 1;
	u64 *v = bpf_map_lookup_elem(&hashed, &k);

	*v += 1;
	return 2;
}

SEC("xdp/array") int element(void *ctx)
{
	u32 k = 1;
	u64 *v = bpf_map_lookup_elem(&counts, &k);

	*v += 1;
	return 2;
}
