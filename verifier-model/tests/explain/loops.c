// SPDX-License-Identifier: GPL-2.0-only
#include "kernel.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64[16]);
} values SEC(".maps");

__u64 seen;

/* Waits for a number that need never come. */
SEC("tc")
int no_progress(struct __sk_buff *skb)
{
	__u32 x;

	do {
		x = bpf_get_prandom_u32();
	} while (x < 100);
	return 0;
}

/* A plain loop of too many rounds: the sum matters, so no round is like another. */
SEC("tc")
int too_many_rounds(struct __sk_buff *skb)
{
	__u64 i, sum = 0;

	for (i = 0; i < 1000000; i++) {
		barrier_var(sum);
		sum += i;
	}
	return sum > 5;
}

/* Each round leaves one more path waiting. */
SEC("tc")
int too_many_waiting(struct __sk_buff *skb)
{
	int i, bits = 0;

	for (i = 0; i < 10000; i++) {
		if (bpf_get_prandom_u32() > 5)
			bits++;
		barrier_var(bits);
	}
	return 0;
}

/* Nothing needs the sum's value, so that a round is like the one before. */
SEC("tc")
int converges(struct __sk_buff *skb)
{
	struct bpf_iter_num it;
	__u64 sum = 0;
	int *v;

	bpf_iter_num_new(&it, 0, 1000);
	while ((v = bpf_iter_num_next(&it)))
		sum += *v;
	bpf_iter_num_destroy(&it);
	seen = sum;
	return 0;
}

/* Two nested iterator loops that converge. */
SEC("tc")
int accepted(struct __sk_buff *skb)
{
	struct bpf_iter_num outer, inner;
	int *i, *j;

	bpf_iter_num_new(&outer, 0, 100);
	while ((i = bpf_iter_num_next(&outer))) {
		bpf_iter_num_new(&inner, 0, 100);
		while ((j = bpf_iter_num_next(&inner)))
			seen += *i * *j;
		bpf_iter_num_destroy(&inner);
	}
	bpf_iter_num_destroy(&outer);
	return 0;
}

/* The index grows from round to round; in an iterator loop that is any number. */
SEC("tc")
int index_widens(struct __sk_buff *skb)
{
	struct bpf_iter_num it;
	__u32 zero = 0;
	__u64 *value, i = 0;
	int *v;

	value = bpf_map_lookup_elem(&values, &zero);
	if (!value)
		return 0;
	bpf_iter_num_new(&it, 0, 16);
	while ((v = bpf_iter_num_next(&it))) {
		value[i] = *v;
		i++;
		barrier_var(i);
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

struct found {
	__u64 *value;
};

static int store(__u32 i, struct found *found)
{
	found->value[i] = 1;
	return 0;
}

/* The callback's index is any number: bpf_loop does not say that it is below 16. */
SEC("tc")
int callback_index(struct __sk_buff *skb)
{
	struct found found;
	__u32 zero = 0;

	found.value = bpf_map_lookup_elem(&values, &zero);
	if (found.value)
		bpf_loop(16, store, &found, 0);
	return 0;
}
