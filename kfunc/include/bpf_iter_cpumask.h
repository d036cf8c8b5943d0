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
 *	bpf_for_each_cpu(cpu, &task->cpus_mask)
 *		...;
 *
 * or with libbpf's own macro, which hands out pointers:
 *
 *	int *cpu;
 *
 *	bpf_for_each(cpumask, cpu, &task->cpus_mask)
 *		... *cpu ...;
 *
 * The mask is read while the walk goes on. It must be trusted or RCU protected, and a sleepable
 * program has to hold bpf_rcu_read_lock() around the loop.
 *
 * &task->cpus_mask is where a task may run. task->cpus_ptr is where a scheduler puts it now: that
 * same mask, but from when the task is switched out with migration disabled until it enables it
 * again, a mask of the one CPU that it is on.
 *
 * The CPUs that are in two masks, or in one and not in the other:
 *
 *	bpf_for_each_cpu_and(cpu, &task->cpus_mask, bpf_cpu_online_mask())
 *		...;
 *
 *	bpf_for_each_cpu_andnot(cpu, bpf_cpu_possible_mask(), bpf_cpu_online_mask())
 *		...;
 *
 * A loop that sleeps walks a copy, which is made before the first step:
 *
 *	bpf_for_each_cpu_snapshot(cpu, &task->cpus_mask)
 *		bpf_copy_from_user(...);
 *
 * All kfuncs are weak, so that an object also loads where they are missing:
 *
 *	if (bpf_ksym_exists(bpf_iter_cpumask_new))
 *		...;
 *
 * Three switches, to be defined before this file is included:
 *
 * BPF_ITER_CPUMASK_NO_TYPE
 *	vmlinux.h has struct bpf_iter_cpumask and the others: it comes from the module's BTF.
 * BPF_ITER_CPUMASK_BUILT_IN
 *	vmlinux.h has struct bpf_iter_cpumask, but not the others: it comes from a kernel with
 *	the iterator built in.
 * BPF_NO_KFUNC_PROTOTYPES
 *	bpftool's own: keep its kfunc prototypes out of vmlinux.h. It has no effect here. The
 *	prototypes below repeat those of bpftool where both are present, which C allows.
 */
#ifndef __BPF_ITER_CPUMASK_H__
#define __BPF_ITER_CPUMASK_H__

#ifndef BPF_ITER_CPUMASK_NO_TYPE
#ifndef BPF_ITER_CPUMASK_BUILT_IN
struct bpf_iter_cpumask {
	__u64 __opaque[2];
};
#endif

struct bpf_iter_cpumask_and {
	__u64 __opaque[3];
};

struct bpf_iter_cpumask_andnot {
	__u64 __opaque[3];
};

struct bpf_iter_cpumask_snapshot {
	__u64 __opaque[5];
};
#endif

/* Start, step and end a walk over @mask; see bpf_for_each() in bpf/bpf_helpers.h. */
int bpf_iter_cpumask_new(struct bpf_iter_cpumask *it, const struct cpumask *mask) __weak __ksym;
int *bpf_iter_cpumask_next(struct bpf_iter_cpumask *it) __weak __ksym;
void bpf_iter_cpumask_destroy(struct bpf_iter_cpumask *it) __weak __ksym;

/* The same over the CPUs in both masks, and over those in @mask1 that are not in @mask2. */
int bpf_iter_cpumask_and_new(struct bpf_iter_cpumask_and *it, const struct cpumask *mask1,
			     const struct cpumask *mask2) __weak __ksym;
int *bpf_iter_cpumask_and_next(struct bpf_iter_cpumask_and *it) __weak __ksym;
void bpf_iter_cpumask_and_destroy(struct bpf_iter_cpumask_and *it) __weak __ksym;

int bpf_iter_cpumask_andnot_new(struct bpf_iter_cpumask_andnot *it, const struct cpumask *mask1,
				const struct cpumask *mask2) __weak __ksym;
int *bpf_iter_cpumask_andnot_next(struct bpf_iter_cpumask_andnot *it) __weak __ksym;
void bpf_iter_cpumask_andnot_destroy(struct bpf_iter_cpumask_andnot *it) __weak __ksym;

/*
 * The same over a copy of @mask: only the start needs RCU. With more than 256 possible CPUs the
 * copy takes memory; without any the start returns -ENOMEM, and the walk is empty.
 */
