/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel's configuration and its symbols decide. */
#include "loading.h"

SEC("kprobe") int override(void *ctx)
{
	bpf_override_return(ctx, -1);
	return 0;
}

SEC("lirc_mode2") int key(unsigned int *sample)
{
	if ((*sample & 0xff000000) == 0x01000000)
		bpf_rc_keydown(sample, 1, *sample & 0xffff, 0);
	return 0;
}

SEC("lirc_mode2") int nothing(unsigned int *sample)
{
	return 0;
}

SEC("lirc_mode2") int beyond(unsigned int *sample)
{
	return sample[1];
}

SEC("fentry/do_nanosleep") int traced(void *ctx)
{
	return 0;
}
