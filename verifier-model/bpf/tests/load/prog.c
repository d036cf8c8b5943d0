// SPDX-License-Identifier: GPL-2.0-only
/* One of everything that the loader relocates, for tests/load.rs. */

typedef unsigned int __u32;
typedef unsigned long long __u64;

#define SEC(name) __attribute__((section(name), used))
#define __weak __attribute__((weak))
#define __hidden __attribute__((visibility("hidden")))
#define __noinline __attribute__((noinline))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define __array(name, val) typeof(val) *name[]
#define __core __attribute__((preserve_access_index))

static void *(*lookup)(void *map, const void *key) = (void *)1;
static long (*loop)(__u32 n, void *callback, void *ctx, __u64 flags) = (void *)181;

enum state { STATE_OFF, STATE_ON, STATE_GONE };

struct inner {
	int depth;
} __core;

struct task {
	unsigned int pid;
	int missing;
	unsigned int flag_a : 1;
	unsigned int flag_b : 2;
	struct inner inner[2];
} __core;

struct task___old {
	unsigned int pid;
} __core;

struct ops_ctx;

struct toy_ops {
	int (*start)(struct ops_ctx *ctx);
	int (*stop)(struct ops_ctx *ctx);
	int level;
};

struct inner_map {
	__uint(type, 2);
	__uint(max_entries, 3);
	__type(key, int);
	__type(value, __u64);
};

struct {
	__uint(type, 1);
	__uint(max_entries, 100);
	__type(key, int);
	__type(value, struct { int a; long b; });
} counts SEC(".maps");

struct {
	__uint(type, 12);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__array(values, struct inner_map);
} outer SEC(".maps");

int zeroed[4];
int filled = 7;
const volatile int tuned = 5;
static int hidden_counter;

extern int CONFIG_HZ __attribute__((section(".kconfig")));
extern _Bool CONFIG_MISSING __attribute__((section(".kconfig"))) __weak;
extern __u32 LINUX_KERNEL_VERSION __attribute__((section(".kconfig")));
extern const int nr_tasks __attribute__((section(".ksyms")));
extern const void untyped __attribute__((section(".ksyms")));
extern int task_weight(struct task *task, int scale) __attribute__((section(".ksyms")));
extern struct task *current_task___v2(void) __attribute__((section(".ksyms")));
extern int not_there(int x) __attribute__((section(".ksyms"))) __weak;

static __noinline int leaf(int x)
{
	hidden_counter += x;
	return hidden_counter;
}

__noinline int global_sub(int x)
{
	return leaf(x) + leaf(x + 1);
}

__hidden __noinline int hidden_sub(int x)
{
	return x * tuned;
}

static int callback(__u32 index, void *ctx)
{
	return leaf(index);
}

SEC("socket") int fields(struct task *task)
{
	return task->pid + task->inner[1].depth;
}

SEC("socket") int existence(struct task *task)
{
	int n = 0;

	if (__builtin_preserve_field_info(task->missing, 2))
		n += task->missing;
	n += __builtin_preserve_type_info(*(struct task___old *)0, 1);
	n += __builtin_preserve_enum_value(*(typeof(enum state) *)STATE_ON, 1);
	if (__builtin_preserve_enum_value(*(typeof(enum state) *)STATE_GONE, 0))
		n += 100;
	n += __builtin_preserve_field_info(task->flag_b, 4);
	return n;
}

SEC("tc") int subprogs(void *ctx)
{
	int key = filled;

	loop(10, callback, &key, 0);
	return global_sub(zeroed[1]) + hidden_sub(key) + !!lookup(&counts, &key);
}

SEC("xdp.frags") int externs(void *ctx)
{
	if (CONFIG_MISSING)
		return not_there(1);
	return CONFIG_HZ + LINUX_KERNEL_VERSION + nr_tasks + (int)(long)&untyped +
	       task_weight(current_task___v2(), 3);
}

SEC("?fentry.s/task_weight") int fentry(void *ctx)
{
	return !!lookup(&outer, &(int){ 0 });
}

SEC("iter/toy") int iter(void *ctx)
{
	return 0;
}

SEC("struct_ops/start") int start_prog(void *ctx)
{
	return 0;
}

SEC("struct_ops.s/stop") int stop_prog(void *ctx)
{
	return 0;
}

SEC(".struct_ops.link") struct toy_ops toy = {
	.start = (void *)start_prog,
	.stop = (void *)stop_prog,
	.level = 4,
};

char _license[] SEC("license") = "GPL";
