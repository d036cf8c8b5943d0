// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Plain memory that the program gives up while it is walked, and may get again for something else.
 * Each program walks @mask, and fills what it gets then with @other.
 */
#include "guest.h"

#define WORDS (sizeof(struct cpumask) / sizeof(__u64))

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct cpumask);
} allocated SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpumask);
} preallocated SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpumask);
} least_recent SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct cpumask);
} stored SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} records SEC(".maps");

struct cpu_walk walk;

/* User space fills them in. */
struct cpumask mask;
struct cpumask other;

static __always_inline void copy(void *to, const struct cpumask *from)
{
	volatile __u64 *words = to;
	int i;

	for (i = 0; i < WORDS; i++)
		words[i] = ((const volatile __u64 *)from)[i];
}

/* The rest of a walk that @cpu began. */
#define walk_on(it, cpu)					\
	do {							\
		for (; cpu; cpu = bpf_iter_cpumask_next(it))	\
			step(&walk, *cpu);			\
	} while (0)

static __always_inline int value_deleted(void *map)
{
	struct bpf_iter_cpumask it;
	__u32 key = 1, next = 2;
	void *value;
	int *cpu;

	bpf_map_delete_elem(map, &next);
	if (bpf_map_update_elem(map, &key, &mask, BPF_ANY))
		return -1;
	value = bpf_map_lookup_elem(map, &key);
	if (!value)
		return -1;
	bpf_iter_cpumask_new(&it, value);
	cpu = bpf_iter_cpumask_next(&it);
	bpf_map_delete_elem(map, &key);
	bpf_map_update_elem(map, &next, &other, BPF_ANY);
	walk_on(&it, cpu);
	bpf_iter_cpumask_destroy(&it);
	return 0;
}

SEC("raw_tp")
int of_hash_allocated(void *ctx)
{
	return value_deleted(&allocated);
}

SEC("raw_tp")
int of_hash_preallocated(void *ctx)
{
	return value_deleted(&preallocated);
}

SEC("raw_tp")
int of_lru_hash(void *ctx)
{
	return value_deleted(&least_recent);
}

SEC("raw_tp")
int of_task_storage(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct bpf_iter_cpumask it;
	void *value;
	int *cpu;

	value = bpf_task_storage_get(&stored, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!value)
		return -1;
	copy(value, &mask);
	bpf_iter_cpumask_new(&it, value);
	cpu = bpf_iter_cpumask_next(&it);
	bpf_task_storage_delete(&stored, task);
	value = bpf_task_storage_get(&stored, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (value)
		copy(value, &other);
	walk_on(&it, cpu);
	bpf_iter_cpumask_destroy(&it);
	return 0;
}

/* Nobody reads the records, for which there is room. */
SEC("raw_tp")
int of_ring_buffer(void *ctx)
{
	struct bpf_iter_cpumask it;
	void *record;
	int *cpu;

	record = bpf_ringbuf_reserve(&records, sizeof(struct cpumask), 0);
	if (!record)
		return -1;
	copy(record, &mask);
	bpf_iter_cpumask_new(&it, record);
	cpu = bpf_iter_cpumask_next(&it);
	bpf_ringbuf_submit(record, 0);
	record = bpf_ringbuf_reserve(&records, sizeof(struct cpumask), 0);
	if (record) {
		copy(record, &other);
		bpf_ringbuf_discard(record, 0);
	}
	walk_on(&it, cpu);
	bpf_iter_cpumask_destroy(&it);
	return 0;
}

/* What user space calls the program with. It stays until the program returns. */
SEC("syscall")
int of_context(struct cpumask *ctx)
{
	struct bpf_iter_cpumask it;
	int *cpu;

	bpf_rcu_read_lock();
	bpf_iter_cpumask_new(&it, ctx);
	cpu = bpf_iter_cpumask_next(&it);
	copy(ctx, &other);
	walk_on(&it, cpu);
	bpf_iter_cpumask_destroy(&it);
	bpf_rcu_read_unlock();
	return 0;
}
