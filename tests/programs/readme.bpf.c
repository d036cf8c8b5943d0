// SPDX-License-Identifier: GPL-2.0-only
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "bpf_iter_cpumask.h"

extern const struct rq runqueues __ksym;
char _license[] SEC("license") = "GPL";
int ready;

SEC("tp_btf/sched_switch")
int count_ready(void *ctx)
{
	int cpu, sum = 0;

	bpf_for_each_possible_cpu(cpu) {
		const struct rq *rq = bpf_per_cpu_ptr(&runqueues, cpu);

		if (rq)
			sum += rq->nr_running;
	}
	ready = sum;
	return 0;
}
