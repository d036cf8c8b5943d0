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

/* Ascending is also: each CPU once. */
static __always_inline void in_order(int *last, int cpu, int nr)
{
	if (cpu <= *last || cpu >= nr)
		disorders++;
	*last = cpu;
}

/* Many walks, so that a change falls into one. */
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
			in_order(&last, cpu, nr);
		}
		walks++;
	}
	return 0;
}

/* The same with a mask that stays as it is: of two, either may be the one that changes. */
SEC("raw_tp")
int walk_two(void *ctx)
{
	const struct cpumask *possible = bpf_cpu_possible_mask(), *changing;
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
	changing = (const struct cpumask *)mask;
	bpf_for(round, 0, ROUNDS / 4) {
		int last = -1;

		bpf_for_each_cpu_and(cpu, possible, changing)
			in_order(&last, cpu, nr);
		last = -1;
		bpf_for_each_cpu_and(cpu, changing, possible)
			in_order(&last, cpu, nr);
		last = -1;
		bpf_for_each_cpu_andnot(cpu, possible, changing)
			in_order(&last, cpu, nr);
		walks += 3;
	}
	return 0;
}

/* A copy is made while the mask changes. */
SEC("raw_tp")
int walk_copies(void *ctx)
{
	int nr = bpf_nr_cpu_ids(), round, *cpu;
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

		bpf_for_each(cpumask_snapshot, cpu, (const struct cpumask *)mask)
			in_order(&last, *cpu, nr);
		walks++;
	}
	return 0;
}
