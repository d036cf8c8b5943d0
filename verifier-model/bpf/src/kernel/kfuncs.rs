// SPDX-License-Identifier: GPL-2.0-only
//! Which kernel functions BPF programs may call, and what the kernel promises about them.
//!
//! A kernel registers *sets* of kfuncs for a kind of program ([`KfuncHook`]). That is in code, not
//! in BTF (which has the prototypes and a `bpf_kfunc` decl tag alone), so it comes from a data file:
//!
//! ```text
//! # comment
//! set cpumask_kfunc_btf_ids hooks=TRACING,STRUCT_OPS,SYSCALL
//! bpf_cpumask_acquire ACQUIRE|RET_NULL
//! bpf_cpumask_first
//! ```
//!
//! Which types of programs come by a hook is in code too. Where that is not as in the newest kernel the
//! file has a line a hook, before its sets:
//!
//! ```text
//! hook TRACING TRACING,LSM
//! ```
//!
//! Source: `register_btf_kfunc_id_set()` and `btf_kfunc_flags()` in `kernel/bpf/btf.c`,
//! `include/linux/btf.h`, `Documentation/bpf/kfuncs.rst`.

use std::collections::{BTreeMap, HashMap};

use crate::uapi::ProgType;

bitflags::bitflags! {
    /// `KF_*`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct KfuncFlags: u32 {
        /// `KF_ACQUIRE`: returns a reference.
        const ACQUIRE = 1 << 0;
        /// `KF_RELEASE`: takes a reference away.
        const RELEASE = 1 << 1;
        /// `KF_RET_NULL`: the pointer returned may be NULL.
        const RET_NULL = 1 << 2;
        /// `KF_KPTR_GET`, until 6.3: takes a pointer to a map's field and returns what is there.
        const KPTR_GET = 1 << 3;
        /// `KF_TRUSTED_ARGS`, until 6.19: takes trusted pointers alone, as all do since.
        const TRUSTED_ARGS = 1 << 4;
        /// `KF_SLEEPABLE`
        const SLEEPABLE = 1 << 5;
        /// `KF_DESTRUCTIVE`: needs CAP_SYS_BOOT.
        const DESTRUCTIVE = 1 << 6;
        /// `KF_RCU`: takes RCU pointers as well as trusted ones.
        const RCU = 1 << 7;
        /// `KF_ITER_NEW`: constructor of an open-coded iterator.
        const ITER_NEW = 1 << 8;
        /// `KF_ITER_NEXT`
        const ITER_NEXT = 1 << 9;
        /// `KF_ITER_DESTROY`
        const ITER_DESTROY = 1 << 10;
        /// `KF_RCU_PROTECTED`: must be called inside an RCU critical section.
        const RCU_PROTECTED = 1 << 11;
        /// `KF_FASTCALL`
        const FASTCALL = 1 << 12;
        /// `KF_ARENA_RET`
        const ARENA_RET = 1 << 13;
        /// `KF_ARENA_ARG1`
        const ARENA_ARG1 = 1 << 14;
        /// `KF_ARENA_ARG2`
        const ARENA_ARG2 = 1 << 15;
        /// `KF_IMPLICIT_ARGS`: the verifier supplies the last arguments.
        const IMPLICIT_ARGS = 1 << 16;
        /// `KF_SPINLOCK_SAFE`: may be called with a `bpf_spin_lock` held.
        const SPINLOCK_SAFE = 1 << 17;
        /// `KF_PERFMON`: needs CAP_PERFMON.
        const PERFMON = 1 << 18;
    }
}

/// `enum btf_kfunc_hook`: a kind of program that kfuncs are registered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is its program type's name")]
pub enum KfuncHook {
    /// Every program.
    Common,
    Xdp,
    Tc,
    StructOps,
    Tracing,
    Syscall,
    Fmodret,
    Cgroup,
    SchedAct,
    SkSkb,
    SocketFilter,
    Lwt,
    Netfilter,
    Kprobe,
}

