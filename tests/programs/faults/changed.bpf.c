// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One program changes a mask while another one walks it. */
#include "guest.h"

#define CPUS 72
#define ROUNDS 2000

struct kept {
	struct bpf_cpumask __kptr * mask;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct kept);
} kept SEC(".maps");

__u32 walks;
__u32 disorders;

SEC("raw_tp")
int keep(void *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();
	struct kept *value;
	__u32 zero = 0;

	if (!mask)
		return -1;
	value = bpf_map_lookup_elem(&kept, &zero);
	if (value)
		mask = bpf_kptr_xchg(&value->mask, mask);
	if (mask)
		bpf_cpumask_release(mask);
	return 0;
}

/* The even CPUs, the odd ones, and over again. */
SEC("raw_tp")
int change(void *ctx)
{
	struct bpf_cpumask *mask;
	struct kept *value;
	__u32 zero = 0;
	int round, cpu;

	value = bpf_map_lookup_elem(&kept, &zero);
	if (!value)
		return -1;
	mask = value->mask;
	if (!mask)
		return -1;
	bpf_for(round, 0, ROUNDS) {
		bpf_for(cpu, 0, CPUS) {
			if ((cpu ^ round) & 1)
				bpf_cpumask_clear_cpu(cpu, mask);
			else
				bpf_cpumask_set_cpu(cpu, mask);
		}
	}
	return 0;
}

/* Many walks, so that a change falls into one. Ascending is also: each CPU once. */
SEC("raw_tp")
int walk_kept(void *ctx)
{
	int nr = bpf_nr_cpu_ids(), round, cpu;
	struct bpf_cpumask *mask;
	struct kept *value;
	__u32 zero = 0;

	value = bpf_map_lookup_elem(&kept, &zero);
	if (!value)
		return -1;
	mask = value->mask;
	if (!mask)
		return -1;
	bpf_for(round, 0, ROUNDS) {
		int last = -1;

		bpf_for_each_cpu(cpu, (const struct cpumask *)mask) {
			if (cpu <= last || cpu >= nr)
				disorders++;
			last = cpu;
		}
		walks++;
	}
	return 0;
}
