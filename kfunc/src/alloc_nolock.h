/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory for kfuncs, which may be called anywhere. */
#ifndef _BPF_ITER_CPUMASK_ALLOC_NOLOCK_H
#define _BPF_ITER_CPUMASK_ALLOC_NOLOCK_H

#include <linux/types.h>

/* Zeroed, or NULL; goes back by kfree_nolock(). */
void *bpf_iter_cpumask_alloc(size_t size);

#endif /* _BPF_ITER_CPUMASK_ALLOC_NOLOCK_H */
