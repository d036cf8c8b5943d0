// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Data of a packet is as good as a mask to the verifier, which does not see that the iterator keeps
 * it. To pull in more of the packet may move it, and free what is walked.
 */
#include "guest.h"

struct cpu_walk walk;

SEC("tc")
__refused("calling kernel function bpf_iter_cpumask_new is not allowed")
int type_tc(struct __sk_buff *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct bpf_iter_cpumask it;
	int *cpu;

	if (data + sizeof(struct cpumask) > end)
		return 0;
	bpf_iter_cpumask_new(&it, data);
	bpf_skb_pull_data(ctx, 2000);
	while ((cpu = bpf_iter_cpumask_next(&it)))
		step(&walk, *cpu);
	bpf_iter_cpumask_destroy(&it);
	return 0;
}
