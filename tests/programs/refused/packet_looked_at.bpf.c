// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Part of a packet that tracing comes by can be read in place, but the verifier takes for a mask
 * only memory that can be written: so none that belongs to others.
 */
#include "guest.h"

extern int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *packet) __weak
	__ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *packet, __u64 offset, void *buffer,
			      __u64 buffer__szk) __weak __ksym;

struct cpu_walk walk;

SEC("tp_btf/netif_receive_skb")
__refused_on("patched", "R2 is rdonly_mem expected STRUCT cpumask")
__refused("R2 cannot write into rdonly_mem")
int BPF_PROG(packet_looked_at, struct sk_buff *skb)
{
	struct bpf_dynptr packet;
	void *bits;
	int cpu;

	bpf_dynptr_from_skb((struct __sk_buff *)skb, 0, &packet);
	bits = bpf_dynptr_slice(&packet, 0, NULL, sizeof(struct cpumask));
	if (!bits)
		return 0;
	bpf_for_each_cpu(cpu, bits)
		step(&walk, cpu);
	return 0;
}
