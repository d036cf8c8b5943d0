// SPDX-License-Identifier: GPL-2.0-only
//! Which types of programs come by which hook of kfuncs. That is in a kernel's code alone, so one of
//! each type that is no hook's own calls each kfunc, and what it may call tells whose hook it has.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::Result;
use bpf::btf::Btf;
use bpf::kernel::kfuncs::KfuncHook;
use bpf::uapi::{AttachType as A, ProgType as P};

use super::hooks::{self, Allowed, COMMON};
use super::sets::Set;
use crate::linux::target::Target;

/// The types, and where programs of each attach.
const TYPES: [(P, A); 17] = [
    (P::Tracepoint, A::CgroupInetIngress),
    (P::RawTracepoint, A::CgroupInetIngress),
    (P::RawTracepointWritable, A::CgroupInetIngress),
    (P::PerfEvent, A::CgroupInetIngress),
    (P::Lsm, A::LsmMac),
    (P::CgroupSock, A::CgroupInetSockCreate),
    (P::CgroupDevice, A::CgroupDevice),
    (P::CgroupSockAddr, A::CgroupInet4Bind),
    (P::CgroupSockopt, A::CgroupGetsockopt),
    (P::CgroupSysctl, A::CgroupSysctl),
    (P::SockOps, A::CgroupSockOps),
    (P::LwtOut, A::CgroupInetIngress),
    (P::LwtXmit, A::CgroupInetIngress),
    (P::LwtSeg6local, A::CgroupInetIngress),
    (P::SkMsg, A::SkMsgVerdict),
    (P::SkReuseport, A::SkReuseportSelect),
    (P::SkLookup, A::SkLookup),
];

/// The lines of the table that say it; none where all is as in the newest kernel.
pub(super) fn ask(
    target: &Target<'_>,
    btf: &Btf,
    sets: &[Set],
    allowed: &Allowed,
) -> Result<String> {
    let asked = TYPES.map(|(prog_type, attach)| (prog_type.c_name(), prog_type, attach));
    let said = hooks::calls(target, btf, sets, &asked)?;
    let hooks: Vec<(P, Option<KfuncHook>)> = P::ALL
        .iter()
        .map(|&prog_type| (prog_type, hook(prog_type, &said, allowed)))
        .collect();
    Ok(lines(&hooks))
}

/// The hook of a type: that of which it may call the most, and what the newest kernel says if two are
/// equally near.
fn hook(prog_type: P, said: &Allowed, allowed: &Allowed) -> Option<KfuncHook> {
    let newest = KfuncHook::of_prog_type(prog_type);
    if TYPES.iter().all(|(asked, _)| *asked != prog_type) {
        return newest;
    }
    let common = of(allowed, COMMON);
    let own = of(said, prog_type.c_name());
    let own: BTreeSet<&str> = own.difference(&common).copied().collect();
    let near = |hook: Option<KfuncHook>| {
        let all = hook
            .map(|hook| of(allowed, hook.name()))
            .unwrap_or_default();
        let all: BTreeSet<&str> = all.difference(&common).copied().collect();
        let shared = own.intersection(&all).count();
        // What one of both may call alone is what tells them apart.
        let apart = own.len() + all.len() - 2 * shared;
        (apart, hook != newest)
    };
    let hooks = allowed
        .iter()
        .filter(|(hook, _)| *hook != COMMON)
        .filter_map(|(hook, _)| KfuncHook::from_name(hook));
    let candidates: BTreeSet<Option<KfuncHook>> = hooks.map(Some).chain([None, newest]).collect();
    candidates.into_iter().min_by_key(|hook| near(*hook))?
}

/// What a type or a hook may call.
fn of<'a>(allowed: &'a Allowed, who: &str) -> BTreeSet<&'a str> {
    let its = allowed.iter().filter(|(hook, _)| *hook == who);
    its.map(|(_, kfunc)| kfunc.as_str()).collect()
}

fn lines(hooks: &[(P, Option<KfuncHook>)]) -> String {
    let mut text = String::new();
    if hooks
        .iter()
        .all(|(prog_type, hook)| *hook == KfuncHook::of_prog_type(*prog_type))
    {
        return text;
    }
    let all: BTreeSet<KfuncHook> = hooks.iter().filter_map(|(_, hook)| *hook).collect();
    for hook in all {
        let types = hooks.iter().filter(|(_, its)| *its == Some(hook));
        let names = types.map(|(prog_type, _)| prog_type.c_name());
        let names: Vec<&str> = names
            .map(|name| name.trim_start_matches("BPF_PROG_TYPE_"))
            .collect();
        let _ = writeln!(text, "hook {} {}", hook.name(), names.join(","));
    }
    text
}

#[cfg(test)]
mod tests {
    use bpf::kernel::kfuncs::KfuncTable;

    use super::*;

    fn allowed(lines: &[(&'static str, &str)]) -> Allowed {
        let pair = |(who, kfunc): &(&'static str, &str)| (*who, (*kfunc).to_owned());
        lines.iter().map(pair).collect()
    }

    #[test]
    fn a_type_has_the_hook_that_it_may_call_the_kfuncs_of() {
        let hooks = allowed(&[
            ("COMMON", "all"),
            ("TRACING", "all"),
            ("TRACING", "task"),
            ("TRACING", "mask"),
            ("CGROUP", "all"),
            ("CGROUP", "skb"),
        ]);
        let (raw, lsm, sysctl) = (P::RawTracepoint, P::Lsm, P::CgroupSysctl);
        let said = allowed(&[
            (raw.c_name(), "all"),
            (lsm.c_name(), "task"),
            (lsm.c_name(), "mask"),
            (lsm.c_name(), "file"),
            (sysctl.c_name(), "task"),
            (sysctl.c_name(), "mask"),
        ]);
        assert_eq!(hook(raw, &said, &hooks), None);
        assert_eq!(hook(lsm, &said, &hooks), Some(KfuncHook::Tracing));
        assert_eq!(hook(sysctl, &said, &hooks), Some(KfuncHook::Tracing));
        assert_eq!(hook(P::Xdp, &said, &hooks), Some(KfuncHook::Xdp));
        // Nothing tells the one from the other.
        let none = Allowed::new();
        assert_eq!(hook(raw, &none, &none), Some(KfuncHook::Tracing));
    }

    #[test]
    fn the_lines_are_a_table() {
        let newest = |t: &P| (*t, KfuncHook::of_prog_type(*t));
        let mut hooks: Vec<_> = P::ALL.iter().map(newest).collect();
        assert_eq!(lines(&hooks), "");
        for (prog_type, hook) in &mut hooks {
            if *prog_type == P::RawTracepoint {
                *hook = None;
            }
        }
        let table = KfuncTable::parse(&lines(&hooks)).unwrap();
        for (prog_type, hook) in hooks {
            assert_eq!(table.hook(prog_type), hook, "{}", prog_type.c_name());
        }
    }
}
