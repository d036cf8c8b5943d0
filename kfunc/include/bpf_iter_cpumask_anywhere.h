/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The loops of bpf_iter_cpumask.h on kernels that have no iterator as well: which includes this
 * file, and says what the loops are.
 *
 * All ways to walk stand in the program. Which one it is, the verifier knows when the object is
 * loaded, since libbpf puts 0 for what the kernel does not have; the others are left out, calls of
 * missing kfuncs among them.
 */
#ifndef __BPF_ITER_CPUMASK_ANYWHERE_H__
#define __BPF_ITER_CPUMASK_ANYWHERE_H__

#ifndef BPF_ITER_CPUMASK_MAX
#define BPF_ITER_CPUMASK_MAX 512
#endif
_Static_assert(BPF_ITER_CPUMASK_MAX >= 64 && BPF_ITER_CPUMASK_MAX <= 8192 &&
	       BPF_ITER_CPUMASK_MAX % 64 == 0,
	       "BPF_ITER_CPUMASK_MAX is a multiple of 64, up to 8192");

#ifndef bpf_for_each_cpu
#define bpf_for_each_cpu(cpu, mask)							\
	___bpf_for_each_cpu(cpumask, bpf_iter_cpumask_new, cpu, FIRST, 1, mask, 0,	\
			    bpf_iter_cpumask_new(___cpus_it(cpumask), (mask)))
#endif

#define bpf_for_each_cpu_and(cpu, mask1, mask2)						\
	___bpf_for_each_cpu(cpumask_and, bpf_iter_cpumask_and_new, cpu, AND, 1, mask1, mask2, \
			    bpf_iter_cpumask_and_new(___cpus_it(cpumask_and), (mask1), (mask2)))

#define bpf_for_each_cpu_andnot(cpu, mask1, mask2)					\
	___bpf_for_each_cpu(cpumask_andnot, bpf_iter_cpumask_andnot_new, cpu, ANDNOT, 1,	\
			    mask1, mask2,						\
			    bpf_iter_cpumask_andnot_new(___cpus_it(cpumask_andnot),	\
							(mask1), (mask2)))

#define bpf_for_each_cpu_snapshot(cpu, mask)						\
	___bpf_for_each_cpu(cpumask_snapshot, bpf_iter_cpumask_snapshot_new, cpu, COPY,	\
			    BPF_ITER_CPUMASK_MAX / 64, mask, 0, ({			\
		bpf_rcu_read_lock();							\
		bpf_iter_cpumask_snapshot_new(___cpus_it(cpumask_snapshot), (mask));	\
		bpf_rcu_read_unlock();							\
	}))

#define bpf_for_each_possible_cpu(cpu) ___bpf_for_each_cpu_in(possible, cpu)
#define bpf_for_each_present_cpu(cpu) ___bpf_for_each_cpu_in(present, cpu)
#define bpf_for_each_online_cpu(cpu) ___bpf_for_each_cpu_in(online, cpu)