int bpf_iter_cpumask_snapshot_new(struct bpf_iter_cpumask_snapshot *it,
				  const struct cpumask *mask) __weak __ksym;
int *bpf_iter_cpumask_snapshot_next(struct bpf_iter_cpumask_snapshot *it) __weak __ksym;
void bpf_iter_cpumask_snapshot_destroy(struct bpf_iter_cpumask_snapshot *it) __weak __ksym;

/* The kernel's masks. They are trusted as they come: nothing to acquire, nothing to release. */
const struct cpumask *bpf_cpu_possible_mask(void) __weak __ksym;
const struct cpumask *bpf_cpu_present_mask(void) __weak __ksym;
const struct cpumask *bpf_cpu_online_mask(void) __weak __ksym;
const struct cpumask *bpf_cpu_active_mask(void) __weak __ksym;
const struct cpumask *bpf_cpu_enabled_mask(void) __weak __ksym;
const struct cpumask *bpf_cpu_dying_mask(void) __weak __ksym;

/* One more than the highest possible CPU number: the bound of every walk. */
u32 bpf_nr_cpu_ids(void) __weak __ksym;

/* For a sleepable program, around what needs RCU. */
void bpf_rcu_read_lock(void) __weak __ksym;
void bpf_rcu_read_unlock(void) __weak __ksym;

/*
 * bpf_for_each_cpu(cpu, mask) - as the kernel's for_each_cpu(): @cpu is an int.
 * bpf_for_each_cpu_and(cpu, mask1, mask2) - as the kernel's for_each_cpu_and().
 * bpf_for_each_cpu_andnot(cpu, mask1, mask2) - as the kernel's for_each_cpu_andnot().
 * bpf_for_each_cpu_snapshot(cpu, mask) - over the mask as it is when the loop begins. It holds RCU
 * itself while it evaluates and copies @mask, so the body may sleep, also in a program that holds
 * a mere reference to what the mask lies in. Linux 7.2 distrusts RCU protected pointers after
 * bpf_rcu_read_unlock() also in programs that never sleep: there, bpf_for_each(cpumask_snapshot,
 * cpu, mask) leaves them as they are.
 *
 * break, continue and return leave the loop as usual; the iterator is destroyed on the way out.
 */
#ifndef bpf_for_each_cpu
#define bpf_for_each_cpu(cpu, mask)							\
	___bpf_for_each_cpu(cpumask, cpu, bpf_iter_cpumask_new(&___it, (mask)))
#endif

#define bpf_for_each_cpu_and(cpu, mask1, mask2)						\
	___bpf_for_each_cpu(cpumask_and, cpu,						\
			    bpf_iter_cpumask_and_new(&___it, (mask1), (mask2)))

#define bpf_for_each_cpu_andnot(cpu, mask1, mask2)					\
	___bpf_for_each_cpu(cpumask_andnot, cpu,					\
			    bpf_iter_cpumask_andnot_new(&___it, (mask1), (mask2)))

#define bpf_for_each_cpu_snapshot(cpu, mask)						\
	___bpf_for_each_cpu(cpumask_snapshot, cpu, ({					\
		bpf_rcu_read_lock();							\
		bpf_iter_cpumask_snapshot_new(&___it, (mask));				\
		bpf_rcu_read_unlock();							\
	}))

/* @start makes a struct bpf_iter_@type of ___it. */
#define ___bpf_for_each_cpu(type, cpu, start)						\
	for (struct bpf_iter_##type ___it						\
		__attribute__((cleanup(bpf_iter_##type##_destroy))),			\
	     *___made = (start,								\
		/* Named, for clang leaves what only cleanup() calls out of BTF. */	\
		(void)bpf_iter_##type##_destroy,					\
		&___it);								\
	     ___made && ({								\
		const int *___cpu = bpf_iter_##type##_next(&___it);			\
											\
		___cpu && ((cpu) = *___cpu, 1);						\
	     });									\
	)

#define bpf_for_each_possible_cpu(cpu) bpf_for_each_cpu(cpu, bpf_cpu_possible_mask())
#define bpf_for_each_present_cpu(cpu) bpf_for_each_cpu(cpu, bpf_cpu_present_mask())
#define bpf_for_each_online_cpu(cpu) bpf_for_each_cpu(cpu, bpf_cpu_online_mask())

#endif /* __BPF_ITER_CPUMASK_H__ */
