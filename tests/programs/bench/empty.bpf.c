// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The empty measurement. */
#include "bench.h"

SEC("raw_tp")
int walk(void *ctx)
{
	struct found found = begin();

	return end(&found);
}
