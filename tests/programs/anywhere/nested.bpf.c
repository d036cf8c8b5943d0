// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A loop in a loop: on kernels before 6.4 refused, with words. */
#include "anywhere.h"

SEC("raw_tp")
int nested(void *ctx)
{
	int outer, inner;

	bpf_for_each_online_cpu(outer)
		bpf_for_each_cpu_andnot(inner, bpf_cpu_possible_mask(), bpf_cpu_present_mask())
			if ((inner & 63) == outer)
				step(inner);
	return 0;
}
