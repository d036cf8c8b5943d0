// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The loop in other shapes: left early, nested, in a subprogram. */
#include "guest.h"

struct cpu_walk walk;
__u32 pairs, triples;

SEC("raw_tp")
int early_break(void *ctx)
{
	int cpu;

	bpf_for_each_possible_cpu(cpu) {
		if (cpu == 5)
			break;
		step(&walk, cpu);
	}
	return 0;
}

/* The return leaves the loop and the program at once. */
SEC("raw_tp")
int early_return(void *ctx)
{
	int cpu;

	bpf_for_each_possible_cpu(cpu) {
		if (cpu == 5)
			return cpu;
		step(&walk, cpu);
	}
	return -1;
}

SEC("raw_tp")
int two_nested(void *ctx)
{
	const struct cpumask *mask = bpf_cpu_online_mask();
	int outer, inner;

	bpf_for_each_cpu(outer, mask) {
		step(&walk, outer);
		bpf_for_each_cpu(inner, mask)
			if (outer < inner)
				pairs++;
	}
	return 0;
}

SEC("raw_tp")
int three_nested(void *ctx)
{
	const struct cpumask *mask = bpf_cpu_online_mask();
	int outer, middle, inner;

	bpf_for_each_cpu(outer, mask) {
		step(&walk, outer);
		bpf_for_each_cpu(middle, mask)
			bpf_for_each_cpu(inner, mask)
				if (outer < middle && middle < inner)
					triples++;
	}
	return 0;
}

static __noinline int walk_present(void)
{
	int cpu;

	bpf_for_each_present_cpu(cpu)
		step(&walk, cpu);
	return 0;
}

SEC("raw_tp")
int static_subprogram(void *ctx)
{
	return walk_present();
}

/* Verified on its own, so it takes the mask on the caller's word. */
__noinline int walk_trusted(const struct cpumask *mask __arg_trusted)
{
	int cpu;

	bpf_for_each_cpu(cpu, mask)
		step(&walk, cpu);
	return 0;
}

SEC("raw_tp")
int global_subprogram(void *ctx)
{
	return walk_trusted(bpf_cpu_present_mask());
}

/* An iterator passed on to a subprogram, which steps it. */
static __noinline int step_twice(struct bpf_iter_cpumask *it)
{
	int *cpu;

	cpu = bpf_iter_cpumask_next(it);
	if (cpu)
		step(&walk, *cpu);
	cpu = bpf_iter_cpumask_next(it);
	if (cpu)
		step(&walk, *cpu);
	return 0;
}

SEC("raw_tp")
int passed_on(void *ctx)
{
	struct bpf_iter_cpumask it;

	bpf_iter_cpumask_new(&it, bpf_cpu_possible_mask());
	step_twice(&it);
	step_twice(&it);
	bpf_iter_cpumask_destroy(&it);
	return 0;
}
