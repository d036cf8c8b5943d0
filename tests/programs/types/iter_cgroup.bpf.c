// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* For each cgroup of a walk through the hierarchy. */
#include "guest.h"

struct cpu_walk walk;

SEC("iter/cgroup")
int walk_online(struct bpf_iter__cgroup *ctx)
{
	int cpu;

	if (!ctx->cgroup)
		return 0;
	bpf_for_each_online_cpu(cpu) {
		step(&walk, cpu);
		BPF_SEQ_PRINTF(ctx->meta->seq, "%d\n", cpu);
	}
	return 0;
}
