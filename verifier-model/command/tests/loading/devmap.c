/* SPDX-License-Identifier: GPL-2.0-only */
/* A field that programs of a devmap alone have. */
#include "loading.h"

SEC("xdp/devmap") int egress(struct xdp_md *ctx)
{
	return ctx->egress_ifindex ? 2 : 1;
}

SEC("xdp") int not_allowed(struct xdp_md *ctx)
{
	return ctx->egress_ifindex ? 2 : 1;
}
