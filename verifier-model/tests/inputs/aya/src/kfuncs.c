// SPDX-License-Identifier: GPL-2.0-only
/* rustc tells no types of foreign functions, and the kernel finds a kfunc by its type: so C calls them,
 * and bpf-linker puts these into the program.
 */
#define __ksym __attribute__((section(".ksyms")))
#define __inline __attribute__((always_inline))

/* Of a type that is only declared libbpf finds no kfunc. */
struct cpumask {
	unsigned long bits[1];
};

struct bpf_iter_cpumask {
	unsigned long long __opaque[2];
} __attribute__((aligned(8)));

extern const struct cpumask *bpf_cpu_possible_mask(void) __ksym;
extern int bpf_iter_cpumask_new(struct bpf_iter_cpumask *it, const struct cpumask *mask) __ksym;
extern int *bpf_iter_cpumask_next(struct bpf_iter_cpumask *it) __ksym;
extern void bpf_iter_cpumask_destroy(struct bpf_iter_cpumask *it) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

__inline const struct cpumask *cpu_possible_mask(void)
{
	return bpf_cpu_possible_mask();
}

__inline int cpumask_new(struct bpf_iter_cpumask *it, const struct cpumask *mask)
{
	return bpf_iter_cpumask_new(it, mask);
}

__inline const int *cpumask_next(struct bpf_iter_cpumask *it)
{
	return bpf_iter_cpumask_next(it);
}

__inline void cpumask_destroy(struct bpf_iter_cpumask *it)
{
	bpf_iter_cpumask_destroy(it);
}

__inline void rcu_read_lock(void)
{
	bpf_rcu_read_lock();
}

__inline void rcu_read_unlock(void)
{
	bpf_rcu_read_unlock();
}
