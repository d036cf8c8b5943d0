// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A mask kept in a map: one program makes it, another walks it. */
#include "guest.h"

struct kept {
	struct bpf_cpumask __kptr * mask;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kept);
} kept SEC(".maps");

struct cpu_walk walk;

SEC("raw_tp")
int keep(void *ctx)
{
	struct bpf_cpumask *mask;
	struct kept *value;
	__u32 zero = 0;

	value = bpf_map_lookup_elem(&kept, &zero);
	mask = bpf_cpumask_create();
	if (!mask)
		return -1;
	bpf_cpumask_set_cpu(1, mask);
	bpf_cpumask_set_cpu(7, mask);
	bpf_cpumask_set_cpu(70, mask);
	if (value)
		mask = bpf_kptr_xchg(&value->mask, mask);
	if (mask)
		bpf_cpumask_release(mask);
	return 0;
}

SEC("raw_tp")
int walk_kept(void *ctx)
{
	struct kept *value;
	__u32 zero = 0;
	int cpu;

	value = bpf_map_lookup_elem(&kept, &zero);
	if (!value)
		return -1;
	bpf_rcu_read_lock();
	if (value->mask) {
		const struct cpumask *mask = (const struct cpumask *)value->mask;

		if (mask)
			bpf_for_each_cpu(cpu, mask)
				step(&walk, cpu);
	}
	bpf_rcu_read_unlock();
	return 0;
}
