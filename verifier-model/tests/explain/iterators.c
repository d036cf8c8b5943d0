// SPDX-License-Identifier: GPL-2.0-only
#include "kernel.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bpf_iter_num);
} iters SEC(".maps");

/* destroy comes too early. */
SEC("tc")
int next_after_destroy(struct __sk_buff *skb)
{
	struct bpf_iter_num it;
	int sum = 0, *v;

	bpf_iter_num_new(&it, 0, 3);
	bpf_iter_num_destroy(&it);
	while ((v = bpf_iter_num_next(&it)))
		sum += *v;
	return sum;
}

/* new on a live iterator. */
SEC("tc")
int new_twice(struct __sk_buff *skb)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 3);
	bpf_iter_num_new(&it, 0, 3);
	bpf_iter_num_destroy(&it);
	return 0;
}

/* The iterator is left behind when the loop is left early. */
SEC("tc")
int leak_on_return(struct __sk_buff *skb)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 10);
	while ((v = bpf_iter_num_next(&it))) {
		if (*v == 3)
			return 1;
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

/* An iterator in a map. */
SEC("tc")
int not_on_stack(struct __sk_buff *skb)
{
	struct bpf_iter_num *it;
	__u32 zero = 0;

	it = bpf_map_lookup_elem(&iters, &zero);
	if (it)
		bpf_iter_num_new(it, 0, 3);
	return 0;
}

/* The element may be NULL. */
SEC("tc")
int element_unchecked(struct __sk_buff *skb)
{
	struct bpf_iter_num it;
	int v;

	bpf_iter_num_new(&it, 0, 3);
	v = *bpf_iter_num_next(&it);
	bpf_iter_num_destroy(&it);
	return v;
}

/* More is read than an element has. */
SEC("tc")
int element_too_large(struct __sk_buff *skb)
{
	struct bpf_iter_num it;
	__u64 sum = 0;
	int *v;

	bpf_iter_num_new(&it, 0, 3);
	while ((v = bpf_iter_num_next(&it)))
		sum += *(__u64 *)v;
	bpf_iter_num_destroy(&it);
	return sum;
}

/* The section is opened again, but it is another one. */
SEC("syscall")
int unlock_inside(void *ctx)
{
	struct bpf_iter_task it;
	int n = 0;

	bpf_rcu_read_lock();
	bpf_iter_task_new(&it, NULL, 0);
	while (bpf_iter_task_next(&it)) {
		n++;
		bpf_rcu_read_unlock();
		bpf_rcu_read_lock();
	}
	bpf_iter_task_destroy(&it);
	bpf_rcu_read_unlock();
	return n;
}

/* No section at all, in a program that may sleep. */
SEC("syscall")
int no_section(void *ctx)
{
	struct bpf_iter_task it;
	int n = 0;

	bpf_iter_task_new(&it, NULL, 0);
	while (bpf_iter_task_next(&it))
		n++;
	bpf_iter_task_destroy(&it);
	return n;
}
