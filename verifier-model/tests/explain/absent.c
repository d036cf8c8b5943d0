// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a program refers to and the kernel, or the loader, does not have. */
#include "kernel.h"

struct cpumask___gone {
	int field_that_is_gone;
} preserve;

static long (*const no_such_helper)(void) = (void *)9999;

/* tests/explain.rs does not create it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} left_out SEC(".maps");

SEC("raw_tp/sched_switch") int no_field(void *ctx)
{
	struct cpumask___gone *mask = bpf_get_current_task_btf();

	return mask->field_that_is_gone;
}

SEC("tc") int no_helper(void *ctx)
{
	return no_such_helper();
}

SEC("tc") int no_map(void *ctx)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&left_out, &key) != NULL;
}
