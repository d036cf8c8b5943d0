// SPDX-License-Identifier: GPL-2.0-only
/* A kernel of a few types and functions: the BTF of this object stands for vmlinux's. */

typedef unsigned long long u64;
typedef unsigned int u32;

struct bpf_iter_num {
	u64 __opaque[1];
} __attribute__((aligned(8)));

struct cpumask {
	unsigned long bits[1];
};

struct bpf_cpumask {
	struct cpumask cpumask;
	int usage;
};

struct bpf_iter_task {
	u64 __opaque[3];
} __attribute__((aligned(8)));

struct task_struct {
	int pid;
	struct task_struct *real_parent;
};

struct bpf_spin_lock {
	u32 val;
};

struct bpf_list_head {
	u64 __opaque[2];
} __attribute__((aligned(8)));

struct bpf_list_node {
	u64 __opaque[3];
} __attribute__((aligned(8)));

struct bpf_map {
	u32 key_size;
};

#define KFUNC(type, name, ...) \
	type name(__VA_ARGS__) { return (type)0; }

KFUNC(int, bpf_iter_num_new, struct bpf_iter_num *it, int start, int end)
KFUNC(int *, bpf_iter_num_next, struct bpf_iter_num *it)
KFUNC(void, bpf_iter_num_destroy, struct bpf_iter_num *it)
KFUNC(int, bpf_iter_task_new, struct bpf_iter_task *it, struct task_struct *task__nullable, u32 flags)
KFUNC(struct task_struct *, bpf_iter_task_next, struct bpf_iter_task *it)
KFUNC(void, bpf_iter_task_destroy, struct bpf_iter_task *it)
KFUNC(void, bpf_rcu_read_lock, void)
KFUNC(void, bpf_rcu_read_unlock, void)
KFUNC(struct task_struct *, bpf_task_acquire, struct task_struct *p)
KFUNC(void, bpf_task_release, struct task_struct *p)
KFUNC(struct bpf_cpumask *, bpf_cpumask_create, void)
KFUNC(void, bpf_cpumask_release, struct bpf_cpumask *cpumask)

KFUNC(void, bpf_local_irq_save, unsigned long *flags__irq_flag)
KFUNC(void, bpf_local_irq_restore, unsigned long *flags__irq_flag)
KFUNC(struct bpf_list_node *, bpf_list_pop_front, struct bpf_list_head *head)
KFUNC(int, bpf_copy_from_user_str, void *dst, u32 dst__sz, const void *unsafe_ptr__ign, u64 flags)
KFUNC(void, bpf_throw, u64 cookie)
KFUNC(void, __bpf_trap, void)

struct task_struct init_task;
struct bpf_spin_lock lock;
struct bpf_map map;
