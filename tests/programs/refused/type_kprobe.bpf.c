// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* At a probe in the midst of the kernel. */
#include "guest.h"

struct cpu_walk walk;
__u32 tgid;

SEC("kprobe/__x64_sys_getppid")
int walk_online(void *ctx)
{
	int cpu;

	if (bpf_get_current_pid_tgid() >> 32 != tgid || walk.len)
		return 0;
	bpf_for_each_online_cpu(cpu)
		step(&walk, cpu);
	return 0;
}
