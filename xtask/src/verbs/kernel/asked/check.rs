// SPDX-License-Identifier: GPL-2.0-only
//! What the model ships of a kernel, held against what the kernel says. The shipped table of kfuncs is
//! of all configurations, read off sources; the kernel says what it has itself.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use bpf::kernel::kfuncs::{KfuncFlags, KfuncHook, KfuncSet, KfuncTable};
use bpf::uapi::ProgType;

/// What differs between the `asked` table of kfuncs and the `shipped` one, a line each; and how many
/// kfuncs are the same.
pub(super) fn kfuncs(asked: &str, shipped: &str) -> Result<(Vec<String>, usize)> {
    let asked = KfuncTable::parse(asked).context("the table that was asked for")?;
    let shipped = KfuncTable::parse(shipped).context("the table that is shipped")?;
    let (mut differ, mut same) = (Vec::new(), 0);
    for prog_type in ProgType::ALL {
        let hook = |table: &KfuncTable| table.hook(*prog_type).map_or("none", KfuncHook::name);
        let (asked, shipped) = (hook(&asked), hook(&shipped));
        if asked != shipped {
            let name = prog_type.c_name();
            differ.push(format!("{name}: its hook is {asked}, not {shipped}"));
        }
    }
    for set in asked.sets() {
        let name = &set.name;
        let Some(known) = shipped.sets().iter().find(|known| known.name == *name) else {
            differ.push(format!("set {name}: not shipped"));
            continue;
        };
        if set.filter != known.filter {
            let filter = |set: &KfuncSet| set.filter.clone().unwrap_or_else(|| "none".to_owned());
            let (asked, shipped) = (filter(set), filter(known));
            differ.push(format!("set {name}: the filter is {asked}, not {shipped}"));
        }
        if sorted(set) != sorted(known) {
            let (asked, shipped) = (sorted(set).join(","), sorted(known).join(","));
            differ.push(format!("set {name}: it is for {asked}, not {shipped}"));
        }
        for (kfunc, flags) in &set.kfuncs {
            match known.kfuncs.get(kfunc) {
                None => differ.push(format!("{kfunc} of {name}: not shipped")),
                Some(other) if flags_of_id(*other) == flags_of_id(*flags) => same += 1,
                Some(other) => {
                    let words = |flags: KfuncFlags| {
                        let names: Vec<&str> = flags.iter_names().map(|(name, _)| name).collect();
                        names.join("|")
                    };
                    let (asked, shipped) = (words(*flags), words(*other));
                    differ.push(format!("{kfunc} of {name}: flags {asked}, not {shipped}"));
                }
            }
        }
    }
    Ok((differ, same))
}

/// Lines of the table `name` that only one of both has, comments apart.
pub(super) fn lines(name: &str, asked: &str, shipped: &str) -> Vec<String> {
    let all = |text: &str| -> BTreeSet<String> {
        let lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        lines.map(str::to_owned).collect()
    };
    let (asked, shipped) = (all(asked), all(shipped));
    let more = asked
        .difference(&shipped)
        .map(|line| format!("{name}: not shipped: {line}"));
    let less = shipped
        .difference(&asked)
        .map(|line| format!("{name}: not asked: {line}"));
    more.chain(less).collect()
}

/// The flags without the one that older kernels have a list for, in their code.
fn flags_of_id(flags: KfuncFlags) -> KfuncFlags {
    flags - KfuncFlags::SPINLOCK_SAFE
}

fn sorted(set: &KfuncSet) -> Vec<&'static str> {
    let mut hooks: Vec<&str> = set.hooks.iter().map(|hook| hook.name()).collect();
    hooks.sort_unstable();
    hooks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_difference_is_told() {
        let shipped = "set a hooks=XDP,TC filter=f\none ACQUIRE|SPINLOCK_SAFE\ntwo RCU\nabsent\n";
        let same = "set a hooks=TC,XDP filter=f\none ACQUIRE\ntwo RCU\n";
        assert_eq!(kfuncs(same, shipped).unwrap(), (Vec::new(), 2));
        let hook = "hook XDP XDP\n".to_owned() + same;
        let (differ, _) = kfuncs(&hook, shipped).unwrap();
        let raw = "BPF_PROG_TYPE_RAW_TRACEPOINT: its hook is none, not TRACING";
        assert!(differ.contains(&raw.to_owned()), "{differ:?}");
        let asked = "set a hooks=TC\none RELEASE\nthree\nset b hooks=COMMON\nfour\n";
        let want = [
            "set a: the filter is none, not f",
            "set a: it is for TC, not TC,XDP",
            "one of a: flags RELEASE, not ACQUIRE|SPINLOCK_SAFE",
            "three of a: not shipped",
            "set b: not shipped",
        ];
        assert_eq!(
            kfuncs(asked, shipped).unwrap(),
            (want.map(str::to_owned).to_vec(), 0)
        );
        assert!(kfuncs("one RCU\n", shipped).is_err());
    }
}
