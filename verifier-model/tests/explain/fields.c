// SPDX-License-Identifier: GPL-2.0-only
#include "kernel.h"

#define __contains(name, node) __attribute__((btf_decl_tag("contains:" #name ":" #node)))

struct item {
	struct bpf_list_node node;
	__u32 count;
};

struct queue {
	struct bpf_spin_lock lock;
	struct bpf_list_head head __contains(item, node);
};

struct counter {
	struct bpf_spin_lock lock;
	__u32 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct queue);
} queues SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct counter);
} counters SEC(".maps");

/* Takes from a list without its lock. */
SEC("tc")
int lock_not_held(struct __sk_buff *skb)
{
	struct queue *q;
	__u32 key = 0;
	/* Brings the type into the BTF, as bpf_obj_new() does. */
	__u32 type = __builtin_btf_type_id(*(struct item *)0, 0);

	barrier_var(type);

	q = bpf_map_lookup_elem(&queues, &key);
	if (q)
		bpf_list_pop_front(&q->head);
	return 0;
}

/* Two lookups of one key: for the verifier these are two locks. */
SEC("tc")
int another_lock(struct __sk_buff *skb)
{
	struct counter *a, *b;
	__u32 key = 0;

	a = bpf_map_lookup_elem(&counters, &key);
	b = bpf_map_lookup_elem(&counters, &key);
	if (!a || !b)
		return 0;
	bpf_spin_lock(&a->lock);
	b->count++;
	bpf_spin_unlock(&b->lock);
	return 0;
}

/* Locks by the counter. */
SEC("tc")
int wrong_field(struct __sk_buff *skb)
{
	struct counter *c;
	__u32 key = 0;

	c = bpf_map_lookup_elem(&counters, &key);
	if (!c)
		return 0;
	bpf_spin_lock(&c->count);
	bpf_spin_unlock(&c->lock);
	return 0;
}

/* Clears all of a value, its lock too. */
SEC("tc")
int special_field(struct __sk_buff *skb)
{
	struct counter *c;
	__u32 key = 0;

	c = bpf_map_lookup_elem(&counters, &key);
	if (c)
		*c = (struct counter){};
	return 0;
}

/* A lock in a program that may interrupt its holder. */
SEC("kprobe/do_exit")
int not_while_tracing(void *ctx)
{
	struct counter *c;
	__u32 key = 0;

	c = bpf_map_lookup_elem(&counters, &key);
	return c ? c->count : 0;
}
