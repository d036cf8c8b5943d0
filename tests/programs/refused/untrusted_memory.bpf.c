// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Memory that the program reads at its own risk is no mask: a kfunc would take the fault. */
#include "guest.h"

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __weak __ksym;

struct cpu_walk walk;
__u64 address;

SEC("raw_tp")
__refused("invalid access to memory, mem_size=0 off=0 size=")
int untrusted_memory(void *ctx)
{
	int cpu;

	bpf_for_each_cpu(cpu, (const struct cpumask *)bpf_rdonly_cast((void *)address, 0))
		step(&walk, cpu);
	return 0;
}
