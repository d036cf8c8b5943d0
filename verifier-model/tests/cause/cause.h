/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs of this folder share. */
#include "../explain/kernel.h"

typedef long long __s64;

struct value {
	__u32 count;
	__u32 slots[8];
	__u64 wide;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct value);
} map SEC(".maps");

struct locked {
	struct bpf_spin_lock lock;
	__u32 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct locked);
} locks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct task_struct___walked {
	struct task_struct *last_wakee;
} preserve;

static long (*const bpf_skb_pull_data)(struct __sk_buff *skb, __u32 len) = (void *)39;

void bpf_preempt_disable(void) __ksym __weak;
void bpf_preempt_enable(void) __ksym __weak;

#define __always_inline inline __attribute__((always_inline))

static __always_inline struct value *lookup(__u32 key)
{
	return bpf_map_lookup_elem(&map, &key);
}
