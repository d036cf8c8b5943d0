/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What programs start with that walk on every kernel, with the iterator or without. */
#ifndef ANYWHERE_H
#define ANYWHERE_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf_iter_cpumask.h>

char _license[] SEC("license") = "GPL";

/* More than the guest has CPUs, so that a walk that does not end shows. */
#define MAX_STEPS 1023

/* The CPUs of a walk in the order they came. @len counts on past MAX_STEPS. */
struct cpu_walk {
	__u32 len;
	__u32 cpus[MAX_STEPS];
};

struct cpu_walk walk;

/* Notes that the walk has come to @cpu. */
static __always_inline void step(int cpu)
{
	__u32 i = walk.len;

	if (i < MAX_STEPS)
		walk.cpus[i] = cpu;
	walk.len = i + 1;
}

#endif /* ANYWHERE_H */
