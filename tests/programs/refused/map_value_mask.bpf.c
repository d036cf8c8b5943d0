// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A map's value is memory for a mask only if it holds as many bits as the kernel was built for. */
#include "guest.h"

struct cpu_walk walk;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64[4]);
} masks SEC(".maps");

SEC("raw_tp")
__refused("invalid access to map value, value_size=32 off=0 size=")
int map_value_mask(void *ctx)
{
	__u32 zero = 0;
	void *bits;
	int cpu;

	bits = bpf_map_lookup_elem(&masks, &zero);
	if (!bits)
		return 0;
	bpf_for_each_cpu(cpu, bits)
		step(&walk, cpu);
	return 0;
}
