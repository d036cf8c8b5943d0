// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Walks where a program cannot wait for anything: in interrupts, and in one that nothing masks. */
#include "guest.h"

struct cpu_walk online, copy;

/* Set by user space, cleared by the first program that comes, which says when it is done. */
__u32 armed, done;
/* What the copy's new returned. */
int made;

static __always_inline int walk_both(void)
{
	struct bpf_iter_cpumask_snapshot it;
	int cpu, *copied;

	if (!__sync_lock_test_and_set(&armed, 0))
		return 0;
	bpf_for_each_online_cpu(cpu)
		step(&online, cpu);
	if (bpf_ksym_exists(bpf_iter_cpumask_snapshot_new)) {
		made = bpf_iter_cpumask_snapshot_new(&it, bpf_cpu_possible_mask());
		while ((copied = bpf_iter_cpumask_snapshot_next(&it)))
			step(&copy, *copied);
		bpf_iter_cpumask_snapshot_destroy(&it);
	}
	done = 1;
	return 0;
}

/* Other timers wait for a softirq. */
SEC("tp_btf/hrtimer_expire_entry")
int BPF_PROG(in_hardirq, struct hrtimer *timer)
{
	return timer->is_soft ? 0 : walk_both();
}

SEC("tp_btf/nmi_handler")
int in_nmi(void *ctx)
{
	return walk_both();
}

/* What perf samples call, which in hardware are NMIs. */
SEC("perf_event")
int sampled(void *ctx)
{
	return walk_both();
}
