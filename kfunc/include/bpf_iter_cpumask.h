/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Walk the CPUs of a mask from a BPF program, on Linux 5.10 and later.
 *
 * Include after vmlinux.h and bpf/bpf_helpers.h; bpf_iter_cpumask_anywhere.h lies beside it.
 *
 *	int cpu;
 *
 *	bpf_for_each_possible_cpu(cpu)
 *		sum += ...;
 *
 *	bpf_for_each_cpu(cpu, &task->cpus_mask)
 *		...;
 *
 * When the object is loaded, what the kernel has decides how its loops walk:
 *
 *	the iterator bpf_iter_cpumask, from the module or built in;
 *	from 6.4 on bpf_iter_num, with words of the mask read by bpf_probe_read_kernel();
 *	before that a loop of at most BPF_ITER_CPUMASK_MAX steps, with words read the same way.
 *
 * The loop's body is there once. Which CPUs come does not depend on the way: in ascending order,
 * each at most once, all below nr_cpu_ids; exactly those of a mask that does not change.
 *
 * Where the iterator walks, the mask is read anew at each step. It must be trusted or under RCU,
 * and a sleepable program has to hold bpf_rcu_read_lock() around the loop. The other ways read 64
 * CPUs at a time, take any pointer, and run in programs of every type that have
 * bpf_probe_read_kernel(). What has to load everywhere keeps to the rules of the iterator, or does
 * without it: BPF_ITER_CPUMASK_NO_KFUNC.
 *
 * With libbpf's own macro, which hands out pointers, the iterator is needed:
 *
 *	int *cpu;
 *
 *	bpf_for_each(cpumask, cpu, &task->cpus_mask)
 *		... *cpu ...;
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
 * Switches, to be defined before this file is included:
 *
 * BPF_ITER_CPUMASK_ONLY
 *	The object is for kernels that have the iterator: the other ways are left out, and the few
 *	instructions that choose. All kfuncs are weak, so that the object still loads elsewhere if
 *	the program asks first: if (bpf_ksym_exists(bpf_iter_cpumask_new)).
 * BPF_ITER_CPUMASK_NO_KFUNC
 *	The other way round: never by the iterator. For types that may not call its kfuncs, such as
 *	kprobes and those that handle packets: where the kernel has it, they would be refused.
 * BPF_ITER_CPUMASK_MAX
 *	The most possible CPUs for loops before 6.4 and for copies without the iterator; a multiple
 *	of 64, 512 if not defined. With more CPUs such a loop does nothing, and counts itself in the
 *	variable bpf_for_each_cpu_left_out. The verifier does not know how many CPUs there are; if
 *	user space fills in the constant bpf_for_each_cpu_nr_cpu_ids before it loads the object, a
 *	program that has a loop with a bound below that is refused.
 *	Before 6.4 the verifier walks the body once for each CPU: it looks at 11 instructions and
 *	the body for each. A copy takes an eighth of it in bytes of stack. One loop can have 8192.
 *	A loop in a loop can be had with 64 alone, and three are refused.
 * BPF_ITER_CPUMASK_NR_CPU_IDS
 *	How many CPU numbers there are, for a program that has a variable of the name nr_cpu_ids or
 *	must not read /proc/kallsyms: an expression, such as a variable that user space fills in.
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
#ifdef BPF_ITER_CPUMASK_ONLY

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

#else

#include "bpf_iter_cpumask_anywhere.h"

#endif

#endif /* __BPF_ITER_CPUMASK_H__ */
