/* SPDX-License-Identifier: GPL-2.0-only */
/* Which programs are loaded, what they attach to, and who loads them is for the loader to say. */
#include "loading.h"

SEC("?xdp")
int optional(struct xdp_md *ctx)
{
	return 2;
}

/* Where a redirected packet goes out is told to programs of a device map alone. */
SEC("xdp")
int egress(struct xdp_md *ctx)
{
	return ctx->egress_ifindex ? 2 : 1;
}

/* An address is no number for who lacks CAP_PERFMON. */
SEC("xdp")
int address(struct xdp_md *ctx)
{
	return (long)ctx > 5;
}

/* Nothing but CAP_BPF is asked for. */
SEC("syscall")
int plain(void *ctx)
{
	return 0;
}

