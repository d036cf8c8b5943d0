// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>

u64 bpf_example_gcd(u64 a, u64 b) __weak __ksym;
struct task_struct *bpf_example_leader_acquire(void) __weak __ksym;
void bpf_example_leader_release(struct task_struct *leader) __weak __ksym;

char _license[] SEC("license") = "GPL";

SEC("xdp")
int example(struct xdp_md *ctx)
{
	struct task_struct *leader;
	int tgid;

	leader = bpf_example_leader_acquire();
	tgid = leader->tgid;
	bpf_example_leader_release(leader);

	/* 6, unless the leader's tgid is not the current task's. */
	return tgid == bpf_get_current_pid_tgid() >> 32 ? bpf_example_gcd(54, 24) : 0;
}
