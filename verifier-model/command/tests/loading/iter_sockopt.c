/* SPDX-License-Identifier: GPL-2.0-only */
/* Helpers that an iterator's target adds to those of all iterators. */
#include "loading.h"

struct sock_common;
struct tcp_sock;
struct unix_sock;
struct udp_sock;
struct bpf_iter__tcp {
	u64 meta;
	struct sock_common *sk_common;
} preserve;
struct bpf_iter__unix {
	u64 meta;
	struct unix_sock *unix_sk;
} preserve;
struct bpf_iter__udp {
	u64 meta;
	struct udp_sock *udp_sk;
} preserve;

SEC("iter/tcp") int tcp_get(struct bpf_iter__tcp *ctx)
{
	char buf[16] = {};
	struct sock_common *skc = ctx->sk_common;
	struct tcp_sock *tp = skc ? bpf_skc_to_tcp_sock(skc) : 0;

	if (tp)
		bpf_getsockopt(tp, 6, 13, buf, sizeof(buf));
	return 0;
}

SEC("iter/tcp") int tcp_set(struct bpf_iter__tcp *ctx)
{
	int one = 1;
	struct sock_common *skc = ctx->sk_common;
	struct tcp_sock *tp = skc ? bpf_skc_to_tcp_sock(skc) : 0;

	if (tp)
		bpf_setsockopt(tp, 1, 2, &one, sizeof(one));
	return 0;
}

SEC("iter/unix") int unix_set(struct bpf_iter__unix *ctx)
{
	int v = 8192;
	struct unix_sock *u = ctx->unix_sk;

	if (u) {
		bpf_setsockopt(u, 1, 7, &v, sizeof(v));
		bpf_getsockopt(u, 1, 7, &v, sizeof(v));
	}
	return 0;
}

/* Not for this one. */
SEC("iter/udp") int udp_set(struct bpf_iter__udp *ctx)
{
	int v = 1;
	struct udp_sock *u = ctx->udp_sk;

	if (u)
		bpf_setsockopt(u, 1, 7, &v, sizeof(v));
	return 0;
}
