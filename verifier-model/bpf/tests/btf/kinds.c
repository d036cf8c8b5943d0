/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A program whose BTF has a type of every kind. */
typedef unsigned int u32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define __type_tag(name) __attribute__((btf_type_tag(name)))
#define __decl_tag(name) __attribute__((btf_decl_tag(name)))

struct declared;

enum small {
	SMALL_A,
	SMALL_B = -1,
};

enum big {
	BIG_A = 1ULL << 40,
};

union either {
	u32 a;
	u64 b;
};

struct all {
	u32 low : 3;
	u32 high : 5;
	enum small small : 4;
	const volatile char text[8];
	struct declared *declared;
	union either either;
	enum big big;
	float number;
	struct all *restrict next;
	int __type_tag("user") *tagged;
	int member __decl_tag("of_member");
} __decl_tag("of_struct");

struct all all = {};
static volatile u32 counter;

__attribute__((noinline)) int sum(struct all *p, int (*callback)(u32 x, ...))
{
	return p->low + counter + !callback;
}

SEC("tc") int prog(void *ctx)
{
	struct all one = {};

	return sum(&one, 0);
}

char _license[] SEC("license") = "GPL";
