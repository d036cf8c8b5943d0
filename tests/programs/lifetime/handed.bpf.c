// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Memory of others that a program is handed: a page of user space, a value by the iterator over a
 * map. Each program gives it back while it walks it.
 */
#include "guest.h"

#define __uptr __attribute__((btf_type_tag("uptr")))

/* The kernel wants a type of the program's own here. */
struct user_mask {
	struct cpumask mask;
};

struct handed {
	struct user_mask __uptr * user;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct handed);
} pages SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct cpumask);
} values SEC(".maps");

struct cpu_walk walk;

/* Or its type would not be in BTF as a whole. */
struct user_mask *unused;

/* User space fills it in. */
struct cpumask other;

/* The rest of a walk that @cpu began. */
#define walk_on(it, cpu)					\
	do {							\
		for (; cpu; cpu = bpf_iter_cpumask_next(it))	\
			step(&walk, *cpu);			\
	} while (0)

SEC("raw_tp")
int of_user_memory(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct bpf_iter_cpumask it;
	struct user_mask *user;
	struct handed *handed;
	int *cpu;

	handed = bpf_task_storage_get(&pages, task, NULL, 0);
	if (!handed)
		return -1;
	user = handed->user;
	if (!user)
		return -2;
	bpf_iter_cpumask_new(&it, &user->mask);
	cpu = bpf_iter_cpumask_next(&it);
	bpf_task_storage_delete(&pages, task);
	walk_on(&it, cpu);
	bpf_iter_cpumask_destroy(&it);
	return 0;
}

SEC("iter/bpf_map_elem")
int of_map_element(struct bpf_iter__bpf_map_elem *ctx)
{
	struct bpf_iter_cpumask it;
	__u32 next = 2, key;
	__u32 *place = ctx->key;
	void *value = ctx->value;
	int *cpu;

	if (!place || !value)
		return 0;
	key = *place;
	if (key == next)
		return 0;
	bpf_iter_cpumask_new(&it, value);
	cpu = bpf_iter_cpumask_next(&it);
	bpf_map_delete_elem(&values, &key);
	bpf_map_update_elem(&values, &next, &other, BPF_ANY);
	walk_on(&it, cpu);
	bpf_iter_cpumask_destroy(&it);
	return 0;
}
