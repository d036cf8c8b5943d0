// SPDX-License-Identifier: GPL-2.0-only
// A value with a lock, read as a number. With BTF the kernel sees the lock, and socket filters may
// not have one. Without, as for a loader without CAP_BPF, the value is 8 bytes.
#define SEC(n) __attribute__((section(n), used))

typedef unsigned int u32;

struct bpf_spin_lock {
	u32 val;
};

struct val {
	struct bpf_spin_lock lock;
	u32 x;
};

struct {
	int (*type)[2];
	u32 *key;
	struct val *value;
	int (*max_entries)[1];
} m SEC(".maps");

static void *(*lookup)(void *, const void *) = (void *)1;

SEC("socket")
int prog(void *ctx)
{
	int k = 0;
	struct val *p = lookup(&m, &k);

	if (!p)
		return 0;
	return p->lock.val;
}

char _license[] SEC("license") = "GPL";
