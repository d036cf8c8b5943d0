/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every benchmark program has in common: the mask, the loop body, the clock. */
#ifndef BENCH_H
#define BENCH_H

#include "../guest.h"

/* kfuncs of bench/c-port */
struct bpf_iter_cpumask_c {
	__u64 __opaque[2];
};

int bpf_iter_cpumask_c_new(struct bpf_iter_cpumask_c *it, const struct cpumask *mask) __weak __ksym;
int *bpf_iter_cpumask_c_next(struct bpf_iter_cpumask_c *it) __weak __ksym;
void bpf_iter_cpumask_c_destroy(struct bpf_iter_cpumask_c *it) __weak __ksym;
u64 bpf_bench_walk(const struct cpumask *mask, u64 *visited) __weak __ksym;
u64 bpf_bench_clock(void) __weak __ksym;

/* User space fills these in. */
struct cpumask mask SEC(".data.mask");

__u32 nr_cpu_ids SEC(".data.nr_cpu_ids");

/* What a run found; user space reads it. */
struct found {
	__u64 ticks;
	__u64 visited;
	__u64 sum;
};

struct found result SEC(".data.result");

/* Every program is: begin(), a loop with visit() as its body, end(). */
static __always_inline struct found begin(void)
{
	return (struct found) { .ticks = bpf_bench_clock() };
}

static __always_inline void visit(struct found *found, __u32 cpu)
{
	found->sum += cpu;
	found->visited++;
}

static __always_inline int end(const struct found *found)
{
	result.ticks = bpf_bench_clock() - found->ticks;
	result.visited = found->visited;
	result.sum = found->sum;
	return 0;
}

#endif /* BENCH_H */
