// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A mask that the program makes itself, with every shape that has an edge. */
#include "guest.h"

struct cpu_walk walk;

static __always_inline int walk_and_release(struct bpf_cpumask *mask)
{
	int cpu;

	bpf_for_each_cpu(cpu, (const struct cpumask *)mask)
		step(&walk, cpu);
	bpf_cpumask_release(mask);
	return 0;
}

SEC("raw_tp")
int empty(void *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();

	return mask ? walk_and_release(mask) : -1;
}

/* bpf_cpumask_setall() fills whole words: bits above nr_cpu_ids are set, too. */
SEC("raw_tp")
int full(void *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();

	if (!mask)
		return -1;
	bpf_cpumask_setall(mask);
	return walk_and_release(mask);
}

SEC("raw_tp")
int first(void *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();

	if (!mask)
		return -1;
	bpf_cpumask_set_cpu(0, mask);
	return walk_and_release(mask);
}

SEC("raw_tp")
int last(void *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();

	if (!mask)
		return -1;
	bpf_cpumask_set_cpu(bpf_nr_cpu_ids() - 1, mask);
	return walk_and_release(mask);
}

/* Both sides of a word boundary. */
SEC("raw_tp")
int word_edges(void *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();

	if (!mask)
		return -1;
	bpf_cpumask_set_cpu(31, mask);
	bpf_cpumask_set_cpu(32, mask);
	bpf_cpumask_set_cpu(63, mask);
	bpf_cpumask_set_cpu(64, mask);
	return walk_and_release(mask);
}
