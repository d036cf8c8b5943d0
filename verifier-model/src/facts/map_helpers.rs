// SPDX-License-Identifier: GPL-2.0-only
//! Which helpers take which maps, and which kernel structure a map is.
//!
//! Source: `check_map_func_compatibility()` in `kernel/bpf/verifier.c`; `map_btf_id` of each map.

use bpf::uapi::MapType as M;

/// Helpers that are for some maps only, without `bpf_`.
const BY_HELPER: [(&str, &[M]); 34] = {
    const PERF: &[M] = &[M::PerfEventArray];
    const RING: &[M] = &[M::Ringbuf];
    const REDIRECT: &[M] = &[M::Devmap, M::DevmapHash, M::Cpumap, M::Xskmap];
    const QUEUE: &[M] = &[M::Queue, M::Stack];
    const PEEK: &[M] = &[M::Queue, M::Stack, M::BloomFilter];
    const PERCPU: &[M] = &[M::PercpuArray, M::PercpuHash, M::LruPercpuHash];
    [
        ("tail_call", &[M::ProgArray]),
        ("perf_event_read", PERF),
        ("perf_event_output", PERF),
        ("perf_event_read_value", PERF),
        ("skb_output", PERF),
        ("xdp_output", PERF),
        ("ringbuf_output", RING),
        ("ringbuf_reserve", RING),
        ("ringbuf_query", RING),
        ("ringbuf_reserve_dynptr", RING),
        ("ringbuf_submit_dynptr", RING),
        ("ringbuf_discard_dynptr", RING),
        ("user_ringbuf_drain", &[M::UserRingbuf]),
        ("get_stackid", &[M::StackTrace]),
        ("current_task_under_cgroup", &[M::CgroupArray]),
        ("skb_under_cgroup", &[M::CgroupArray]),
        ("redirect_map", REDIRECT),
        ("sk_redirect_map", &[M::Sockmap]),
        ("msg_redirect_map", &[M::Sockmap]),
        ("sock_map_update", &[M::Sockmap]),
        ("sk_redirect_hash", &[M::Sockhash]),
        ("msg_redirect_hash", &[M::Sockhash]),
        ("sock_hash_update", &[M::Sockhash]),
        (
            "get_local_storage",
            &[M::CgroupStorage, M::PercpuCgroupStorage],
        ),
        (
            "sk_select_reuseport",
            &[M::ReuseportSockarray, M::Sockmap, M::Sockhash],
        ),
        ("map_pop_elem", QUEUE),
        ("map_peek_elem", PEEK),
        ("map_push_elem", PEEK),
        ("map_lookup_percpu_elem", PERCPU),
        ("sk_storage_get", &[M::SkStorage]),
        ("sk_storage_delete", &[M::SkStorage]),
        ("inode_storage_get", &[M::InodeStorage]),
        ("task_storage_get", &[M::TaskStorage]),
        ("cgrp_storage_get", &[M::CgrpStorage]),
    ]
};

/// Whether a helper, named without `bpf_`, takes a map of this type.
pub(crate) fn compatible(map: M, helper: &str) -> bool {
    let by_map: Option<&[&str]> = match map {
        M::ProgArray => Some(&["tail_call"]),
        M::PerfEventArray => Some(&[
            "perf_event_read",
            "perf_event_output",
            "skb_output",
            "perf_event_read_value",
            "xdp_output",
        ]),
        M::Ringbuf => Some(&[
            "ringbuf_output",
            "ringbuf_reserve",
            "ringbuf_query",
            "ringbuf_reserve_dynptr",
            "ringbuf_submit_dynptr",
            "ringbuf_discard_dynptr",
        ]),
        M::UserRingbuf => Some(&["user_ringbuf_drain"]),
        M::StackTrace => Some(&["get_stackid"]),
        M::CgroupArray => Some(&["skb_under_cgroup", "current_task_under_cgroup"]),
        M::CgroupStorage | M::PercpuCgroupStorage => Some(&["get_local_storage"]),
        M::Devmap | M::DevmapHash | M::Xskmap => Some(&["redirect_map", "map_lookup_elem"]),
        M::Cpumap => Some(&["redirect_map"]),
        M::ArrayOfMaps | M::HashOfMaps => Some(&["map_lookup_elem"]),
        M::ReuseportSockarray => Some(&["sk_select_reuseport"]),
        M::Queue | M::Stack => Some(&["map_peek_elem", "map_pop_elem", "map_push_elem"]),
        M::SkStorage => Some(&["sk_storage_get", "sk_storage_delete", "kptr_xchg"]),
        M::InodeStorage => Some(&["inode_storage_get", "inode_storage_delete", "kptr_xchg"]),
        M::TaskStorage => Some(&["task_storage_get", "task_storage_delete", "kptr_xchg"]),
        M::CgrpStorage => Some(&["cgrp_storage_get", "cgrp_storage_delete", "kptr_xchg"]),
        M::BloomFilter => Some(&["map_peek_elem", "map_push_elem"]),
        M::Sockmap => Some(&[
            "sk_redirect_map",
            "sock_map_update",
            "msg_redirect_map",
            "sk_select_reuseport",
            "map_lookup_elem",
        ]),
        M::Sockhash => Some(&[
            "sk_redirect_hash",
            "sock_hash_update",
            "msg_redirect_hash",
            "sk_select_reuseport",
            "map_lookup_elem",
        ]),
        M::InsnArray => Some(&[]),
        _ => None,
    };
    let helper_ok = match helper {
        "inode_storage_delete" => map == M::InodeStorage,
        "task_storage_delete" => map == M::TaskStorage,
        "cgrp_storage_delete" => map == M::CgrpStorage,
        _ => {
            let maps = BY_HELPER.iter().find(|(h, _)| *h == helper);
            maps.is_none_or(|(_, maps)| maps.contains(&map))
        }
    };
    helper_ok && by_map.is_none_or(|helpers| helpers.contains(&helper))
}

/// The kernel structure of a map, whose fields programs may read.
pub(crate) fn kernel_struct(map: M) -> Option<&'static str> {
    Some(match map {
        M::Array
        | M::PercpuArray
        | M::PerfEventArray
        | M::ProgArray
        | M::CgroupArray
        | M::ArrayOfMaps => "bpf_array",
        M::Hash | M::PercpuHash | M::LruHash | M::LruPercpuHash | M::HashOfMaps => "bpf_htab",
        M::LpmTrie => "lpm_trie",
        M::Queue | M::Stack => "bpf_queue_stack",
        M::Ringbuf | M::UserRingbuf => "bpf_ringbuf_map",
        M::StackTrace => "bpf_stack_map",
        M::BloomFilter => "bpf_bloom_filter",
        M::Devmap | M::DevmapHash => "bpf_dtab",
        M::Cpumap => "bpf_cpu_map",
        M::Sockmap => "bpf_stab",
        M::Sockhash => "bpf_shtab",
        M::Xskmap => "xsk_map",
        M::SkStorage | M::InodeStorage | M::TaskStorage | M::CgrpStorage => "bpf_local_storage_map",
        M::CgroupStorage | M::PercpuCgroupStorage => "bpf_cgroup_storage_map",
        M::ReuseportSockarray => "reuseport_array",
        M::Arena => "bpf_arena",
        M::Rhash => "bpf_rhtab",
        _ => return None,
    })
}
