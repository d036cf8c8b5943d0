// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A module's kfunc: a user without privileges cannot read the module's BTF to find it. */
#include "guest.h"

SEC("socket")
int bound(struct __sk_buff *ctx)
{
	return bpf_nr_cpu_ids();
}
