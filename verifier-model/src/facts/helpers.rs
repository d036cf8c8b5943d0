// SPDX-License-Identifier: GPL-2.0-only
//! Helpers: numbers, names, prototypes, and which programs may call which.
//!
//! The table is data (`data/helpers.txt`); this reads it once.
//!
//! Source: `___BPF_FUNC_MAPPER` in `include/uapi/linux/bpf.h`, the `bpf_func_proto` objects and the
//! `*_func_proto()` functions all over the kernel.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use bpf::program::ProgLoad;
use bpf::uapi::{AttachType, ProgType};

use crate::facts::helper_proto::{HelperProto, parse_proto};

/// Numbers of the helpers that the verifier treats specially.
pub(crate) mod id {
    pub(crate) const MAP_LOOKUP_ELEM: i32 = 1;
    pub(crate) const MAP_UPDATE_ELEM: i32 = 2;
    pub(crate) const MAP_DELETE_ELEM: i32 = 3;
    pub(crate) const TAIL_CALL: i32 = 12;
    pub(crate) const GET_SMP_PROCESSOR_ID: i32 = 8;
    pub(crate) const GET_STACK: i32 = 67;
    pub(crate) const GET_LOCAL_STORAGE: i32 = 81;
    pub(crate) const SK_LOOKUP_TCP: i32 = 84;
    pub(crate) const SK_LOOKUP_UDP: i32 = 85;
    pub(crate) const MAP_PUSH_ELEM: i32 = 87;
    pub(crate) const MAP_POP_ELEM: i32 = 88;
    pub(crate) const MAP_PEEK_ELEM: i32 = 89;
    pub(crate) const SPIN_LOCK: i32 = 93;
    pub(crate) const SPIN_UNLOCK: i32 = 94;
    pub(crate) const SK_FULLSOCK: i32 = 95;
    pub(crate) const TCP_SOCK: i32 = 96;
    pub(crate) const SKC_LOOKUP_TCP: i32 = 99;
    pub(crate) const PROBE_READ_STR: i32 = 45;
    pub(crate) const PROBE_READ_USER_STR: i32 = 114;
    pub(crate) const PROBE_READ_KERNEL_STR: i32 = 115;
    pub(crate) const RINGBUF_RESERVE: i32 = 131;
    pub(crate) const GET_TASK_STACK: i32 = 141;
    pub(crate) const PER_CPU_PTR: i32 = 153;
    pub(crate) const THIS_CPU_PTR: i32 = 154;
    pub(crate) const FOR_EACH_MAP_ELEM: i32 = 164;
    pub(crate) const SNPRINTF: i32 = 165;
    pub(crate) const TIMER_SET_CALLBACK: i32 = 170;
    pub(crate) const GET_FUNC_IP: i32 = 173;
    pub(crate) const FIND_VMA: i32 = 180;
    pub(crate) const LOOP: i32 = 181;
    pub(crate) const GET_RETVAL: i32 = 186;
    pub(crate) const SET_RETVAL: i32 = 187;
    pub(crate) const KPTR_XCHG: i32 = 194;
    pub(crate) const DYNPTR_FROM_MEM: i32 = 197;
    pub(crate) const DYNPTR_WRITE: i32 = 202;
    pub(crate) const DYNPTR_DATA: i32 = 203;
    pub(crate) const USER_RINGBUF_DRAIN: i32 = 209;
    pub(crate) const SK_RELEASE: i32 = 86;
    pub(crate) const D_PATH: i32 = 147;
    pub(crate) const SK_STORAGE_GET: i32 = 107;
    pub(crate) const SK_STORAGE_DELETE: i32 = 108;
}

#[derive(Debug, Default)]
struct Set {
    /// (helper, condition, prototype)
    entries: Vec<(i32, String, String)>,
    then: Vec<String>,
}

#[derive(Debug, Default)]
struct Table {
    names: HashMap<i32, String>,
    protos: HashMap<String, HelperProto>,
    sets: HashMap<String, Set>,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| parse(include_str!("../../data/linux-7.3/helpers.txt")))
}

fn parse(text: &str) -> Table {
    let mut t = Table::default();
    let mut ids = HashMap::new();
    let mut set = String::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("helper") => {
                if let (Some(Ok(id)), Some(name)) = (words.next().map(str::parse), words.next()) {
                    t.names.insert(id, name.to_owned());
                    ids.insert(name.to_owned(), id);
                }
            }
            Some("proto") => {
                if let Some(name) = words.next() {
                    t.protos.insert(name.to_owned(), parse_proto(name, words));
                }
            }
            Some("set") => {
                set = words.next().unwrap_or_default().to_owned();
                let then = words
                    .next()
                    .and_then(|w| w.strip_prefix("then="))
                    .unwrap_or_default();
                let then = then
                    .split(',')
                    .filter(|s| !s.is_empty())
                    .map(str::to_owned)
                    .collect();
                t.sets.insert(
                    set.clone(),
                    Set {
                        entries: Vec::new(),
                        then,
                    },
                );
            }
            Some(first) if !first.starts_with('#') => {
                for entry in core::iter::once(first).chain(words) {
                    let Some((left, proto)) = entry.rsplit_once('=') else {
                        continue;
                    };
                    let (name, cond) = left.split_once('@').unwrap_or((left, ""));
                    if let (Some(&id), Some(s)) = (ids.get(name), t.sets.get_mut(&set)) {
                        s.entries.push((id, cond.to_owned(), proto.to_owned()));
                    }
                }
            }
            _ => {}
        }
    }
    t
}

