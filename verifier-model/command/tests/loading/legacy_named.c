/* SPDX-License-Identifier: GPL-2.0-only */
/* Maps as they were declared before BTF, each in a section of its own name. */
#include "loading.h"

/* With what some loaders want besides: pinning, and where. */
struct bpf_map_def {
	u32 type, key_size, value_size, max_entries, map_flags, pinning;
	char namespace[256];
};

SEC("maps/counts") struct bpf_map_def counts = { 2, 4, 8, 16 };
SEC("maps/hashed") struct bpf_map_def hashed = { 1, 4, 8, 16 };

SEC("kprobe/do_nanosleep") int count(void *ctx)
{
	u32 k = 1;
	u64 *v = bpf_map_lookup_elem(&hashed, &k);
	u64 *w = bpf_map_lookup_elem(&counts, &k);

	if (v && w)
		*v += *w;
	return 0;
}
