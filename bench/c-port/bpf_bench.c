// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the benchmarks hold the Rust iterator against: the same iterator in C,
 * and for_each_cpu() in the kernel.
 */
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/cpumask.h>
#include <linux/module.h>

#ifdef CONFIG_X86
#include <asm/msr.h>
#else
#include <asm/arch_timer.h>
#endif

/* Lives on the BPF program's stack; only the kfuncs look inside. */
struct bpf_iter_cpumask_c {
	__u64 __opaque[2];
} __aligned(8);

/* What it holds: kfunc/src/walk.rs says how it works. */
struct bpf_iter_cpumask_c_kern {
	int cpu;
	u32 word;
	const struct cpumask *mask;
} __aligned(8);

__bpf_kfunc_start_defs();

__bpf_kfunc int bpf_iter_cpumask_c_new(struct bpf_iter_cpumask_c *it, const struct cpumask *mask)
{
	struct bpf_iter_cpumask_c_kern *kit = (void *)it;

	BUILD_BUG_ON(sizeof(struct bpf_iter_cpumask_c_kern) != sizeof(struct bpf_iter_cpumask_c));
	BUILD_BUG_ON(__alignof__(struct bpf_iter_cpumask_c_kern) !=
		     __alignof__(struct bpf_iter_cpumask_c));

	kit->cpu = -1;
	kit->word = 0;
	kit->mask = mask;
	return 0;
}

__bpf_kfunc int *bpf_iter_cpumask_c_next(struct bpf_iter_cpumask_c *it)
{
	struct bpf_iter_cpumask_c_kern *kit = (void *)it;
	const unsigned long *words = cpumask_bits(kit->mask);
	unsigned int cpu = kit->cpu;
	unsigned long bits;

	bits = READ_ONCE(words[kit->word]) >> (cpu % BITS_PER_LONG) & ~1UL;
	if (!bits) {
		do {
			cpu = (cpu | (BITS_PER_LONG - 1)) + 1;
			if (cpu >= nr_cpu_ids) {
				cpu--;
				goto end;
			}
			bits = READ_ONCE(words[cpu / BITS_PER_LONG]);
		} while (!bits);
		kit->word = cpu / BITS_PER_LONG;
	}

	cpu += __ffs(bits);
	if (unlikely(cpu >= nr_cpu_ids))
		goto end;
	kit->cpu = cpu;
	return &kit->cpu;

end:
	kit->cpu = cpu | (BITS_PER_LONG - 1);
	return NULL;
}

__bpf_kfunc void bpf_iter_cpumask_c_destroy(struct bpf_iter_cpumask_c *it)
{
	/* Nothing to free. */
}

/* The limit: the programs' loop body in the kernel's own loop. */
__bpf_kfunc u64 bpf_bench_walk(const struct cpumask *mask, u64 *visited)
{
	unsigned int cpu;
	u64 sum = 0, n = 0;

	for_each_cpu(cpu, mask) {
		sum += cpu;
		n++;
	}
	*visited = n;
	return sum;
}

/*
 * Under QEMU's -icount with a shift of 0 this counts instructions: the clock
 * moves on by a nanosecond with each of them, and the TSC and the counter of
 * Armv8.6 run at 1 GHz.
 */
__bpf_kfunc u64 bpf_bench_clock(void)
{
#ifdef CONFIG_X86
	return rdtsc_ordered();
#else
	return __arch_counter_get_cntvct();
#endif
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(bpf_bench_kfuncs)
BTF_ID_FLAGS(func, bpf_iter_cpumask_c_new, KF_ITER_NEW | KF_RCU | KF_RCU_PROTECTED)
BTF_ID_FLAGS(func, bpf_iter_cpumask_c_next, KF_ITER_NEXT | KF_RET_NULL)
BTF_ID_FLAGS(func, bpf_iter_cpumask_c_destroy, KF_ITER_DESTROY)
BTF_ID_FLAGS(func, bpf_bench_walk, KF_RCU)
BTF_ID_FLAGS(func, bpf_bench_clock)
BTF_KFUNCS_END(bpf_bench_kfuncs)

static const struct btf_kfunc_id_set bpf_bench_kfunc_set = {
	.owner = THIS_MODULE,
	.set = &bpf_bench_kfuncs,
};

static int __init bpf_bench_init(void)
{
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_UNSPEC, &bpf_bench_kfunc_set);
}
module_init(bpf_bench_init);

MODULE_AUTHOR("bpf-iter-cpumask contributors");
MODULE_DESCRIPTION("Rivals of bpf_iter_cpumask for its benchmarks");
MODULE_LICENSE("GPL");
