// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The header's loop beside what is written without it, each between two looks at the clock. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "bpf_iter_cpumask.h"

char _license[] SEC("license") = "GPL";

/* User space fills these in. */
struct cpumask mask SEC(".data.mask");
__u32 nr SEC(".data.nr");

__u64 took, sum, visited;

bool bpf_cpumask_test_cpu(u32 cpu, const struct cpumask *cpumask) __weak __ksym;

/* A program that may sleep says how long the mask is used. */
static __always_inline __u64 begin(void)
{
	bpf_rcu_read_lock();
	return bpf_ktime_get_ns();
}

static __always_inline int end(__u64 began, __u64 s, __u64 n)
{
	took = bpf_ktime_get_ns() - began;
	bpf_rcu_read_unlock();
	sum = s;
	visited = n;
	return 0;
}

SEC("syscall")
int nothing(void *ctx)
{
	return end(begin(), 0, 0);
}

SEC("syscall")
int by_header(void *ctx)
{
	__u64 began = begin(), s = 0, n = 0;
	int cpu;

	bpf_for_each_cpu(cpu, &mask) {
		s += (__u32)cpu;
		n++;
	}
	return end(began, s, n);
}

SEC("syscall")
int by_hand(void *ctx)
{
	__u64 began = begin(), s = 0, n = 0;
	int cpu;

	bpf_for(cpu, 0, nr)
		if (bpf_cpumask_test_cpu(cpu, &mask)) {
			s += (__u32)cpu;
			n++;
		}
	return end(began, s, n);
}
