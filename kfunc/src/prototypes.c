// SPDX-License-Identifier: GPL-2.0-only
#include <linux/btf.h>
#include "prototypes.h"

__bpf_kfunc_start_defs();

__bpf_kfunc __weak int bpf_iter_cpumask_new(struct bpf_iter_cpumask *it,
					    const struct cpumask *mask)
{ return 0; }
__bpf_kfunc __weak int *bpf_iter_cpumask_next(struct bpf_iter_cpumask *it)
{ return NULL; }
__bpf_kfunc __weak void bpf_iter_cpumask_destroy(struct bpf_iter_cpumask *it)
{ }
__bpf_kfunc __weak const struct cpumask *bpf_cpu_possible_mask(void)
{ return NULL; }
__bpf_kfunc __weak const struct cpumask *bpf_cpu_present_mask(void)
{ return NULL; }
__bpf_kfunc __weak const struct cpumask *bpf_cpu_online_mask(void)
{ return NULL; }
__bpf_kfunc __weak const struct cpumask *bpf_cpu_active_mask(void)
{ return NULL; }
__bpf_kfunc __weak const struct cpumask *bpf_cpu_enabled_mask(void)
{ return NULL; }
__bpf_kfunc __weak const struct cpumask *bpf_cpu_dying_mask(void)
{ return NULL; }
__bpf_kfunc __weak u32 bpf_nr_cpu_ids(void)
{ return 0; }

__bpf_kfunc_end_defs();
