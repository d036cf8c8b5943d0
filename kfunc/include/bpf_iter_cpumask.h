/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Walk a CPU mask from a BPF program.
 *
 * Include after vmlinux.h and bpf/bpf_helpers.h:
 *
 *	int cpu;
 *
 *	bpf_for_each_possible_cpu(cpu)
 *		sum += ...;
 *
 *	bpf_for_each_cpu(cpu, task->cpus_ptr)
 *		...;
 *
 * or with libbpf's own macro, which hands out pointers:
 *
 *	int *cpu;
 *
 *	bpf_for_each(cpumask, cpu, task->cpus_ptr)
 *		... *cpu ...;
 *
 * The mask is read while the walk goes on. It must be trusted or RCU protected, and a sleepable
 * program has to hold bpf_rcu_read_lock() around the loop.
 *
 * All kfuncs are weak, so that an object also loads where they are missing:
 *
 *	if (bpf_ksym_exists(bpf_iter_cpumask_new))
 *		...;
 *
 * Two switches, to be defined before this file is included:
 *
 * BPF_ITER_CPUMASK_NO_TYPE
 *	vmlinux.h has struct bpf_iter_cpumask: it comes from a kernel with the iterator built in,
 *	or from the module's BTF.
 * BPF_NO_KFUNC_PROTOTYPES
 *	bpftool's own: keep its kfunc prototypes out of vmlinux.h. It has no effect here. The
 *	prototypes below repeat those of bpftool where both are present, which C allows.
 */
#ifndef __BPF_ITER_CPUMASK_H__
#define __BPF_ITER_CPUMASK_H__

#ifndef BPF_ITER_CPUMASK_NO_TYPE
struct bpf_iter_cpumask {
	__u64 __opaque[2];
};
#endif

/* Start, step and end a walk over @mask; see bpf_for_each() in bpf/bpf_helpers.h. */
int bpf_iter_cpumask_new(struct bpf_iter_cpumask *it, const struct cpumask *mask) __weak __ksym;
int *bpf_iter_cpumask_next(struct bpf_iter_cpumask *it) __weak __ksym;
void bpf_iter_cpumask_destroy(struct bpf_iter_cpumask *it) __weak __ksym;

/* The kernel's masks. They are trusted as they come: nothing to acquire, nothing to release. */
const struct cpumask *bpf_cpu_possible_mask(void) __weak __ksym;
const struct cpumask *bpf_cpu_present_mask(void) __weak __ksym;
const struct cpumask *bpf_cpu_online_mask(void) __weak __ksym;
const struct cpumask *bpf_cpu_active_mask(void) __weak __ksym;
const struct cpumask *bpf_cpu_enabled_mask(void) __weak __ksym;
const struct cpumask *bpf_cpu_dying_mask(void) __weak __ksym;

/* One more than the highest possible CPU number: the bound of every walk. */
u32 bpf_nr_cpu_ids(void) __weak __ksym;

/*
 * bpf_for_each_cpu(cpu, mask) - as the kernel's for_each_cpu(): @cpu is an int.
 *
 * break, continue and return leave the loop as usual; the iterator is destroyed on the way out.
 */
#ifndef bpf_for_each_cpu
#define bpf_for_each_cpu(cpu, mask)							\
	for (struct bpf_iter_cpumask ___it						\
		__attribute__((cleanup(bpf_iter_cpumask_destroy))),			\
	     *___made = (bpf_iter_cpumask_new(&___it, (mask)),				\
		/* Named, for clang leaves what only cleanup() calls out of BTF. */	\
		(void)bpf_iter_cpumask_destroy,						\
		&___it);								\
	     ___made && ({								\
		const int *___cpu = bpf_iter_cpumask_next(&___it);			\
											\
		___cpu && ((cpu) = *___cpu, 1);						\
	     });									\
	)
#endif

#define bpf_for_each_possible_cpu(cpu) bpf_for_each_cpu(cpu, bpf_cpu_possible_mask())
#define bpf_for_each_present_cpu(cpu) bpf_for_each_cpu(cpu, bpf_cpu_present_mask())
#define bpf_for_each_online_cpu(cpu) bpf_for_each_cpu(cpu, bpf_cpu_online_mask())

#endif /* __BPF_ITER_CPUMASK_H__ */
