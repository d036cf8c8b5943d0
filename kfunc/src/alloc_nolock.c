// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmalloc_nolock() is a macro: it gives the place it is called from a tag in
 * the profile of allocations, and only C can do so.
 */
#include <linux/numa.h>
#include <linux/slab.h>

#include "cpumask_iter.h"

void *bpf_iter_cpumask_alloc(size_t size)
{
	return kmalloc_nolock(size, 0, NUMA_NO_NODE);
}
