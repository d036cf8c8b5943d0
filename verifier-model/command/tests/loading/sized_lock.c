/* SPDX-License-Identifier: GPL-2.0-only */
/* A map that is declared by sizes has no types, and so no lock. */
#include "loading.h"

struct slot {
	struct bpf_spin_lock lock;
	u32 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, sizeof(struct slot));
} sized SEC(".maps");

SEC("tc") int count(struct __sk_buff *skb)
{
	int key = 0;
	struct slot *s = bpf_map_lookup_elem(&sized, &key);

	if (!s)
		return 0;
	bpf_spin_lock(&s->lock);
	s->count++;
	bpf_spin_unlock(&s->lock);
	return 0;
}
