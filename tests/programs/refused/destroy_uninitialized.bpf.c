// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Nothing to destroy before the iterator is made. */
#include "guest.h"

SEC("raw_tp")
__refused("expected an initialized iter_cpumask as R1")
int destroy_uninitialized(void *ctx)
{
	struct bpf_iter_cpumask it;

	bpf_iter_cpumask_destroy(&it);
	return 0;
}
