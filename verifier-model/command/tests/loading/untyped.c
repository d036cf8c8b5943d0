/* SPDX-License-Identifier: GPL-2.0-only */
/* Sections that tell no type, as of loaders with types of their own. */
#include "loading.h"

SEC("from-netdev") int handle(struct __sk_buff *skb)
{
	return skb->len > 100;
}

SEC("mine/do_nanosleep") int other(void *ctx)
{
	return 0;
}
