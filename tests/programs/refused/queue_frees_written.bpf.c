// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Nor does it get memory of a packet to write to. */
#include "guest.h"

extern int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *packet) __weak
	__ksym;
extern void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *packet, __u64 offset, void *buffer,
				   __u64 buffer__szk) __weak __ksym;
extern void bpf_kfree_skb(struct sk_buff *skb) __weak __ksym;

struct cpu_walk walk;

SEC("struct_ops/enqueue")
__refused("the prog does not allow writes to packet data")
int BPF_PROG(queue_frees_written, struct sk_buff *skb, struct Qdisc *qdisc, void *to_free)
{
	struct bpf_iter_cpumask it;
	struct bpf_dynptr packet;
	void *bits;
	int *cpu;

	bpf_dynptr_from_skb((struct __sk_buff *)skb, 0, &packet);
	bits = bpf_dynptr_slice_rdwr(&packet, 0, NULL, sizeof(struct cpumask));
	if (!bits) {
		bpf_kfree_skb(skb);
		return 1;
	}
	bpf_iter_cpumask_new(&it, bits);
	bpf_kfree_skb(skb);
	while ((cpu = bpf_iter_cpumask_next(&it)))
		step(&walk, *cpu);
	bpf_iter_cpumask_destroy(&it);
	return 1;
}

SEC(".struct_ops.link")
struct Qdisc_ops ops = {
	.enqueue = (void *)queue_frees_written,
	.id = "queue_written",
};
