// SPDX-License-Identifier: GPL-2.0-only
#include <linux/rust_kfunc.h>
#include <linux/sched.h>
#include <linux/types.h>

__bpf_kfunc_start_defs();

__bpf_kfunc __weak u64 bpf_example_gcd(u64 a, u64 b)
{
	rust_kfunc_body();
}

__bpf_kfunc __weak struct task_struct *bpf_example_leader_acquire(void)
{
	rust_kfunc_body();
}

__bpf_kfunc __weak void bpf_example_leader_release(struct task_struct *leader)
{
	rust_kfunc_body();
}

__bpf_kfunc_end_defs();
