// SPDX-License-Identifier: GPL-2.0-only
//! Which kfuncs a struct_ops type and its members may call, where a filter decides: the frame names those
//! of its release, of which an older one has not all, or has them without a filter.

use bpf::kernel::kfuncs::KfuncTable;

use super::members::Guarded;
use super::sets::Set;
use super::struct_ops::type_name;

/// How the list begins, in a line of `struct_ops.txt`.
const KFUNCS: &str = "kfuncs=";

/// `struct_ops.txt` without the kfuncs, and sets of them, that no filter of `kfuncs` is asked about.
/// Members of which nothing is left to be said are left out.
pub(super) fn kept(struct_ops: &str, kfuncs: &KfuncTable) -> String {
    let filtered = |name: &&str| {
        let mut sets = kfuncs.sets().iter().filter(|set| set.filter.is_some());
        sets.any(|set| set.name == *name || set.kfuncs.contains_key(*name))
    };
    let mut text = String::new();
    for line in struct_ops.lines() {
        let Some((before, list)) = line.split_once(KFUNCS) else {
            text += line;
            text.push('\n');
            continue;
        };
        // It is the last thing that a line says.
        let names: Vec<&str> = list.split(',').filter(filtered).collect();
        let said = before.split_whitespace().count() > 1;
        match names.is_empty() {
            true if said => text += before.trim_end(),
            true => continue,
            false => text += &format!("{before}{KFUNCS}{}", names.join(",")),
        }
        text.push('\n');
    }
    text
}

/// `struct_ops.txt` with what the kernel itself says of the types that it was asked about.
pub(super) fn told(struct_ops: &str, guarded: &Guarded, sets: &[Set]) -> String {
    let mut text = String::new();
    let mut lines = struct_ops.lines().peekable();
    while let Some(line) = lines.next() {
        let name = type_name(line).filter(|name| guarded.knows(name));
        let Some(name) = name else {
            text += line;
            text.push('\n');
            continue;
        };
        text += &with_kfuncs(line, &guarded.of_type(name, sets));
        let mut besides = guarded.of_members(name, sets);
        while let Some(line) = lines.next_if(|line| line.starts_with(' ')) {
            let member = line.split_whitespace().next();
            let at = besides.iter().position(|(name, _)| Some(*name) == member);
            let kfuncs = at.map(|at| besides.remove(at).1);
            text += &with_kfuncs(line, &kfuncs.unwrap_or_default());
        }
        for (member, kfuncs) in besides {
            text += &with_kfuncs(&format!("  {member}"), &kfuncs);
        }
    }
    text
}

/// The line with these kfuncs in place of its own; nothing if it says nothing then.
fn with_kfuncs(line: &str, kfuncs: &[String]) -> String {
    let said = line.split(KFUNCS).next().unwrap_or_default().trim_end();
    let silent = said.split_whitespace().count() < 2;
    match kfuncs.is_empty() {
        true if silent => String::new(),
        true => format!("{said}\n"),
        false => format!("{said} {KFUNCS}{}\n", kfuncs.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_filter_is_asked_about_is_left_out() {
        let kfuncs = "set all hooks=STRUCT_OPS\none\n\nset some hooks=STRUCT_OPS filter=f\ntwo\n";
        let kfuncs = KfuncTable::parse(kfuncs).unwrap();
        let frame = "type ops stubs=s kfuncs=all,some,new\n  a kfuncs=all\n  b sleep=may kfuncs=one\n  \
                     c kfuncs=two,none\n  d sleep=may\n";
        assert_eq!(
            kept(frame, &kfuncs),
            "type ops stubs=s kfuncs=some\n  b sleep=may\n  c kfuncs=two\n  d sleep=may\n"
        );
    }
}
