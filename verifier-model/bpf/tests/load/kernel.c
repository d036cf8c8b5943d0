// SPDX-License-Identifier: GPL-2.0-only
/* A kernel of a few types: the BTF of this object stands for vmlinux's in tests/load.rs. */

enum state { STATE_OFF = 3, STATE_ON = 9 };

struct inner {
	long pad;
	int depth;
};

struct task {
	char gap[24];
	struct {
		/* Moved into an anonymous structure, and wider than programs think. */
		unsigned long pid;
	};
	unsigned int flag_a : 3;
	unsigned int flag_b : 5;
	enum state state;
	struct inner inner[4];
};

struct ops_ctx {
	int value;
};

struct toy_ops {
	int (*start)(struct ops_ctx *ctx);
	int (*added_later)(void);
	int (*stop)(struct ops_ctx *ctx);
	int level;
};

struct bpf_struct_ops_toy_ops {
	long refcnt;
	struct toy_ops data;
};

struct task *current_task(void)
{
	return 0;
}

int task_weight(struct task *task, int scale)
{
	return task ? scale : 0;
}

int bpf_iter_toy(struct task *task)
{
	return task_weight(task, 2);
}

int nr_tasks = 1;
struct task init_task;
struct bpf_struct_ops_toy_ops registered;