#define ___bpf_for_each_cpu_in(which, cpu)						\
	___bpf_for_each_cpu(cpumask, bpf_cpu_##which##_mask, cpu, FIRST, 1,		\
			    ___cpus_ksym(__cpu_##which##_mask), 0,			\
			    bpf_iter_cpumask_new(___cpus_it(cpumask), (bpf_cpu_##which##_mask)()))

/* Without the kfuncs, the masks and their bound are where /proc/kallsyms says. */
#define bpf_cpu_possible_mask() ___cpus_mask(possible)
#define bpf_cpu_present_mask() ___cpus_mask(present)
#define bpf_cpu_online_mask() ___cpus_mask(online)
#define bpf_cpu_active_mask() ___cpus_mask(active)
#define bpf_nr_cpu_ids()								\
	(___cpus_has_kfunc(bpf_nr_cpu_ids) ? (bpf_nr_cpu_ids)() : (u32)___cpus_count())

#define ___cpus_mask(which) ({								\
	const struct cpumask *___mask;							\
											\
	if (___cpus_has_kfunc(bpf_cpu_##which##_mask))					\
		___mask = (bpf_cpu_##which##_mask)();					\
	else										\
		___mask = ___cpus_ksym(__cpu_##which##_mask);				\
	___mask;									\
})

#define ___cpus_ksym(sym) ({								\
	if (!___cpus_has(sym))								\
		bpf_for_each_cpu_needs_CONFIG_KALLSYMS_ALL();				\
	(const struct cpumask *)&(sym);							\
})

extern const void __cpu_possible_mask __ksym __weak;
extern const void __cpu_present_mask __ksym __weak;
extern const void __cpu_online_mask __ksym __weak;
extern const void __cpu_active_mask __ksym __weak;
#ifndef BPF_ITER_CPUMASK_NR_CPU_IDS
/* If this is the second of its name, see BPF_ITER_CPUMASK_NR_CPU_IDS above. */
extern const void nr_cpu_ids __ksym __weak;
#endif

/* No kernel has them: a program that comes to call one is refused, with its name. */
void bpf_for_each_cpu_needs_CONFIG_KALLSYMS_ALL(void) __weak __ksym;
void bpf_for_each_cpu_nests_from_linux_6_4(void) __weak __ksym;
void bpf_for_each_cpu_needs_a_greater_BPF_ITER_CPUMASK_MAX(void) __weak __ksym;

/* For user space, see BPF_ITER_CPUMASK_MAX: what it may fill in, and what it may look at. */
const volatile __u32 bpf_for_each_cpu_nr_cpu_ids __weak;
__u64 bpf_for_each_cpu_left_out __weak;

/* Under names of their own, since struct bpf_iter_num is not in every vmlinux.h. */
struct bpf_iter_num___cpus {
	__u64 __opaque;
};

int bpf_iter_num_new___cpus(struct bpf_iter_num___cpus *it, int start, int end) __weak __ksym;
int *bpf_iter_num_next___cpus(struct bpf_iter_num___cpus *it) __weak __ksym;
void bpf_iter_num_destroy___cpus(struct bpf_iter_num___cpus *it) __weak __ksym;

/* Whether the kernel has it: the verifier knows, and leaves out the branch that is not taken. */
#define ___cpus_has(sym) ({								\
	const void *___sym = (const void *)&(sym);					\
											\
	asm volatile("" : "+r"(___sym));						\
	___sym != 0;									\
})

#ifdef BPF_ITER_CPUMASK_NO_KFUNC
#define ___cpus_has_kfunc(sym) 0
#else
#define ___cpus_has_kfunc(sym) ___cpus_has(sym)
#endif

/* Ways to walk. */
enum { ___CPUS_KFUNC, ___CPUS_NUM, ___CPUS_PLAIN };

#define ___cpus_way(kfunc) ({								\
	__u64 ___way = ___CPUS_PLAIN;							\
											\
	if (___cpus_has_kfunc(kfunc))							\
		___way = ___CPUS_KFUNC;							\
	else if (___cpus_has(bpf_iter_num_new___cpus))					\
		___way = ___CPUS_NUM;							\
	asm volatile("" : "+r"(___way));						\
	___way;										\
})

/* What becomes of the words of two masks. */
enum { ___CPUS_FIRST, ___CPUS_AND, ___CPUS_ANDNOT, ___CPUS_COPY };

/* A walk without the iterator. */
struct ___cpus {
	__u64 mask1, mask2, op;
	__u64 word, first, next;	/* by bpf_iter_num: what is left of a word; the next one */
};

/* The bound of every walk, once it is known; and a number that the verifier does not know. */
static __u64 ___cpus_nr, ___cpus_zero;

static __noinline __attribute__((unused)) __u64 ___cpus_count(void)
{
	__u64 nr = *(volatile __u64 *)&___cpus_nr;

	if (nr)
		return nr;
#ifdef BPF_ITER_CPUMASK_NR_CPU_IDS
	nr = BPF_ITER_CPUMASK_NR_CPU_IDS;
#else
	if (!___cpus_has(nr_cpu_ids))
		bpf_for_each_cpu_needs_CONFIG_KALLSYMS_ALL();
	bpf_probe_read_kernel(&nr, sizeof(__u32), &nr_cpu_ids);
#endif
	*(volatile __u64 *)&___cpus_nr = nr;
	return nr;
}

