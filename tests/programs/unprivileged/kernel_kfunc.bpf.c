// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A kfunc of the kernel itself, such as the iterator is where it is built in. */
#include "guest.h"

SEC("socket")
int count(struct __sk_buff *ctx)
{
	int i, sum = 0;

	bpf_for(i, 0, 10)
		sum += i;
	return sum;
}
