// SPDX-License-Identifier: GPL-2.0-only
#include "kernel.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} jumps SEC(".maps");

/* Uses so many bytes of stack. */
#define STACK(bytes) asm volatile("*(u8 *)(r10 - " #bytes ") = 0;" ::: "memory")

static __noinline int leaf(int n)
{
	STACK(200);
	barrier_var(n);
	return n;
}

static __noinline int middle(int n)
{
	STACK(200);
	return leaf(n) + 1;
}

/* 200 bytes in each of three functions. */
SEC("tc")
int adds_up(struct __sk_buff *skb)
{
	STACK(200);
	return middle(skb->len) + 1;
}

static __noinline int jump(struct __sk_buff *skb)
{
	STACK(16);
	bpf_tail_call(skb, &jumps, 0);
	return 1;
}

/* A tail call below much stack. */
SEC("tc")
int tail_call(struct __sk_buff *skb)
{
	STACK(300);
	return jump(skb) + 1;
}

__noinline int down(int n);

__noinline int up(int n)
{
	return n ? down(n - 1) : 0;
}

__noinline int down(int n)
{
	return n ? up(n - 1) : 1;
}

/* Functions that call each other. */
SEC("tc")
int recursive(struct __sk_buff *skb)
{
	return up(skb->len);
}

#define LEVEL(n, next)                          \
	static __noinline int level##n(int x)   \
	{                                       \
		barrier_var(x);                 \
		return next(x) + 1;             \
	}

static __noinline int level0(int x)
{
	barrier_var(x);
	return x;
}

LEVEL(1, level0)
LEVEL(2, level1)
LEVEL(3, level2)
LEVEL(4, level3)
LEVEL(5, level4)
LEVEL(6, level5)
LEVEL(7, level6)
LEVEL(8, level7)
LEVEL(9, level8)
LEVEL(10, level9)
LEVEL(11, level10)
LEVEL(12, level11)
LEVEL(13, level12)
LEVEL(14, level13)
LEVEL(15, level14)
LEVEL(16, level15)

/* Calls seventeen deep. */
SEC("tc")
int too_deep(struct __sk_buff *skb)
{
	return level16(skb->len);
}

/* An index without a bound. */
SEC("tc")
int unbounded(struct __sk_buff *skb)
{
	volatile char a[16] = {};
	__u32 i = skb->len;

	return a[i];
}

/* The bytes of an iterator are not data. */
SEC("tc")
int unwritten(struct __sk_buff *skb)
{
	volatile struct bpf_iter_num it;
	int opaque;

	bpf_iter_num_new((void *)&it, 0, 3);
	opaque = it.__opaque[0];
	bpf_iter_num_destroy((void *)&it);
	return opaque;
}

/* A word that is not where words are. */
SEC("tc")
int misaligned(struct __sk_buff *skb)
{
	asm volatile("*(u64 *)(r10 - 8) = 0;"
		     "*(u64 *)(r10 - 16) = 0;"
		     "r1 = *(u32 *)(r10 - 9);"
		     ::: "r1", "memory");
	return 0;
}

/* 600 bytes in one function. */
SEC("tc")
int one_function(struct __sk_buff *skb)
{
	STACK(600);
	return 0;
}