/* Where the lowest bit of @word is. The product has in its upper bits a number for each of them. */
static __always_inline __u64 ___cpus_lowest(__u64 word)
{
	static const __u8 bits[64] = {
		0, 1, 48, 2, 57, 49, 28, 3, 61, 58, 50, 42, 38, 29, 17, 4,
		62, 55, 59, 36, 53, 51, 43, 22, 45, 39, 33, 30, 24, 18, 12, 5,
		63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21, 44, 32, 23, 11,
		46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9, 13, 8, 7, 6,
	};

	return bits[((word & -word) * 0x03f79d71b4cb0a89ULL) >> 58];
}

/* What becomes of a word of each mask. */
static __always_inline __u64 ___cpus_read(const void *word1, const void *word2, __u64 op)
{
	__u64 word, other;

	bpf_probe_read_kernel(&word, sizeof(word), word1);
	if (op != ___CPUS_AND && op != ___CPUS_ANDNOT)
		return word;
	bpf_probe_read_kernel(&other, sizeof(other), word2);
	return op == ___CPUS_AND ? word & other : word & ~other;
}

static __noinline __attribute__((unused)) __u64
___cpus_word(const void *mask1, const void *mask2, __u64 op, __u64 cpu)
{
	__u64 at = cpu >> 3 & 1016;

	return ___cpus_read(mask1 + at, mask2 + at, op);
}

/* Begins a walk: a loop of BPF_ITER_CPUMASK_MAX steps before the first CPU, or at its end. */
static __noinline __attribute__((unused)) __u64 ___cpus_start(struct ___cpus *w)
{
	w->word = 0;
	w->next = *(volatile __u64 *)&___cpus_zero;
	return ___cpus_count() > BPF_ITER_CPUMASK_MAX ? BPF_ITER_CPUMASK_MAX : -1ULL;
}

/* Has the walk go over a copy of its mask, or over nothing if that does not fit. */
static __noinline __attribute__((unused)) __u64 ___cpus_copy(struct ___cpus *w, __u64 *copy)
{
	__u64 bytes = (___cpus_count() + 63) / 64 * 8;
	int i;

	for (i = 0; i < BPF_ITER_CPUMASK_MAX / 64; i++)
		copy[i] = 0;
	if (bytes <= BPF_ITER_CPUMASK_MAX / 8) {
		bpf_probe_read_kernel(copy, bytes, (const void *)w->mask1);
	} else {
		w->next = 0xffff;
		bpf_for_each_cpu_left_out++;
	}
	return 0;
}

/*
 * For a walk that BPF_ITER_CPUMASK_MAX bounds. What user space has filled in is constant for the
 * verifier, so that a program is refused if it would leave CPUs out.
 */
static __always_inline void ___cpus_bounded(void)
{
	if (bpf_for_each_cpu_nr_cpu_ids > BPF_ITER_CPUMASK_MAX)
		bpf_for_each_cpu_needs_a_greater_BPF_ITER_CPUMASK_MAX();
}

/* The next word, if there is one. */
static __noinline __attribute__((unused)) __u64 ___cpus_load(struct ___cpus *w)
{
	__u64 at = w->next & 0xffff, nr = ___cpus_count(), word;

	if (at >= nr)
		return 0;
	w->first = at;
	w->next = at + 64;
	word = ___cpus_word((const void *)w->mask1, (const void *)w->mask2, w->op, at);
	if (nr - at < 64)
		word &= (1ULL << (nr - at)) - 1;
	return word;
}

/* The lowest CPU of a word that is not empty; it is taken out. */
static __always_inline __u64 ___cpus_take(struct ___cpus *w, __u64 word)
{
	w->word = word & (word - 1);
	return w->first + ___cpus_lowest(word);
}

