// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* In a security hook. */
#include "guest.h"

struct cpu_walk walk;
__u32 tgid;

SEC("lsm/file_open")
int BPF_PROG(walk_online, struct file *file)
{
	int cpu;

	if (bpf_get_current_pid_tgid() >> 32 != tgid || walk.len)
		return 0;
	bpf_for_each_online_cpu(cpu)
		step(&walk, cpu);
	return 0;
}
