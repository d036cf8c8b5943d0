// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A walk that is over stays over, whatever happens to the mask. */
#include "guest.h"

__u64 after_the_end = -1;

SEC("raw_tp")
int step_on(void *ctx)
{
	struct bpf_iter_cpumask it;
	struct bpf_cpumask *mask;
	int *cpu, ret = -1;

	mask = bpf_cpumask_create();
	if (!mask)
		return -1;
	bpf_cpumask_set_cpu(3, mask);
	bpf_iter_cpumask_new(&it, (const struct cpumask *)mask);
	cpu = bpf_iter_cpumask_next(&it);
	if (!cpu || *cpu != 3)
		goto out;
	cpu = bpf_iter_cpumask_next(&it);
	if (cpu)
		goto out;
	/* Above and below where the walk has been. */
	bpf_cpumask_set_cpu(10, mask);
	bpf_cpumask_set_cpu(1, mask);
	after_the_end = (__u64)bpf_iter_cpumask_next(&it);
	ret = 0;
out:
	bpf_iter_cpumask_destroy(&it);
	bpf_cpumask_release(mask);
	return ret;
}