/* How many CPUs are passed over from @cpu to the next one of the walk, both left out. */
static __always_inline __u64 ___cpus_skipped(__u64 mask1, __u64 mask2, __u64 op, __u64 cpu)
{
	__u64 first, bit, word;
	__s64 left, at = 0;

	cpu = (cpu + 1) & 0xffff;
	bit = cpu & 63;
	first = cpu - bit;
	/* From here on all numbers are from the first CPU of this word. */
	left = *(volatile __u64 *)&___cpus_nr - first;
	mask1 += first / 8;
	mask2 += first / 8;
	word = ___cpus_read((const void *)mask1, (const void *)mask2, op);
	word &= ~0ULL << bit;
	for (; at < BPF_ITER_CPUMASK_MAX; at += 64) {
		if (word) {
			at += ___cpus_lowest(word);
			break;
		}
		if (left <= at + 64)
			return BPF_ITER_CPUMASK_MAX;
		mask1 += 8;
		mask2 += 8;
		word = ___cpus_read((const void *)mask1, (const void *)mask2, op);
	}
	return at < left ? at - bit : BPF_ITER_CPUMASK_MAX;
}

/* Global functions, which the verifier looks at once, and not at each step. */
__u64 ___cpus_skip(__u64 mask, __u64 cpu);
__u64 ___cpus_skip_and(__u64 mask1, __u64 cpu, __u64 mask2);
__u64 ___cpus_skip_andnot(__u64 mask1, __u64 cpu, __u64 mask2);

__weak __noinline __u64 ___cpus_skip(__u64 mask, __u64 cpu)
{
	return ___cpus_skipped(mask, 0, ___CPUS_FIRST, cpu);
}

__weak __noinline __u64 ___cpus_skip_and(__u64 mask1, __u64 cpu, __u64 mask2)
{
	return ___cpus_skipped(mask1, mask2, ___CPUS_AND, cpu);
}

__weak __noinline __u64 ___cpus_skip_andnot(__u64 mask1, __u64 cpu, __u64 mask2)
{
	return ___cpus_skipped(mask1, mask2, ___CPUS_ANDNOT, cpu);
}

#define ___cpus_skip_FIRST() ___cpus_skip(___walk[0], ___at)
#define ___cpus_skip_AND() ___cpus_skip_and(___walk[0], ___at, ___walk[1])
#define ___cpus_skip_ANDNOT() ___cpus_skip_andnot(___walk[0], ___at, ___walk[1])
#define ___cpus_skip_COPY() ___cpus_skip(___walk[0], ___at)

/* Keeps the compiler from making one of two branches. */
#define ___cpus_here() ({ asm volatile(""); })

/*
 * Before 6.4 the verifier wants the edges that close a loop to be jumps. Later it takes this one
 * out, and so it does where the iterator is.
 */
#define ___cpus_jump() ({ asm volatile("goto +0" : : : "memory"); })

/* The slots of a loop's ___state: its way, and where its iterator is. */
#define ___cpus_at(state) ((void *)*(volatile __u64 *)&(state)[1])

/*
 * The way is asked anew, though every way out knows it: where they meet, the verifier compares what
 * it knows, and before 6.4 each step has a way out.
 */
#define ___cpus_end(type)								\
static __always_inline void ___cpus_end_##type(__u64 (*state)[2])			\
{											\
	__u64 ___way = (*state)[0];							\
											\
	asm volatile("" : "+r"(___way));						\
	if (___way == ___CPUS_KFUNC) {							\
		___cpus_here();								\
		bpf_iter_##type##_destroy(___cpus_at(*state));				\
	} else if (___way == ___CPUS_NUM) {						\
		___cpus_here();								\
		bpf_iter_num_destroy___cpus(___cpus_at(*state));			\
	}										\
}

___cpus_end(cpumask)
___cpus_end(cpumask_and)
___cpus_end(cpumask_andnot)
___cpus_end(cpumask_snapshot)
#undef ___cpus_end

