// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a user without privileges may load when the administrator lets them, and nothing more. */
#include "guest.h"

SEC("socket")
int count(struct __sk_buff *ctx)
{
	return 0;
}
