/* SPDX-License-Identifier: GPL-2.0-only */
/* Variables that a loader sets: how many rounds there are decides what a program costs. */
#include "loading.h"

enum mode {
	MODE_SHORT = 1,
	MODE_LONG = -2,
};

struct inner {
	u8 flag : 1;
	u8 level : 3;
	union {
		u32 rounds;
		u32 other;
	};
	enum mode mode;
};

const volatile struct {
	struct inner of[4];
	char name[8];
	int limit;
} config = {};
const volatile int rounds = 1;
const volatile signed char tiny = 0;
volatile int counter = 0;

SEC("tc") int plain(struct __sk_buff *skb)
{
	for (int i = 0; i < rounds; i++)
		counter += i;
	return 0;
}

SEC("tc") int member(struct __sk_buff *skb)
{
	for (u32 i = 0; i < config.of[2].rounds; i++)
		counter += i;
	return 0;
}

SEC("tc") int loops_for_ever(struct __sk_buff *skb)
{
	if (config.of[1].mode == MODE_LONG && config.of[1].level == 5 && config.name[1] == 'b')
		for (;;)
			;
	return tiny;
}