/* How deep a loop is in others. */
extern __u64 ___cpus_depth[1];

#define ___cpus_nests()									\
	(sizeof(___cpus_depth) == 8 || (sizeof(___cpus_depth) == 16 && BPF_ITER_CPUMASK_MAX <= 64))

#define ___cpus_it(type) ((struct bpf_iter_##type *)___p)
#define ___cpus_walk() ((struct ___cpus *)___walk)

/*
 * @start makes an iterator of *___p, if the kernel has @kfunc. One slot is for an iterator of
 * either kind. It and the state of walks without the iterator are kept in memory: the
 * registers are for the body.
 */
#define ___bpf_for_each_cpu(type, kfunc, cpu, what, words, m1, m2, start)		\
	for (__u64 ___it[sizeof(struct bpf_iter_##type) / 8], ___copy[words],		\
	     ___walk[sizeof(struct ___cpus) / 8], ___at, ___word,			\
	     ___state[2] __attribute__((cleanup(___cpus_end_##type))),			\
	     ___made __attribute__((unused)) = ({					\
		__u64 *___p = ___it;							\
											\
		asm volatile("" : "+r"(___p));						\
		___state[0] = ___cpus_way(kfunc);					\
		if (___state[0] == ___CPUS_KFUNC) {					\
			start;								\
		} else {								\
			___walk[0] = (__u64)(m1);					\
			___walk[1] = (__u64)(m2);					\
			___walk[2] = ___CPUS_##what;					\
			___at = ___cpus_start(___cpus_walk());				\
			if (___CPUS_##what == ___CPUS_COPY) {				\
				___cpus_bounded();					\
				___cpus_copy(___cpus_walk(), ___copy);			\
				___walk[0] = (__u64)___copy;				\
			}								\
			if (___state[0] == ___CPUS_NUM) {				\
				bpf_iter_num_new___cpus((void *)___p, 0, 1 << 20);	\
			} else {							\
				if (!___cpus_nests())					\
					bpf_for_each_cpu_nests_from_linux_6_4();	\
				___cpus_bounded();					\
				if (___at == BPF_ITER_CPUMASK_MAX)			\
					bpf_for_each_cpu_left_out++;			\
				/* A global function takes numbers: make them of pointers. */ \
				bpf_probe_read_kernel(___walk, 16, ___walk);		\
			}								\
		}									\
		*(volatile __u64 *)&___state[1] = (__u64)___p;				\
		0;									\
	     }), ___cpus_depth[sizeof(___cpus_depth) / 8 + 1] __attribute__((unused));	\
	     /* The first comparison is by order, so that these do not become a switch. */ \
	     __builtin_expect(___state[0] > ___CPUS_NUM, 0) ?				\
		(___at += ___cpus_skip_##what() & 0xffff, ___at++,			\
		 ({ asm volatile("" : "+r"(___at)); ___at; }) < BPF_ITER_CPUMASK_MAX) && \
		((cpu) = ___at, 1) :							\
	     __builtin_expect(___state[0] == ___CPUS_KFUNC, 1) ?			\
		(___word = (__u64)bpf_iter_##type##_next(___cpus_at(___state))) &&	\
		((cpu) = *(const int *)___word, ___cpus_jump(), 1) :			\
		bpf_iter_num_next___cpus(___cpus_at(___state)) &&			\
		((___word = ___cpus_walk()->word) ||					\
		 (___word = ___cpus_load(___cpus_walk())) ||				\
		 ___cpus_walk()->next < *(volatile __u64 *)&___cpus_nr) &&		\
		((cpu) = ___cpus_take(___cpus_walk(), ___word), ___cpus_jump(), 1);	\
	     ___cpus_jump())								\
		/* A word may have no CPU: on to the next one, by another step of bpf_iter_num. */ \
		if (___state[0] == ___CPUS_NUM && __builtin_expect(!___word, 0))	\
			___cpus_here();							\
		else

#endif /* __BPF_ITER_CPUMASK_ANYWHERE_H__ */
