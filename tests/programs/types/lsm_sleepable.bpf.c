// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* In a security hook that may sleep: the RCU section is the program's own. */
#include "guest.h"

struct cpu_walk walk;
__u32 tgid;

SEC("lsm.s/file_open")
int BPF_PROG(walk_online, struct file *file)
{
	int cpu;

	if (bpf_get_current_pid_tgid() >> 32 != tgid || walk.len)
		return 0;
	bpf_rcu_read_lock();
	bpf_for_each_online_cpu(cpu)
		step(&walk, cpu);
	bpf_rcu_read_unlock();
	return 0;
}