impl KfuncHook {
    const NAMES: [(Self, &str); 14] = [
        (Self::Common, "COMMON"),
        (Self::Xdp, "XDP"),
        (Self::Tc, "TC"),
        (Self::StructOps, "STRUCT_OPS"),
        (Self::Tracing, "TRACING"),
        (Self::Syscall, "SYSCALL"),
        (Self::Fmodret, "FMODRET"),
        (Self::Cgroup, "CGROUP"),
        (Self::SchedAct, "SCHED_ACT"),
        (Self::SkSkb, "SK_SKB"),
        (Self::SocketFilter, "SOCKET_FILTER"),
        (Self::Lwt, "LWT"),
        (Self::Netfilter, "NETFILTER"),
        (Self::Kprobe, "KPROBE"),
    ];

    /// The hook of this name in a data file.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(_, n)| *n == name)
            .map(|(h, _)| *h)
    }

    /// Its name in a data file.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize].1
    }

    /// The hook of a program type (`bpf_prog_type_to_kfunc_hook()`); None for those that may call
    /// only common kfuncs. That is the newest kernel's; [`KfuncTable::hook`] knows of others.
    pub fn of_prog_type(prog_type: ProgType) -> Option<Self> {
        Some(match prog_type {
            ProgType::Unspec => Self::Common,
            ProgType::Xdp => Self::Xdp,
            ProgType::SchedCls => Self::Tc,
            ProgType::StructOps => Self::StructOps,
            ProgType::Tracing
            | ProgType::Tracepoint
            | ProgType::RawTracepoint
            | ProgType::PerfEvent
            | ProgType::Lsm => Self::Tracing,
            ProgType::Syscall => Self::Syscall,
            ProgType::CgroupSkb
            | ProgType::CgroupSock
            | ProgType::CgroupDevice
            | ProgType::CgroupSockAddr
            | ProgType::CgroupSockopt
            | ProgType::CgroupSysctl
            | ProgType::SockOps => Self::Cgroup,
            ProgType::SchedAct => Self::SchedAct,
            ProgType::SkSkb => Self::SkSkb,
            ProgType::SocketFilter => Self::SocketFilter,
            ProgType::LwtOut | ProgType::LwtIn | ProgType::LwtXmit | ProgType::LwtSeg6local => {
                Self::Lwt
            }
            ProgType::Netfilter => Self::Netfilter,
            ProgType::Kprobe => Self::Kprobe,
            _ => return None,
        })
    }
}

/// A `struct btf_kfunc_id_set`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KfuncSet {
    /// Name of the `BTF_KFUNCS_START` set.
    pub name: String,
    /// What it is registered for.
    pub hooks: Vec<KfuncHook>,
    /// Name of the `filter` function that narrows who may call, if the set has one.
    pub filter: Option<String>,
    /// Function → flags.
    pub kfuncs: BTreeMap<String, KfuncFlags>,
}

/// All sets that a kernel and its modules register.
#[derive(Debug, Clone, Default)]
pub struct KfuncTable {
    sets: Vec<KfuncSet>,
    /// The types that come by each hook; empty where that is as in the newest kernel.
    types: Vec<(KfuncHook, Vec<ProgType>)>,
    /// Function → sets that have it.
    by_name: HashMap<String, Vec<usize>>,
}

/// Where a data file is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("kfunc table, line {line}: {reason}")]
pub struct KfuncTableError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

