/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the cases need of the kernel's types and helpers. */
#ifndef LOADING_H
#define LOADING_H

typedef unsigned char u8;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define __ksym __attribute__((section(".ksyms")))
#define __weak __attribute__((weak))
#define __noinline __attribute__((noinline))
#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name
#define preserve __attribute__((preserve_access_index))

enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_LPM_TRIE = 11,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_HASH_OF_MAPS = 13,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
	BPF_MAP_TYPE_RINGBUF = 27,
};

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_setsockopt)(void *sk, int level, int name, void *val, int len) = (void *)49;
static long (*const bpf_getsockopt)(void *sk, int level, int name, void *val, int len) = (void *)57;
static long (*const bpf_override_return)(void *regs, u64 rc) = (void *)58;
static long (*const bpf_rc_keydown)(void *ctx, u32 protocol, u64 code, u32 toggle) = (void *)78;
static long (*const bpf_spin_lock)(void *lock) = (void *)93;
static long (*const bpf_spin_unlock)(void *lock) = (void *)94;
static void *(*const bpf_skc_to_tcp_sock)(void *sk) = (void *)137;
static void *(*const bpf_get_current_task_btf)(void) = (void *)158;
static long (*const bpf_loop)(u32 n, void *fn, void *ctx, u64 flags) = (void *)181;

struct bpf_spin_lock {
	u32 val;
};

struct __sk_buff {
	u32 len;
};

struct xdp_md {
	u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

char _license[] SEC("license") = "GPL";

#endif
