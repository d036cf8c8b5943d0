/* SPDX-License-Identifier: GPL-2.0-only */
/* With names in its BTF as rustc writes them (see README) the kernel refuses the BTF, and libbpf goes
 * on without: a global function is then verified with its caller, and bpf_loop() lacks func_info. */
#include "loading.h"

struct MaybeUninit_u8_ {
	u32 a, b;
};

__noinline int sum(struct MaybeUninit_u8_ *k)
{
	return k->a + k->b;
}

SEC("tc") int global_function(struct __sk_buff *s)
{
	struct MaybeUninit_u8_ k = { s->len, 1 };

	return sum(&k);
}

static int each(u32 i, void *c)
{
	*(u64 *)c += i;
	return 0;
}

SEC("tc") int loop(struct __sk_buff *s)
{
	u64 n = 0;

	bpf_loop(5, each, &n, 0);
	return n & 1;
}
