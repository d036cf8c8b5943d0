/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every test program starts with. */
#ifndef GUEST_H
#define GUEST_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
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

/*
 * What the verifier says when it refuses the program that follows: how a line of its log begins.
 * __refused_on() is for one kernel version, and comes before __refused() there.
 */
#define __refused(message) __attribute__((btf_decl_tag("refused:" message)))
#define __refused_on(version, message) __attribute__((btf_decl_tag("refused@" version ":" message)))

/* Notes that the walk has come to @cpu. */
static __always_inline void step(struct cpu_walk *walk, int cpu)
{
	__u32 i = walk->len;

	if (i < MAX_STEPS)
		walk->cpus[i] = cpu;
	walk->len = i + 1;
}

/* vmlinux.h of 7.2 lacks it. */
s32 scx_bpf_create_dsq(u64 dsq_id, s32 node) __weak __ksym;

#endif /* GUEST_H */
