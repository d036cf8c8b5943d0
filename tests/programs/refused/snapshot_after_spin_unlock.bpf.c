// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A mask that only a lock has kept cannot be copied after it. */
#include "guest.h"

struct kept {
	struct bpf_spin_lock lock;
	struct bpf_cpumask __kptr * mask;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kept);
} kept SEC(".maps");

struct cpu_walk walk;

SEC("syscall")
__refused("R2 must be a rcu pointer")
int snapshot_after_spin_unlock(void *ctx)
{
	struct bpf_cpumask *mask;
	struct kept *value;
	__u32 zero = 0;
	int *cpu;

	value = bpf_map_lookup_elem(&kept, &zero);
	if (!value)
		return -1;
	bpf_spin_lock(&value->lock);
	mask = value->mask;
	bpf_spin_unlock(&value->lock);
	if (!mask)
		return -1;
	bpf_for_each(cpumask_snapshot, cpu, &mask->cpumask)
		step(&walk, *cpu);
	return 0;
}
