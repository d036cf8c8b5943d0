// SPDX-License-Identifier: GPL-2.0-only
#include "kernel.h"

struct locked {
	struct bpf_spin_lock lock;
	__u32 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct locked);
} locks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

/* A record that is not submitted when it is not wanted. */
SEC("tc")
int leak(struct __sk_buff *skb)
{
	__u64 *record = bpf_ringbuf_reserve(&events, 8, 0);

	if (!record)
		return 0;
	if (skb->len < 100)
		return 1;
	*record = skb->len;
	bpf_ringbuf_submit(record, 0);
	return 0;
}

/* A section that a branch leaves open. */
SEC("tc")
int left_open(struct __sk_buff *skb)
{
	bpf_rcu_read_lock();
	if (skb->len == 0)
		return 1;
	bpf_rcu_read_unlock();
	return 0;
}

/* A section that was never opened. */
SEC("tc")
int not_open(struct __sk_buff *skb)
{
	bpf_rcu_read_unlock();
	return 0;
}

/* A call under a lock. */
SEC("tc")
int under_lock(struct __sk_buff *skb)
{
	struct locked *l;
	__u32 zero = 0;

	l = bpf_map_lookup_elem(&locks, &zero);
	if (!l)
		return 0;
	bpf_spin_lock(&l->lock);
	l->count = bpf_get_prandom_u32();
	bpf_spin_unlock(&l->lock);
	return 0;
}

int bpf_no_such_function(void) __ksym __weak;

/* A function that the kernel does not have. */
SEC("tc")
int missing(struct __sk_buff *skb)
{
	return bpf_no_such_function();
}

/* Sleeps in a section. */
SEC("syscall")
int sleeps(void *ctx)
{
	__u64 data;

	bpf_rcu_read_lock();
	bpf_copy_from_user(&data, sizeof(data), NULL);
	bpf_rcu_read_unlock();
	return 0;
}

/* A reference from a function that may fail, not checked. */
SEC("syscall")
int null_argument(void *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();

	bpf_cpumask_release(mask);
	return 0;
}

/* Sleeps in a program that may not. */
SEC("tc")
int may_not_sleep(struct __sk_buff *skb)
{
	__u64 data;

	return bpf_copy_from_user(&data, sizeof(data), NULL);
}

/* Not a helper for this type of program. */
SEC("syscall")
int not_allowed(void *ctx)
{
	__u64 data;

	return bpf_skb_load_bytes(ctx, 0, &data, sizeof(data));
}

/* A number where a key is expected. */
SEC("tc")
int argument(struct __sk_buff *skb)
{
	return !bpf_map_lookup_elem(&locks, (void *)8);
}

/* Releases what it never acquired. */
SEC("syscall")
int not_acquired(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

	bpf_task_release(task);
	return 0;
}

/* A parent that was read before the section, so that nothing kept it alive. */
SEC("syscall")
int not_trusted(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf(), *parent = task->real_parent;

	barrier_var(parent);
	bpf_rcu_read_lock();
	parent = bpf_task_acquire(parent);
	bpf_rcu_read_unlock();
	if (parent)
		bpf_task_release(parent);
	return 0;
}

/* A parent, and no section at all. */
SEC("syscall")
int without_section(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf(), *parent;

	parent = bpf_task_acquire(task->real_parent);
	if (parent)
		bpf_task_release(parent);
	return 0;
}

/* A field of the kernel's is changed. */
SEC("syscall")
int writes_kernel(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

	task->pid = 5;
	return 0;
}

/* Part of a pointer. */
SEC("syscall")
int half_field(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return *(__u32 *)&task->real_parent;
}

/* Any number, where the kernel knows two. */
SEC("cgroup_skb/egress")
int return_value(struct __sk_buff *skb)
{
	return skb->len;
}

/* Code that nothing leads to. */
SEC("tc")
int unreachable(struct __sk_buff *skb)
{
	asm volatile("r0 = 0; exit; r0 = 1;" ::: "r0");
	return 0;
}