impl KfuncTable {
    /// Reads a data file.
    pub fn parse(text: &str) -> Result<Self, KfuncTableError> {
        let mut table = Self::default();
        for (n, line) in text.lines().enumerate() {
            let err = |reason: String| KfuncTableError {
                line: n + 1,
                reason,
            };
            let mut words = line.split('#').next().unwrap_or("").split_whitespace();
            match words.next() {
                None => {}
                Some("set") => table.sets.push(parse_set(words).map_err(err)?),
                Some("hook") => table.types.push(parse_hook(words).map_err(err)?),
                Some(func) => {
                    let flags = parse_flags(words).map_err(err)?;
                    let index = table.sets.len();
                    let set = table
                        .sets
                        .last_mut()
                        .ok_or_else(|| err("a function before the first set".into()))?;
                    set.kfuncs.insert(func.to_owned(), flags);
                    table
                        .by_name
                        .entry(func.to_owned())
                        .or_default()
                        .push(index - 1);
                }
            }
        }
        Ok(table)
    }

    /// All sets, in the file's order.
    pub fn sets(&self) -> &[KfuncSet] {
        &self.sets
    }

    /// The hook of a program type; None for those that may call only common kfuncs.
    pub fn hook(&self, prog_type: ProgType) -> Option<KfuncHook> {
        if self.types.is_empty() {
            return KfuncHook::of_prog_type(prog_type);
        }
        let mut hooks = self.types.iter();
        hooks
            .find(|(_, types)| types.contains(&prog_type))
            .map(|(hook, _)| *hook)
    }

    /// Flags of a kfunc for this hook (`btf_kfunc_id_set_contains()`); None if it is not registered
    /// for it.
    pub fn flags(&self, hook: KfuncHook, func: &str) -> Option<KfuncFlags> {
        self.sets_of(func)
            .find(|set| set.hooks.contains(&hook))
            .map(|set| set.kfuncs[func])
    }

    /// Flags of a kfunc for a program of this type: common ones first (`btf_kfunc_flags()`).
    pub fn flags_for(&self, prog_type: ProgType, func: &str) -> Option<KfuncFlags> {
        self.flags(KfuncHook::Common, func)
            .or_else(|| self.flags(self.hook(prog_type)?, func))
    }

    /// The filters of a hook, each once. They are asked about every kfunc of the hook, of whatever
    /// set (`__btf_kfunc_is_allowed()`).
    pub fn filters(&self, hook: KfuncHook) -> Vec<&str> {
        let sets = self.sets.iter().filter(|set| set.hooks.contains(&hook));
        let mut filters: Vec<&str> = sets.filter_map(|set| set.filter.as_deref()).collect();
        filters.sort_unstable();
        filters.dedup();
        filters
    }

    /// Whether this is a prototype alone: beside `f` with [`KfuncFlags::IMPLICIT_ARGS`] BTF has
    /// `f_impl`, which tells the parameters that programs do not give. There is no such function,
    /// unless it is a kfunc of its own, from the time before there were implicit arguments.
    pub fn is_prototype(&self, func: &str) -> bool {
        let implicit = |base: &str| {
            let mut sets = self.sets_of(base);
            sets.any(|set| set.kfuncs[base].contains(KfuncFlags::IMPLICIT_ARGS))
        };
        self.sets_of(func).next().is_none() && func.strip_suffix("_impl").is_some_and(implicit)
    }

    /// The sets that have this function.
    pub fn sets_of(&self, func: &str) -> impl Iterator<Item = &KfuncSet> {
        let indices = self.by_name.get(func).map_or(&[][..], Vec::as_slice);
        indices.iter().map(|&i| &self.sets[i])
    }
}

fn parse_set<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<KfuncSet, String> {
    let mut set = KfuncSet {
        name: words.next().ok_or("a set without a name")?.to_owned(),
        hooks: Vec::new(),
        filter: None,
        kfuncs: BTreeMap::new(),
    };
    for word in words {
        match word.split_once('=') {
            Some(("hooks", hooks)) => {
                for hook in hooks.split(',').filter(|h| !h.is_empty()) {
                    let hook = KfuncHook::from_name(hook);
                    set.hooks
                        .push(hook.ok_or_else(|| format!("'{word}': no such hook"))?);
                }
            }
            Some(("filter", filter)) => set.filter = Some(filter.to_owned()),
            _ => return Err(format!("'{word}' is neither hooks= nor filter=")),
        }
    }
    Ok(set)
}

