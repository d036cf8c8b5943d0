// SPDX-License-Identifier: GPL-2.0-only
/* Ticks of the time stamp counter for a walk that is called and one that is inlined. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>

#define SAMPLES 2001
#define WALKS 100

unsigned int nr_cpu_ids = 128;

uint64_t called(const uint64_t *mask);
uint64_t inlined(const uint64_t *mask);

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The tenth part that is fastest ends there: what others on the machine take is in the rest. */
static double ticks(uint64_t (*program)(const uint64_t *), const uint64_t *mask)
{
	static uint64_t samples[SAMPLES];
	volatile uint64_t sum = 0;
	uint64_t begin;

	for (int i = 0; i < SAMPLES; i++) {
		begin = __rdtsc();
		for (int j = 0; j < WALKS; j++)
			sum += program(mask);
		samples[i] = __rdtsc() - begin;
	}
	qsort(samples, SAMPLES, sizeof(*samples), by_value);
	return (double)samples[SAMPLES / 10] / WALKS;
}

int main(void)
{
	static const uint64_t masks[][2] = {
		{ -1ULL, -1ULL },
		{ 0x0101010101010101, 0x0101010101010101 },
		{ 0, 1ULL << 63 },
	};
	static const char * const names[] = { "all", "1 of 8", "last only" };

	for (int i = 0; i < 3; i++) {
		if (called(masks[i]) != inlined(masks[i])) {
			puts("the two walks differ");
			return 1;
		}
		printf("%-10s called %7.1f inlined %7.1f\n", names[i], ticks(called, masks[i]),
		       ticks(inlined, masks[i]));
	}
	return 0;
}
