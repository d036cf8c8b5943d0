// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How many tasks are ready to run, as a histogram of each CPU: at every sample of the clock a row
 * of counters for each CPU that is online.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "bpf_iter_cpumask.h"

#define SLOTS 8

struct row {
	__u32 slots[SLOTS];		/* samples by number of tasks; the last has those of more */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 512);
	__type(key, int);
	__type(value, struct row);
} rows SEC(".maps");

extern const struct rq runqueues __ksym;
char _license[] SEC("license") = "GPL";

/* As often as user space runs it; SEC("perf_event") has it run by a clock. */
SEC("raw_tp")
int sample(void *ctx)
{
	int cpu;

	bpf_for_each_online_cpu(cpu) {
		const struct rq *rq = bpf_per_cpu_ptr(&runqueues, cpu);
		struct row *row = bpf_map_lookup_elem(&rows, &cpu);
		__u32 slot;

		if (!rq || !row)
			continue;
		slot = rq->nr_running;
		if (slot >= SLOTS)
			slot = SLOTS - 1;
		row->slots[slot]++;
	}
	return 0;
}