fn parse_hook<'a>(
    mut words: impl Iterator<Item = &'a str>,
) -> Result<(KfuncHook, Vec<ProgType>), String> {
    let name = words.next().ok_or("a hook without a name")?;
    let hook = KfuncHook::from_name(name).ok_or_else(|| format!("'{name}': no such hook"))?;
    let (Some(types), None) = (words.next(), words.next()) else {
        return Err("a hook has a list of types".into());
    };
    let of_name = |name: &str| {
        let is_it = |t: &&ProgType| t.c_name().strip_prefix("BPF_PROG_TYPE_") == Some(name);
        let found = ProgType::ALL.iter().find(is_it).copied();
        found.ok_or_else(|| format!("'{name}': no such type of programs"))
    };
    Ok((
        hook,
        types.split(',').map(of_name).collect::<Result<_, _>>()?,
    ))
}

fn parse_flags<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<KfuncFlags, String> {
    let flags = words
        .next()
        .unwrap_or("")
        .split('|')
        .filter(|f| !f.is_empty())
        .map(|f| KfuncFlags::from_name(f).ok_or_else(|| format!("no flag is called '{f}'")))
        .try_fold(KfuncFlags::empty(), |all, flag| flag.map(|flag| all | flag))?;
    match words.next() {
        Some(word) => Err(format!("'{word}' after the flags")),
        None => Ok(flags),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "
# two sets
set common hooks=COMMON
bpf_obj_drop_impl RELEASE
set cpumask hooks=TRACING,SYSCALL filter=only_these
bpf_cpumask_acquire ACQUIRE
bpf_cpumask_first
";

    #[test]
    fn common_before_the_hook() {
        let table = KfuncTable::parse(TABLE).unwrap();
        let flags = |p, f| table.flags_for(p, f);
        assert_eq!(
            flags(ProgType::Xdp, "bpf_obj_drop_impl"),
            Some(KfuncFlags::RELEASE)
        );
        assert_eq!(
            flags(ProgType::Lsm, "bpf_cpumask_first"),
            Some(KfuncFlags::empty())
        );
        assert_eq!(flags(ProgType::Xdp, "bpf_cpumask_first"), None);
        assert_eq!(table.sets()[1].filter.as_deref(), Some("only_these"));
    }

    #[test]
    fn a_table_tells_who_comes_by_a_hook() {
        let table = KfuncTable::parse(TABLE).unwrap();
        assert_eq!(
            table.hook(ProgType::RawTracepoint),
            Some(KfuncHook::Tracing)
        );
        let older = KfuncTable::parse(&format!("hook TRACING TRACING,LSM\n{TABLE}")).unwrap();
        assert_eq!(older.hook(ProgType::RawTracepoint), None);
        let first = |prog_type| older.flags_for(prog_type, "bpf_cpumask_first");
        assert_eq!(first(ProgType::Lsm), Some(KfuncFlags::empty()));
        assert_eq!(first(ProgType::RawTracepoint), None);
        let common = older.flags_for(ProgType::RawTracepoint, "bpf_obj_drop_impl");
        assert_eq!(common, Some(KfuncFlags::RELEASE));
    }

    #[test]
    fn says_where_it_is_wrong() {
        let err = |text| KfuncTable::parse(text).unwrap_err().to_string();
        assert_eq!(
            err("f"),
            "kfunc table, line 1: a function before the first set"
        );
        assert_eq!(
            err("set a\nf NO"),
            "kfunc table, line 2: no flag is called 'NO'"
        );
        assert_eq!(
            err("hook NO LSM"),
            "kfunc table, line 1: 'NO': no such hook"
        );
        assert_eq!(
            err("hook XDP NO"),
            "kfunc table, line 1: 'NO': no such type of programs"
        );
        assert_eq!(
            err("hook XDP"),
            "kfunc table, line 1: a hook has a list of types"
        );
    }
}
