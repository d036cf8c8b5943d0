// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Two loops of ten steps. What closes the first is no jump: before 6.4 the verifier takes that for
 * a loop without end. In the second it is a jump over nothing, as in the header's loops.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

SEC("raw_tp")
__attribute__((naked)) int fall_through(void *ctx)
{
	asm volatile("r0 = 0;"
		     "goto 2f;"
		     "1: r0 += 1;"
		     "2: if r0 < 10 goto 1b;"
		     "exit;");
}

SEC("raw_tp")
__attribute__((naked)) int jump(void *ctx)
{
	asm volatile("r0 = 0;"
		     "goto 2f;"
		     "1: r0 += 1;"
		     "goto +0;"
		     "2: if r0 < 10 goto 1b;"
		     "exit;");
}
