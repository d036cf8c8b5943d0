/* SPDX-License-Identifier: GPL-2.0-only */
/* What this kernel does not have. */
#include "loading.h"

struct task_struct {
	int pid;
	int field_that_is_gone;
} preserve;
enum kinds {
	KIND_THAT_IS_GONE = 7,
};
extern int kfunc_that_is_gone(int x) __ksym __weak;

SEC("raw_tp/sched_switch") int field(void *ctx)
{
	struct task_struct *t = bpf_get_current_task_btf();

	return t->field_that_is_gone;
}

SEC("raw_tp/sched_switch") int guarded(void *ctx)
{
	struct task_struct *t = bpf_get_current_task_btf();

	if (__builtin_preserve_field_info(t->field_that_is_gone, 2))
		return t->field_that_is_gone;
	return t->pid;
}

static __noinline int read(struct task_struct *t)
{
	return t->field_that_is_gone;
}

SEC("raw_tp/sched_switch") int in_function(void *ctx)
{
	return read(bpf_get_current_task_btf());
}

SEC("raw_tp/sched_switch") int enumerator(void *ctx)
{
	return __builtin_preserve_enum_value(*(enum kinds *)KIND_THAT_IS_GONE, 1);
}

SEC("tc") int kfunc(struct __sk_buff *skb)
{
	return kfunc_that_is_gone(1);
}