/// Name of a helper with its prefix, as messages print it (`func_id_name`).
pub fn func_id_name(id: i32) -> String {
    table()
        .names
        .get(&id)
        .map_or_else(|| "unknown".to_owned(), |n| format!("bpf_{n}"))
}

/// Whether a helper of this number exists.
pub(crate) fn exists(id: i32) -> bool {
    id == 0 || table().names.contains_key(&id)
}

/// The set of helpers of a type of program; None if it has none, or none of its own.
pub(crate) fn set_of(prog: &ProgLoad) -> Option<&'static str> {
    use ProgType as P;
    Some(match prog.prog_type {
        P::SocketFilter => "sk_filter_func_proto",
        P::SchedCls | P::SchedAct => "tc_cls_act_func_proto",
        P::Xdp => "xdp_func_proto",
        P::CgroupSkb => "cg_skb_func_proto",
        P::CgroupSock => "sock_filter_func_proto",
        P::CgroupSockAddr => "sock_addr_func_proto",
        P::LwtIn => "lwt_in_func_proto",
        P::LwtOut => "lwt_out_func_proto",
        P::LwtXmit => "lwt_xmit_func_proto",
        P::LwtSeg6local => "lwt_seg6local_func_proto",
        P::SockOps => "sock_ops_func_proto",
        P::SkSkb => "sk_skb_func_proto",
        P::SkMsg => "sk_msg_func_proto",
        P::FlowDissector => "flow_dissector_func_proto",
        P::Kprobe => "kprobe_prog_func_proto",
        P::Tracepoint => "tp_prog_func_proto",
        P::PerfEvent => "pe_prog_func_proto",
        P::RawTracepoint | P::RawTracepointWritable => "raw_tp_prog_func_proto",
        P::Tracing => "tracing_prog_func_proto",
        P::CgroupDevice => "cgroup_dev_func_proto",
        P::CgroupSysctl => "sysctl_func_proto",
        P::CgroupSockopt => "cg_sockopt_func_proto",
        P::SkReuseport => "sk_reuseport_func_proto",
        P::SkLookup => "sk_lookup_func_proto",
        P::Lsm => "bpf_lsm_func_proto",
        P::Syscall => "syscall_prog_func_proto",
        P::Netfilter => "bpf_nf_func_proto",
        P::StructOps | P::Unspec | P::LircMode2 | P::Ext => return None,
    })
}

/// Hooks that have no value returned so far, or none that a program may change.
const NO_RETVAL: [AttachType; 12] = [
    AttachType::CgroupInetIngress,
    AttachType::CgroupInetEgress,
    AttachType::CgroupSockOps,
    AttachType::CgroupUdp4Recvmsg,
    AttachType::CgroupUdp6Recvmsg,
    AttachType::CgroupUnixRecvmsg,
    AttachType::CgroupInet4Getpeername,
    AttachType::CgroupInet6Getpeername,
    AttachType::CgroupUnixGetpeername,
    AttachType::CgroupInet4Getsockname,
    AttachType::CgroupInet6Getsockname,
    AttachType::CgroupUnixGetsockname,
];

/// The set of helpers that all may call who have CAP_BPF, or CAP_PERFMON for some.
const NEEDS_CAPABILITIES: &str = "bpf_base_func_proto_capable";

/// Who calls a helper.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'a> {
    /// The program.
    pub prog: &'a ProgLoad,
    /// Its set of helpers (`get_func_proto()`).
    pub set: &'a str,
    /// What it attaches to: the function of an LSM program, the member of a struct_ops program.
    pub hook: &'a str,
    /// Its loader has CAP_BPF and CAP_PERFMON.
    pub privileged: bool,
    /// The kernel's configuration; empty if that is not known, when every option is taken to be set.
    pub kconfig: &'a BTreeMap<String, String>,
}

impl Caller<'_> {
    /// Whether an entry is for this caller.
    fn meets(&self, conditions: &str) -> bool {
        conditions
            .split('&')
            .all(|cond| match cond.split_once('=') {
                Some((what, values)) => {
                    let (what, unless) = match what.strip_suffix('!') {
                        Some(what) => (what, true),
                        None => (what, false),
                    };
                    let is = |value: &str| match what {
                        "attach" => self.prog.expected_attach_type.c_name() == value,
                        "config" if self.kconfig.is_empty() => true,
                        "config" => self.kconfig.get(value).is_some_and(|set| set == "y"),
                        _ => self.hook == value,
                    };
                    values.split('|').any(is) != unless
                }
                None => self.is(cond),
            })
    }

    fn is(&self, word: &str) -> bool {
        use AttachType as A;
        let attach = self.prog.expected_attach_type;
        match word {
            "" => true,
            "sleepable" => self.prog.sleepable(),
            "iter" => attach == A::TraceIter,
            "lsm_cgroup" => attach == A::LsmCgroup,
            "retval" => !NO_RETVAL.contains(&attach),
            "trampoline" => match self.prog.prog_type {
                ProgType::Tracing => matches!(
                    attach,
                    A::TraceFentry
                        | A::TraceFexit
                        | A::ModifyReturn
                        | A::TraceFsession
                        | A::TraceFentryMulti
                        | A::TraceFexitMulti
                        | A::TraceFsessionMulti
                ),
                ProgType::Lsm => attach == A::LsmMac,
                _ => false,
            },
            _ => false,
        }
    }
}

