// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * An object of the program's own is freed at once where it gives it up; its type is another one.
 */
#include "guest.h"

extern void *bpf_obj_new_impl(__u64 local_type_id, void *meta) __weak __ksym;
extern void bpf_obj_drop_impl(void *object, void *meta) __weak __ksym;

/* As the kernel's. */
struct own_mask {
	unsigned long bits[sizeof(struct cpumask) / 8];
};

struct cpu_walk walk;

SEC("raw_tp")
__refused("kernel function bpf_iter_cpumask_new R2 expected pointer to STRUCT cpumask")
int own_object(void *ctx)
{
	struct bpf_iter_cpumask it;
	struct own_mask *mask;
	int *cpu;

	mask = bpf_obj_new_impl(bpf_core_type_id_local(struct own_mask), NULL);
	if (!mask)
		return 0;
	bpf_iter_cpumask_new(&it, (const struct cpumask *)mask);
	bpf_obj_drop_impl(mask, NULL);
	while ((cpu = bpf_iter_cpumask_next(&it)))
		step(&walk, *cpu);
	bpf_iter_cpumask_destroy(&it);
	return 0;
}
