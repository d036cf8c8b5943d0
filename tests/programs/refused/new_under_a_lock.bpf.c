// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A lock is an RCU section as well, but no kfunc of a module may be called in it. */
#include "guest.h"

struct locked {
	struct bpf_spin_lock lock;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct locked);
} locked SEC(".maps");

struct cpu_walk walk;

SEC("syscall")
__refused("function calls are not allowed while holding a lock")
int new_under_a_lock(void *ctx)
{
	const struct cpumask *possible = bpf_cpu_possible_mask();
	struct bpf_iter_cpumask it;
	struct locked *value;
	__u32 zero = 0;
	int *cpu;

	value = bpf_map_lookup_elem(&locked, &zero);
	if (!value)
		return -1;
	bpf_spin_lock(&value->lock);
	bpf_iter_cpumask_new(&it, possible);
	bpf_spin_unlock(&value->lock);
	cpu = bpf_iter_cpumask_next(&it);
	if (cpu)
		step(&walk, *cpu);
	bpf_iter_cpumask_destroy(&it);
	return 0;
}