/// Whether there is a set of this name.
#[cfg(test)]
pub(crate) fn has_set(name: &str) -> bool {
    table().sets.contains_key(name)
}

/// The prototype by which a program calls a helper; None if it may not.
pub(crate) fn proto_for(caller: &Caller<'_>, id: i32) -> Option<&'static HelperProto> {
    let t = table();
    let mut todo = vec![caller.set];
    let mut steps = 0;
    while let Some(name) = todo.pop() {
        steps += 1;
        let capable = caller.privileged || name != NEEDS_CAPABILITIES;
        let Some(set) = t.sets.get(name).filter(|_| steps < 16 && capable) else {
            continue;
        };
        let mut found = set
            .entries
            .iter()
            .filter(|(h, cond, _)| *h == id && caller.meets(cond));
        // The conditional entry is the more special one.
        let entry = found
            .clone()
            .find(|(_, cond, _)| !cond.is_empty())
            .or_else(|| found.next());
        if let Some((_, _, proto)) = entry {
            return t.protos.get(proto);
        }
        todo.extend(set.then.iter().rev().map(String::as_str));
    }
    None
}

/// Whether a helper may move packet data, so that pointers into it are lost.
pub(crate) fn changes_pkt_data(id: i32) -> bool {
    const NAMES: [&str; 23] = [
        "clone_redirect",
        "l3_csum_replace",
        "l4_csum_replace",
        "lwt_push_encap",
        "lwt_seg6_action",
        "lwt_seg6_adjust_srh",
        "lwt_seg6_store_bytes",
        "msg_pop_data",
        "msg_pull_data",
        "msg_push_data",
        "skb_adjust_room",
        "skb_change_head",
        "skb_change_proto",
        "skb_change_tail",
        "skb_pull_data",
        "skb_store_bytes",
        "skb_vlan_pop",
        "skb_vlan_push",
        "store_hdr_opt",
        "xdp_adjust_head",
        "xdp_adjust_meta",
        "xdp_adjust_tail",
        "tail_call",
    ];
    table()
        .names
        .get(&id)
        .is_some_and(|n| NAMES.contains(&n.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_agree() {
        for (n, name) in [
            (id::MAP_LOOKUP_ELEM, "bpf_map_lookup_elem"),
            (id::TAIL_CALL, "bpf_tail_call"),
            (id::GET_STACK, "bpf_get_stack"),
            (id::GET_LOCAL_STORAGE, "bpf_get_local_storage"),
            (id::SPIN_LOCK, "bpf_spin_lock"),
            (id::PROBE_READ_STR, "bpf_probe_read_str"),
            (id::PROBE_READ_KERNEL_STR, "bpf_probe_read_kernel_str"),
            (id::RINGBUF_RESERVE, "bpf_ringbuf_reserve"),
            (id::GET_TASK_STACK, "bpf_get_task_stack"),
            (id::THIS_CPU_PTR, "bpf_this_cpu_ptr"),
            (id::FOR_EACH_MAP_ELEM, "bpf_for_each_map_elem"),
            (id::SNPRINTF, "bpf_snprintf"),
            (id::TIMER_SET_CALLBACK, "bpf_timer_set_callback"),
            (id::GET_FUNC_IP, "bpf_get_func_ip"),
            (id::FIND_VMA, "bpf_find_vma"),
            (id::LOOP, "bpf_loop"),
            (id::SET_RETVAL, "bpf_set_retval"),
            (id::KPTR_XCHG, "bpf_kptr_xchg"),
            (id::DYNPTR_FROM_MEM, "bpf_dynptr_from_mem"),
            (id::DYNPTR_DATA, "bpf_dynptr_data"),
            (id::USER_RINGBUF_DRAIN, "bpf_user_ringbuf_drain"),
            (id::SKC_LOOKUP_TCP, "bpf_skc_lookup_tcp"),
            (id::SK_RELEASE, "bpf_sk_release"),
            (id::MAP_PEEK_ELEM, "bpf_map_peek_elem"),
        ] {
            assert_eq!(func_id_name(n), name);
        }
    }

    #[test]
    fn every_entry_has_its_prototype() {
        for (name, set) in &table().sets {
            for (id, _, proto) in &set.entries {
                let known = proto == "none" || table().protos.contains_key(proto);
                assert!(known, "{name}: {id} {proto}");
            }
        }
    }
}
