// SPDX-License-Identifier: GPL-2.0-only
/* What is acquired and not released, released twice, or used when it is gone. */
#include "cause.h"

SEC("tc")
int record_left_on_one_path(struct __sk_buff *skb)
{
	__u64 *record = bpf_ringbuf_reserve(&events, 8, 0);

	if (!record)
		return 0;
	if (skb->len < 100) /* cause */
		return 1;
	*record = skb->len;
	bpf_ringbuf_submit(record, 0);
	return 0;
}

SEC("tc")
int record_never_submitted(struct __sk_buff *skb)
{
	__u64 *record;

	record = bpf_ringbuf_reserve(&events, 8, 0); /* cause */
	if (!record)
		return 0;
	*record = skb->len;
	return 0;
}

SEC("tp_btf/sched_switch")
int task_left_on_one_path(__u64 *ctx)
{
	struct task_struct *task = bpf_task_acquire(bpf_get_current_task_btf());

	if (!task)
		return 0;
	if (task->pid == 1) /* cause */
		return 0;
	bpf_task_release(task);
	return 0;
}

SEC("tc")
int left_by_break(struct __sk_buff *skb)
{
	struct bpf_iter_num it;
	int *v;

	bpf_iter_num_new(&it, 0, 10);
	while ((v = bpf_iter_num_next(&it))) {
		if (*v == 3) /* cause */
			return 1;
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("fentry.s/bpf_fentry_test1")
int section_left_on_one_path(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

	bpf_rcu_read_lock();
	if (task->pid == 1) /* cause */
		return 0;
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc")
int section_never_ended(struct __sk_buff *skb)
{
	bpf_rcu_read_lock(); /* cause */
	if (skb->len > 10)
		return 1;
	return 0;
}

SEC("tc")
int preemption_left_disabled(struct __sk_buff *skb)
{
	bpf_preempt_disable();
	if (skb->len > 10) /* cause */
		return 1;
	bpf_preempt_enable();
	return 0;
}

SEC("tc")
int lock_left_on_one_path(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct locked *v = bpf_map_lookup_elem(&locks, &key);

	if (!v)
		return 0;
	bpf_spin_lock(&v->lock);
	v->count++;
	if (v->count > 100) /* cause */
		return 1;
	bpf_spin_unlock(&v->lock);
	return 0;
}

SEC("tc")
int unlocked_where_not_locked(struct __sk_buff *skb)
{
	__u32 key = 0, mark = skb->mark;
	struct locked *v = bpf_map_lookup_elem(&locks, &key);

	if (!v)
		return 0;
	if (mark) /* cause */
		bpf_spin_lock(&v->lock);
	barrier_var(v);
	bpf_spin_unlock(&v->lock);
	return 0;
}

SEC("fentry.s/bpf_fentry_test1")
int section_ended_twice(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock(); /* cause */
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc")
int next_after_destroy(struct __sk_buff *skb)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 10);
	bpf_iter_num_destroy(&it); /* cause */
	if (skb->len > 10)
		bpf_iter_num_next(&it);
	return 0;
}

SEC("tc")
int made_twice(struct __sk_buff *skb)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 10); /* cause */
	if (skb->len > 10)
		bpf_iter_num_new(&it, 0, 20);
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("fentry.s/bpf_fentry_test1")
int section_ended_in_the_loop(void *ctx)
{
	struct bpf_iter_task it;
	int n = 0;

	bpf_rcu_read_lock();
	bpf_iter_task_new(&it, NULL, 0);
	while (bpf_iter_task_next(&it)) {
		bpf_rcu_read_unlock(); /* cause */
		n++;
		bpf_rcu_read_lock();
	}
	bpf_iter_task_destroy(&it);
	bpf_rcu_read_unlock();
	return n;
}

SEC("fentry.s/bpf_fentry_test1")
int no_section(void *ctx)
{
	struct bpf_iter_task it;

	bpf_iter_task_new(&it, NULL, 0); /* cause */
	bpf_iter_task_next(&it);
	bpf_iter_task_destroy(&it);
	return 0;
}
